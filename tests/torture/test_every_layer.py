"""Every layer that Keras has too, in a `.keras` file of either library, read by the other."""

import keras
import numpy as np
import pytest

from gazelle import Input, Model
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize
from gazelle.models import load_model

from ..contracts import rows
from .conftest import LONG

pytestmark = [
    pytest.mark.skipif(not LONG, reason="only in the long run"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Keras asks NumPy for copies in an old way
    pytest.mark.filterwarnings("ignore:.*int64 requested in arange:UserWarning"),  # and JAX for int64
]
RNG = np.random.default_rng(0)
#: what Keras 3.15 cannot read of its own (a call that gives back its input, shears to either side), and what it leaves
#: as it is outside of training, against its own documents
OWN_TROUBLE = {"Equalization", "RandomShear", "RandomCrop"}


def _model(name):
    """A model of this layer, with weights that no initializer gives."""
    kwargs, shapes = rows.LAYERS[name]
    kwargs = {key: deserialize(value) if isinstance(value, dict) else value for key, value in kwargs.items()}
    inputs = [Input(shape[1:], dtype="int32" if name in rows.WHOLE else "float32") for shape in shapes]
    layer = REGISTRY["layers"][name](**kwargs)
    outputs = layer(*inputs) if name in rows.SEPARATE or len(inputs) == 1 else layer(inputs)
    model = Model(inputs if len(inputs) > 1 else inputs[0], outputs)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(RNG.uniform(0.5, 1.0, weight.shape))
    return model


def _data(name):
    draw = (lambda shape: RNG.integers(0, 9, shape)) if name in rows.WHOLE else (lambda shape: RNG.normal(size=shape))
    return [draw(shape).astype("int32" if name in rows.WHOLE else "float32") for shape in rows.LAYERS[name][1]]


@pytest.mark.parametrize("name", sorted(name for name in set(rows.LAYERS) - OWN_TROUBLE if hasattr(keras.layers, name)))
def test_both_ways(name, tmp_path):
    ours, x = _model(name), _data(name)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    again = load_model(tmp_path / "theirs.keras")
    x = x if len(x) > 1 else x[0]
    one, two, three = (np.asarray(model(x, training=False)) for model in (ours, theirs, again))
    np.testing.assert_array_equal(three, one)
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)
