"""Models saved by Keras 1, with removed layers and other weight orders, predict the same as in Keras 1.

`golden/record_files.py` made the files: of Keras 1.2.2, `maxout` of 1.0.8, on Theano.
"""

import pathlib

import numpy as np
import pytest

from gazelle.compat.namespaces import root

keras = root("keras")

FILES = sorted((pathlib.Path(__file__).parent / "golden" / "files").glob("*.h5"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_predicts_as_then(path):
    data = np.load(path.with_suffix(".npz"))
    model = keras.models.load_model(path, compile=False)
    np.testing.assert_allclose(model.predict(data["x0"], verbose=0), data["pred0"], rtol=1e-4, atol=1e-5)
