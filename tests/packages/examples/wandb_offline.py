import os
import tempfile

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=tempfile.mkdtemp())
import keras
import numpy as np
import wandb
from wandb.integration.keras import WandbMetricsLogger, WandbModelCheckpoint

run = wandb.init(project="digits", config={"units": 4})
x, y = np.random.rand(32, 4), np.random.rand(32)
model = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(wandb.config.units, activation="relu"), keras.layers.Dense(1)]
)
model.compile("adam", "mse", metrics=["mae"])
path = os.path.join(tempfile.mkdtemp(), "model-{epoch}.keras")
model.fit(
    x,
    y,
    epochs=2,
    validation_split=0.2,
    verbose=0,
    callbacks=[WandbMetricsLogger(log_freq=5), WandbModelCheckpoint(path, save_freq="epoch")],
)
run.finish()
