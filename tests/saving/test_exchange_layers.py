"""Files of every layer class open in Keras 3.15, and those of Keras in gazelle, with equal weights."""

import importlib.util
import pathlib

import keras
import numpy as np
import pytest

import gazelle

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Keras asks NumPy for copies in an old way
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype"),  # and JAX for int64
]

_spec = importlib.util.spec_from_file_location("rows", pathlib.Path(__file__).parents[1] / "contracts" / "rows.py")
rows = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rows)

NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}  # the public names of classes
REFUSED = {
    "Equalization": "Keras makes a graph with a cycle",
    "RandomShear": "Keras refuses the factors that it writes itself",
}
GATES = {
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "use_gate": True},
    "GroupedQueryAttention": {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2, "use_gate": True},
}
CLASSES = sorted(name for name in rows.LAYERS if hasattr(keras.layers, NAMES.get(name, name)) and name not in REFUSED)


def _model(library, name, arguments=None):
    """A model of one layer, its weights filled with numbers that are all different."""
    row, shapes = rows.LAYERS[name]
    arguments = dict(row if arguments is None else arguments)
    for key, value in arguments.items():
        if isinstance(value, dict):
            arguments[key] = getattr(library.layers, value["class_name"])(**value["config"])
    if name.startswith("AveragePooling"):
        arguments.setdefault("pool_size", 2)  # Keras requires it
    layer = getattr(library.layers, NAMES.get(name, name))(**arguments)
    dtype = "int32" if name in rows.WHOLE else "float32"
    inputs = [library.Input(shape[1:], dtype=dtype) for shape in shapes]
    outputs = layer(*inputs) if name in rows.SEPARATE or len(inputs) == 1 else layer(inputs)
    model = library.Model(inputs if len(inputs) > 1 else inputs[0], outputs)
    random = np.random.default_rng(5)
    model.set_weights([random.uniform(0.1, 0.9, w.shape) if w.dtype.kind == "f" else w for w in model.get_weights()])
    return model


def _check(ours, theirs, folder):
    """Both directions give equal weights, all of them different."""
    ours.save(folder / "ours.keras")
    theirs.save(folder / "theirs.keras")
    loaded = gazelle.models.load_model(folder / "theirs.keras"), keras.models.load_model(folder / "ours.keras")
    for mine, other in ((ours, loaded[1]), (loaded[0], theirs)):
        for a, b in zip(mine.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", CLASSES)
def test_files_of_every_layer(name, tmp_path):
    _check(_model(gazelle, name), _model(keras, name), tmp_path)


@pytest.mark.parametrize("name", GATES)
def test_the_gate_of_attention(name, tmp_path):
    _check(_model(gazelle, name, GATES[name]), _model(keras, name, GATES[name]), tmp_path)


def test_names_of_attention_in_earlier_files(tmp_path, monkeypatch):
    """Earlier versions wrote the projections under gazelle's names."""
    ours = _model(gazelle, "GroupedQueryAttention")
    with monkeypatch.context() as patch:
        patch.setattr(gazelle.layers.GroupQueryAttention, "_keras_attributes", {})
        ours.save(tmp_path / "earlier.keras")
    again = gazelle.models.load_model(tmp_path / "earlier.keras")
    for a, b in zip(again.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
