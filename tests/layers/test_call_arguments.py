"""How `training` and `mask` reach `call` when they are given by position."""

import numpy as np
import pytest

import gazelle
from gazelle import layers, models

X = np.ones((2, 3), "float32")
MASK = np.array([True, False])


class Reports(layers.Layer):
    def call(self, x, training=None, mask=None):
        self.seen = training, mask
        return x


@pytest.mark.parametrize(
    ("arguments", "training"),
    [((), False), ((True,), True), ((False,), False), ((None,), False), ((None, None), False), ((True, None), True)],
)
def test_training_by_position(arguments, training):
    layer = Reports()
    layer(X, *arguments)
    assert layer.seen == (training, None)


def test_none_by_position_is_filled_in_from_the_outer_call_and_the_mask_of_the_input():
    class Outer(models.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.embedding, self.inner = layers.Embedding(4, 2, mask_zero=True), Reports()

        def call(this, x, training=None):  # noqa: N805 - a program may name it so
            return this.inner(this.embedding(x), None, None)

    model = Outer()
    model(np.array([[1, 0]]), True)
    assert model.inner.seen[0] is True
    assert np.asarray(model.inner.seen[1]).tolist() == [[True, False]]


def test_a_mask_after_none():
    layer = Reports()
    layer(X, None, MASK)
    assert layer.seen[0] is False
    assert layer.seen[1].tolist() == [True, False]


def test_joined_masks_of_inputs_with_masks_of_their_own_rank():
    joined = layers.Concatenate()
    words, characters = np.ones((2, 3, 4), "float32"), np.ones((2, 3, 5), "float32")
    masks = [np.array([[True, False, False]] * 2), np.array([[[True, False], [True, True], [False, False]]] * 2)]
    assert joined.compute_mask([words, characters], masks).tolist() == [[True, True, False]] * 2


class Untraceable(layers.Layer):
    def call(self, x, training=False):
        if not training:
            raise RuntimeError("only in training")
        return x


class DeclaresSpec(Untraceable):
    def compute_output_spec(self, x, training=False):
        return gazelle.KerasTensor(x.shape, x.dtype)


class DeclaresShape(Untraceable):
    def compute_output_shape(self, shape):
        return shape


@pytest.mark.parametrize("layer", [DeclaresSpec, DeclaresShape])
def test_what_a_layer_declares_stands_in_for_a_call_that_fails(layer):
    inputs = gazelle.Input((3,))
    model = gazelle.Model(inputs, layer()(inputs))
    assert model.output_shape == (None, 3)
    assert model(np.ones((2, 3)), training=True).shape == (2, 3)
    with pytest.raises(RuntimeError, match="only in training"):
        model.predict(np.ones((2, 3)), verbose=0)


def test_errors_of_a_call_without_a_declared_shape_are_raised():
    with pytest.raises(RuntimeError, match="only in training"):
        Untraceable()(gazelle.Input((3,)))


def test_build_without_a_parameter_receives_no_shape():
    class Token(gazelle.layers.Layer):
        def build(self):
            self.token = self.add_weight((1, 4), "ones", name="token")

        def call(self, x):
            return x + self.token

    x = gazelle.Input((4,))
    model = gazelle.Model(x, Token()(x))
    assert model(np.ones((2, 4), "float32"))[0, 0] == 2
    assert [w.name for w in model.weights] == ["token"]


class InnerMask(layers.Layer):
    """A layer of which the layer inside makes the mask."""

    def __init__(self):
        super().__init__()
        self.supports_masking = True
        self.inner = layers.Masking(2.0)

    def call(self, x, mask=None):
        return x if mask is None else self.inner(x)

    def compute_mask(self, x, mask=None):
        return None if mask is None else ~mask


def test_masks_of_inner_layers_are_those_of_the_output():
    x = np.array([[[0.0], [1.0], [2.0]]], "float32")
    y = InnerMask()(layers.Masking()(x))
    np.testing.assert_array_equal(y._keras_mask, [[True, True, False]])


def test_an_output_that_is_the_input_has_the_computed_mask():
    layer = InnerMask()
    layer.inner = lambda x: x
    y = layer(layers.Masking()(np.array([[[0.0], [1.0]]], "float32")))
    np.testing.assert_array_equal(y._keras_mask, [[True, False]])


class Convertible:
    """An object that only NumPy can convert."""

    def __init__(self, value):
        self.value = np.array(value)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.value, dtype)


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        (layers.Dense(2), [[1.0, 2.0]]),
        (layers.Embedding(3, 2), [1, 2]),
        (layers.LSTM(2), np.ones((1, 2, 3))),
        (layers.Resizing(2, 2), np.ones((1, 3, 3, 1))),
        (layers.RandomFlip(), np.ones((1, 3, 3, 1))),
        (layers.Hashing(3), [1, 2]),
        (layers.CategoryEncoding(4), [1, 2]),
        (layers.StringLookup(vocabulary=["a"]), ["a", "b"]),
        (layers.TextVectorization(vocabulary=["a"]), ["a b"]),
        (layers.Normalization(mean=0.0, variance=4.0), [[1.0, 2.0]]),
    ],
    ids=lambda case: getattr(case, "name", ""),
)
def test_an_object_with_only_a_conversion_to_an_array_is_an_input(layer, value):
    np.testing.assert_array_equal(layer(Convertible(value)), layer(np.array(value)))


