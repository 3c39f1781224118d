import os
import tempfile

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import keras
import mlflow
import numpy as np

mlflow.set_tracking_uri("file://" + tempfile.mkdtemp())
mlflow.set_experiment("digits")
x, y = np.random.rand(32, 4), np.random.rand(32)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
with mlflow.start_run() as run:
    mlflow.log_param("units", 4)
    model.fit(
        x,
        y,
        epochs=2,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: mlflow.log_metrics(logs, step=epoch))
        ],
    )
    from mlflow.keras.callback import MlflowCallback

    model.fit(x, y, epochs=1, verbose=0, callbacks=[MlflowCallback(run)])
print(mlflow.get_run(run.info.run_id).data.metrics)
