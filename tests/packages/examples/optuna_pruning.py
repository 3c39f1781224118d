import keras
import numpy as np
import optuna
from optuna_integration import KerasPruningCallback, TFKerasPruningCallback

x, y = np.random.rand(64, 4), np.random.randint(0, 2, 64)


def objective(trial):
    model = keras.Sequential(
        [
            keras.layers.Dense(trial.suggest_int("units", 4, 8), activation="relu"),
            keras.layers.Dropout(trial.suggest_float("dropout", 0.0, 0.5)),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        keras.optimizers.RMSprop(trial.suggest_float("lr", 1e-4, 1e-1, log=True)), "binary_crossentropy", ["accuracy"]
    )
    kind = (KerasPruningCallback, TFKerasPruningCallback)[trial.number % 2]
    model.fit(x, y, validation_split=0.25, epochs=3, verbose=0, callbacks=[kind(trial, "val_accuracy")])
    return model.evaluate(x, y, verbose=0)[1]


study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(n_startup_trials=2))
study.optimize(objective, n_trials=5)
print(study.best_params, len(study.trials))