def test_objects_with_a_conversion_to_an_array_are_several_inputs():
    np.testing.assert_array_equal(layers.Add()([Convertible([1.0]), Convertible([2.0])]), [3])


@pytest.mark.parametrize("kind", [tuple, list])
def test_several_shapes_that_a_layer_declares(kind):
    """A `call` that needs values is not traced; the numbers of Keras 3.15, which takes both."""

    class First(layers.Layer):
        def call(self, inputs):
            rows, counts = inputs
            mask = np.arange(4)[None] == np.asarray(counts) - 1
            return kind([np.asarray(rows)[mask], rows])

        def compute_output_shape(self, shapes):
            return kind([(shapes[0][0], shapes[0][2]), shapes[0]])

    rows, counts = layers.Input((4, 3)), layers.Input((1,), dtype="int32")
    picked, same = First()([rows, counts])
    assert (picked.shape, same.shape) == ((None, 3), (None, 4, 3))
    model = models.Model([rows, counts], layers.Dense(2, kernel_initializer="ones")(picked))
    assert np.asarray(model([np.arange(24.0).reshape(2, 4, 3), np.array([[2], [4]])])).tolist() == [[12, 12], [66, 66]]


def test_training_behind_several_inputs_is_not_given_by_position():
    class Sum(layers.Layer):
        def call(self, *inputs, training=None):
            return sum(inputs) * (2 if training else 1)

    layer, inputs = Sum(), layers.Input((3,))
    assert layer(X, X).tolist() == layer(X, X, training=False).tolist() == (2 * X).tolist()
    assert layer(X, X, training=True).tolist() == (4 * X).tolist()
    assert models.Model(inputs, layer(inputs, inputs * 2)).predict(X, verbose=0).tolist() == (3 * X).tolist()


class Exported(layers.Layer):
    def call(self, x):
        return x.numpy()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: Exported()(layers.Input((3,))),
            AttributeError,
            "a tensor has no attribute 'numpy'\nValues are unknown",
        ),
        (lambda: models.Sequential([layers.Dense(2)])(), TypeError, r"failed: .*\nCall it on its inputs: Sequential"),
        (lambda: layers.Dense(2)(X, X, 3), TypeError, r"\nCall it on its inputs: Dense\(\.\.\.\)\(x\)"),
        (lambda: Exported()(), TypeError, "The method needs self and the inputs"),
    ],
)
def test_calls_that_cannot_be_made(call, error, text):
    with pytest.raises(error, match=text):
        call()
