import pickle

import keras
import numpy as np
from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

x, y = make_classification(100, 20, n_informative=10, random_state=0)
x = x.astype("float32")


def model(hidden, meta):
    net = keras.models.Sequential()
    net.add(keras.layers.Input(shape=(meta["n_features_in_"],)))
    net.add(keras.layers.Dense(hidden, activation="relu"))
    net.add(keras.layers.Dense(1, activation="sigmoid"))
    return net


classifier = KerasClassifier(model, loss="binary_crossentropy", hidden=8, epochs=2, verbose=0, optimizer="adam")
classifier.fit(x, y)
assert classifier.predict_proba(x).shape == (100, 2)
copy = pickle.loads(pickle.dumps(classifier))
np.testing.assert_allclose(copy.predict_proba(x), classifier.predict_proba(x), rtol=1e-5)
search = GridSearchCV(
    classifier, {"hidden": [4, 8], "optimizer__learning_rate": [0.01]}, cv=2, scoring="accuracy", refit=False
)
search.fit(x, y)
print(search.best_score_, search.best_params_)
pipeline = make_pipeline(StandardScaler(), classifier)
print(cross_val_score(pipeline, x, y, cv=2, n_jobs=2, error_score="raise"))
regressor = KerasRegressor(
    model, loss=keras.losses.MeanSquaredError, hidden=4, metrics=["r2_score"], epochs=1, verbose=0
)
print(regressor.fit(x, y.astype("float32")).score(x, y.astype("float32")))
