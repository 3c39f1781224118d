import numpy as np
from kerashypetune import KerasGridSearch, KerasGridSearchCV, KerasRandomSearch
from scipy import stats
from sklearn.model_selection import KFold
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import Adam


def build(param):
    model = Sequential([Dense(param["units"], activation="relu"), Dense(1)])
    model.compile(Adam(learning_rate=param["lr"]), "mse", metrics=["mae"])
    return model


x = np.random.rand(96, 5)
y = x.sum(axis=1)
held_out = (x[64:], y[64:])
grid = {"units": [8, 16], "lr": [0.01], "epochs": 2, "batch_size": 32}
search = KerasGridSearch(build, grid, monitor="val_loss", greater_is_better=False)
search.search(x[:64], y[:64], validation_data=held_out)
assert search.best_params["units"] in (8, 16)
folds = KerasGridSearchCV(build, grid, cv=KFold(2), monitor="val_loss", greater_is_better=False)
folds.search(x, y)
grid["lr"] = stats.uniform(1e-4, 0.1)
random = KerasRandomSearch(build, grid, monitor="val_loss", greater_is_better=False, n_iter=2, sampling_seed=3)
random.search(x[:64], y[:64], validation_data=held_out)
assert len(random.scores) == 2
