"""Models saved by Keras 1, with removed layers and other weight orders, predict the same; optimizers continue.

`golden/record_files.py` made the files: of Keras 1.2.2, `maxout` of 1.0.8, on Theano.
"""

import pathlib

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("keras")

FILES = sorted((pathlib.Path(__file__).parent / "golden" / "files").glob("*.h5"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_predicts_as_then(path):
    data = np.load(path.with_suffix(".npz"))
    model = keras.models.load_model(path, compile=False)
    np.testing.assert_allclose(model.predict(data["x0"], verbose=0), data["pred0"], rtol=1e-4, atol=1e-5)


W = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adamax", "Adadelta", "RMSprop", "Adagrad", "Nadam"])
@pytest.mark.parametrize(("number", "standalone"), [(1, True), (2, True), (2, False)])
def test_optimizers_of_the_era_continue(name, number, standalone, tmp_path):
    era.set_release(era.Release(number, standalone))
    options = {"momentum": 0.9} if name == "SGD" else {"epsilon": 0.1}
    decay = {} if name == "Nadam" else {"decay": 0.1}
    try:
        model = keras.Sequential([keras.layers.Dense(4, use_bias=False, input_shape=(3,), weights=[W])])
        model.compile(getattr(keras.optimizers, name)(lr=0.05, clipnorm=0.5, **options, **decay), "mse")
        models = [model]
        for n in range(5):
            for each in models:
                each.optimizer.apply_gradients([(W * (n + 1) / 7 + 0.1, each.trainable_weights[0])])
            if n == 2:
                for ending in ("h5", "keras"):
                    model.save(str(tmp_path / f"m.{ending}"))
                    models.append(keras.models.load_model(str(tmp_path / f"m.{ending}")))
        for copy in models[1:]:
            np.testing.assert_allclose(copy.get_weights()[0], model.get_weights()[0], rtol=1e-5)
    finally:
        era.set_release(era.Release(3))
