"""Errors are of the types that Keras 3.15 raises, so that `except` in programs catches them."""

import numpy as np
import pytest

import gazelle as keras
from gazelle.core import errors
from gazelle.core.errors import GazelleError

X = np.ones((2, 4), "float32")
UNBUILT = {
    "Dense": lambda: keras.layers.Dense(2),
    "Embedding": lambda: keras.layers.Embedding(3, 2),
    "EinsumDense": lambda: keras.layers.EinsumDense("ab,bc->ac", 2),
    "Conv2D": lambda: keras.layers.Conv2D(2, 2),
}
CASES = {
    ValueError: [
        "L.Dense(2).count_params()",
        "unbuilt.count_params()",
        "unbuilt.save_weights('u.weights.h5')",
        "unbuilt.load_weights('u.weights.h5')",
        "unbuilt.quantize('int8')",
        "uncompiled.fit(X, X, verbose=0)",
        "uncompiled.evaluate(X, X, verbose=0)",
        "uncompiled.train_on_batch(X, X)",
        "int(keras.Input((3,)))",
        "np.array(keras.Input((3,)))",
        "L.Dense(0)",
        "L.Dense(2, activation='no_such')",
        "keras.saving.load_model('no_such.keras')",
        "keras.saving.load_model('no_such')",
        "keras.optimizers.get('no_such')",
    ],
    AttributeError: [
        "L.Dense(2).input",
        "L.Dense(2).output",
        "L.Dense(2).kernel",
        *[f"unbuilt.{name}" for name in ("input", "output", "inputs", "outputs", "input_shape", "output_shape")],
    ],
    TypeError: [
        "bool(keras.Input((3,)))",
        "len(keras.Input(()))",
        "L.RepeatVector('a')",
        "L.RepeatVector(1.5)",
        "L.UpSampling1D('a')",
        "L.Dot(axes='a')",
        "L.UnitNormalization(axis='a')",
        "L.LayerNormalization(axis={1})",
        "L.AdaptiveMaxPooling1D('a')",
        "L.AdaptiveAveragePooling2D((1, 2, 3))",
        "L.Lambda(3)",
        "L.Dropout('a')",
        "L.Bidirectional(L.Dense(2))",
        "L.Dense(2, no_such=3)",
        "L.deserialize({'class_name': 'NoSuch', 'config': {}})",
        "keras.saving.deserialize_keras_object({'class_name': 'NoSuch', 'config': {}})",
        "keras.saving.serialize_keras_object(object())",
        "keras.utils.split_dataset(3, left_size=0.5)",
        "keras.DTypePolicy(3)",
        "keras.tree.map_structure(3, X)",
    ],
    FileNotFoundError: [
        "keras.utils.image_dataset_from_directory('no_such')",
        "keras.saving.load_model('no_such.h5')",
        "uncompiled.load_weights('no_such.weights.h5')",
    ],
}


@pytest.mark.parametrize(("kind", "line"), [(kind, line) for kind, lines in CASES.items() for line in lines])
def test_the_type_of_keras(kind, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"keras": keras, "L": keras.layers, "np": np, "X": X}
    names |= {"unbuilt": keras.Sequential([keras.layers.Dense(2)])}
    names |= {"uncompiled": keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])}
    with pytest.raises(kind) as caught:
        eval(line, names)
    assert isinstance(caught.value, GazelleError) or line == "L.Dense(2).kernel"


@pytest.mark.parametrize("name", UNBUILT)
@pytest.mark.parametrize("call", ["enable_lora", "quantize"])
def test_layers_that_are_not_built(name, call):
    if (name, call) == ("Conv2D", "quantize"):
        pytest.skip("it has no quantized form")
    with pytest.raises(ValueError, match=f"{call} of {name} '.*', which is not built"):
        getattr(UNBUILT[name](), call)(*{"enable_lora": (2,), "quantize": ("int8",)}[call])


def test_what_a_layer_does_not_have_yet():
    layer = keras.layers.Dense(2)
    assert not hasattr(layer, "input")
    layer(keras.Input((3,)))
    assert hasattr(layer, "input")
    keras.layers.LSTM(2).reset_state()  # has no states: nothing to reset


def test_all_exceptions_are_public():
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    own = {cls.__name__ for cls in classes if cls.__module__ == errors.__name__}
    assert own == set(keras.errors.__all__)
    assert all(issubclass(getattr(keras.errors, name), GazelleError) for name in own)
