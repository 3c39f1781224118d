"""`.keras` and `.weights.h5` files of user-defined models of tf.keras 2.12 to 2.15, whose paths stand here."""

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import ShapeError
from gazelle.saving import hdf5


class Network(gazelle.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [gazelle.Sequential([layers.Dense(4), layers.ReLU()]), layers.LayerNormalization()]
        self.score = layers.Dense(4)
        self.again = self.score
        self.norm = layers.LayerNormalization()

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.norm(self.score(x))


#: paths in a file of TensorFlow 2.15, which visits attributes from z to a, and lists the other layers as `layers`
PATHS = {
    "score/vars": [(4, 4), (4,)],
    "norm/vars": [(4,), (4,)],
    "layers/sequential/layers/dense/vars": [(4, 4), (4,)],
    "layers/layer_normalization/vars": [(4,), (4,)],
}


def write(path, names):
    values = np.random.RandomState(0)
    arrays = {
        f"{name}/{number}": values.normal(size=shape).astype("float32")
        for name, shapes in names.items()
        for number, shape in enumerate(shapes)
    }
    path.write_bytes(hdf5.file_of(arrays, {}))
    return arrays


def network():
    model = Network()
    model(np.ones((1, 4), "float32"))
    return model


def test_paths_of_tf_keras(tmp_path):
    arrays = write(tmp_path / "a.weights.h5", PATHS)
    model = network()
    model.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(model.score.kernel, arrays["score/vars/0"])
    np.testing.assert_array_equal(model.norm.gamma, arrays["norm/vars/0"])
    np.testing.assert_array_equal(model.blocks[0].layers[0].kernel, arrays["layers/sequential/layers/dense/vars/0"])
    np.testing.assert_array_equal(model.blocks[1].beta, arrays["layers/layer_normalization/vars/1"])


def test_a_file_without_a_layer(tmp_path):
    write(tmp_path / "a.weights.h5", {name: shapes for name, shapes in PATHS.items() if "dense" not in name})
    with pytest.raises(ShapeError, match=r"blocks/sequential/layers/dense/vars .*expected 2 arrays"):
        network().load_weights(tmp_path / "a.weights.h5")
