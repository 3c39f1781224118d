"""Write without_config.zip: a SavedModel of a subclassed model without `get_config`, and its predictions.

python record_without_config.py with tensorflow 2.4, which states neither a config nor an input shape. Of
saved_model.pb only the objects and the signatures are left, since gazelle reads nothing else.
"""

import os
import pathlib
import tempfile
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

TARGET = pathlib.Path(__file__).with_name("without_config.zip")
X = np.arange(12, dtype="float32").reshape(4, 3)


class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = tf.keras.layers.Dense(4, activation="tanh")
        self.out = tf.keras.layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))


def strip(path):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(path.read_bytes())
    graph = saved.meta_graphs[0]
    graph.graph_def.Clear()
    graph.object_graph_def.concrete_functions.clear()
    for field in ("meta_info_def", "saver_def"):
        graph.ClearField(field)
    path.write_bytes(saved.SerializeToString())


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = Net()
        model.compile("adam", "mse")
        model.fit(X, X[:, :1], verbose=0)
        model.save(folder)
        np.save(folder / "predictions.npy", model.predict(X))
        strip(folder / "saved_model.pb")
        with zipfile.ZipFile(TARGET, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, str(path.relative_to(folder)))


if __name__ == "__main__":
    main()
