"""The order of a layer's weights: as they were made, whatever is frozen later, as in Keras."""

import numpy as np
import pytest

import gazelle
from gazelle import Input, Sequential, layers

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
CASES = {
    "Dense": ("kernel", lambda: layers.Dense(3)),
    "BatchNormalization": ("gamma", layers.BatchNormalization),
    "LSTM": ("cell.kernel", lambda: layers.LSTM(2)),
    "Embedding": ("embeddings", lambda: layers.Embedding(5, 3)),
}


def made(case):
    shape = (2, 3) if case == "LSTM" else (3,)
    return Sequential([Input(shape, dtype="int32" if case == "Embedding" else None), CASES[case][1]()])


def freeze(model, case):
    thing = model.layers[0]
    for name in CASES[case][0].split("."):
        thing = getattr(thing, name)
    thing.trainable = False


@pytest.mark.parametrize("case", CASES)
def test_freezing_a_variable_moves_no_weight(case, tmp_path):
    model, other = made(case), made(case)
    names = [w.name for w in model.weights]
    freeze(model, case)
    assert [w.name for w in model.weights] == names
    assert CASES[case][0].rpartition(".")[2] not in [w.name for w in model.trainable_weights]
    for format in (".weights.h5", ".keras"):
        path = tmp_path / f"m{format}"
        if format == ".keras":
            model.save(path)
            found = gazelle.models.load_model(path)
        else:
            model.save_weights(path)
            other.load_weights(path)
            found = other
        for old, new in zip(model.get_weights(), found.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_corrections_of_low_rank_come_after_the_weight():
    model = made("Dense")
    model.layers[0].enable_lora(2)
    assert [w.name for w in model.weights] == ["kernel", "bias", "lora_kernel_a", "lora_kernel_b"]
