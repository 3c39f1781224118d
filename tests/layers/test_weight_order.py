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


def test_attributes_that_were_none_are_in_the_order_of_their_weights():
    class Late(layers.Layer):
        def __init__(self):
            super().__init__()
            self.w = self.v = self.a = self.b = self.last = self.inner = None

        def build(self, input_shape):
            for kind, offset in (("w", "a"), ("v", "b")):
                setattr(self, kind, self.add_weight((3, 3), name=kind))
                setattr(self, offset, self.add_weight((3,), name=offset))
            self.inner, self.last = layers.Dense(2), layers.Dense(4)
            self.inner.build(input_shape)
            self.last.build(input_shape)

        def call(self, x):
            return x

    layer = Late()
    layer.build((None, 3))
    shapes = [(3, 3), (3,), (3, 3), (3,), (3, 2), (2,), (3, 4), (4,)]  # of Keras 3.15 and TensorFlow 2.15
    assert [w.shape for w in layer.get_weights()] == shapes
    assert [w.name for w in layer.weights[:4]] == ["w", "a", "v", "b"]


@pytest.mark.parametrize("first", [True, False])
def test_a_name_may_be_the_automatic_one_of_another_class(tmp_path, first):
    named = layers.PReLU(name="activation_1", alpha_initializer="ones")
    others = [layers.Activation("relu"), layers.Activation("tanh")]
    model = Sequential([Input((3,)), *([named, *others] if first else [*others, named]), layers.Dense(2)])
    assert len(model.weights) == len(model.get_weights()) == 3
    model.compile("sgd", "mse")
    model.fit(-np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "m.keras")
    again = gazelle.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.layers[0 if first else 2].alpha, named.alpha)


def test_variables_follow_the_trainable_of_their_layer():
    """As in Keras 3: programs count `v.trainable` of all variables of a model that is frozen in part."""
    model = Sequential([Input((3,)), layers.Dense(2), layers.BatchNormalization(), layers.Dense(1, trainable=False)])
    dense, normalization, frozen = model.layers
    assert [v.trainable for v in frozen.weights] == [False, False]
    model.trainable = False
    assert not any(v.trainable for v in model.weights)
    dense.trainable = True
    assert [v.trainable for v in model.weights] == [True, True, *[False] * 6]
    dense.kernel.trainable = False
    model.trainable = True
    assert [v.trainable for v in normalization.weights] == [True, True, False, False]
    assert len(model.trainable_weights) == 6
