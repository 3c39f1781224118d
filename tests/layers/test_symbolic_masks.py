"""A layer's call receives the mask also while a functional model is built."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.masks import get_mask

X = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])


def weighted(k):
    class Weighted(k.layers.Layer):
        """Softmax over the steps that count."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, x, mask=None):
            assert mask is not None, "no mask"
            return k.ops.exp(x) * k.ops.cast(mask, "float32")[..., None]

    x = k.Input((None,), dtype="int32")
    h = k.layers.Dense(1, kernel_initializer="ones")(k.layers.Embedding(5, 3, mask_zero=True, name="table")(x))
    return k.Model(x, Weighted()(k.layers.Dropout(0.5)(h)))


def test_call_is_given_the_mask_of_a_symbolic_tensor():
    ours, theirs = weighted(gazelle), weighted(keras)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5)
    assert ours.get_layer("table").output.mask == (None, None)


def test_the_mask_of_an_array_stands_where_keras_has_it():
    masked = gazelle.layers.Embedding(5, 3, mask_zero=True)(X)
    np.testing.assert_array_equal(masked._keras_mask, X != 0)


def test_masks_of_several_outputs_in_any_structure():
    class Two(gazelle.layers.Layer):
        def call(self, x):
            return x * 2, x * 3

        def compute_mask(self, x, mask=None):
            return [[mask, None], None]

    words = gazelle.layers.Embedding(5, 3, mask_zero=True)
    np.testing.assert_array_equal(Two()(words(X))[0]._keras_mask, X != 0)
    first, second = Two()(words(gazelle.Input((None,), dtype="int32")))
    assert (first.mask, second.mask) == ((None, None), None)


def test_masks_of_a_first_argument_given_by_name():
    query = gazelle.layers.Embedding(4, 8, mask_zero=True)(np.array([[1, 2, 0]]))
    out = gazelle.layers.MultiHeadAttention(2, 2)(query=query, value=np.ones((1, 3, 8), "float32"))
    assert get_mask(out).tolist() == [[True, True, False]]


def named(k):
    class Named(k.layers.Layer):
        """The sums of the masks of two arguments, each of which has a parameter of its own."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, query, value, query_mask=None, value_mask=None, training=False):
            counts = [0.0 if m is None else k.ops.sum(k.ops.cast(m, "float32")) for m in (query_mask, value_mask)]
            return query + 10 * counts[0] + 100 * counts[1]

    x, y = k.Input((None,), dtype="int32"), k.Input((4, 3))
    masked = k.layers.Embedding(5, 3, mask_zero=True)(x)
    return k.Model([x, y], [Named()(masked, masked), Named()(y, masked), Named()(masked, value=y), Named()(y, value=y)])


def test_each_tensor_has_a_parameter_for_its_mask():
    ours, theirs = named(gazelle), named(keras)
    ours.set_weights(theirs.get_weights())
    data = [X, np.ones((2, 4, 3), "float32")]
    for a, b in zip(ours(data), theirs(data), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def by_keyword(k):
    class Counted(k.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, steps, mask=None):
            return steps if mask is None else steps + k.ops.sum(k.ops.cast(mask, "float32"))

    x = k.Input((None,), dtype="int32")
    return k.Model(x, k.layers.GlobalAveragePooling1D()(Counted()(steps=k.layers.Embedding(5, 3, mask_zero=True)(x))))


def test_masks_of_arguments_by_keyword():
    ours, theirs = by_keyword(gazelle), by_keyword(keras)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-5)


def _steps(**kwargs):
    return layers.SimpleRNN(1, kernel_initializer="ones", recurrent_initializer="ones", **kwargs)


def _functional():
    x = gazelle.Input((3, 1))
    return gazelle.Model(x, _steps()(x))


@pytest.mark.parametrize("make", [_functional, lambda: gazelle.Sequential([_steps()])])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_a_model_that_is_called_with_a_mask_passes_it_to_its_layers(make, dtype):
    x, mask = jnp.ones((2, 3, 1), dtype), np.array([[True, False, False], [True, True, False]])
    model = make()
    np.testing.assert_allclose(model(x, mask=mask)[:, 0], [0.7615942, 0.9426808], rtol=1e-6)
    np.testing.assert_allclose(model(x)[:, 0], [0.9597461, 0.9597461], rtol=1e-6)  # x itself has no mask
    given, its = gazelle.Input((3, 1)), gazelle.Input((3,), dtype="bool")
    outer = gazelle.Model([given, its], model(given, mask=its))
    np.testing.assert_allclose(outer.predict([x, mask], verbose=0)[:, 0], [0.7615942, 0.9426808], rtol=1e-6)


def test_masks_of_several_inputs_of_a_model():
    a, b = gazelle.Input((3, 1)), gazelle.Input((3, 1))
    model, x = gazelle.Model([a, b], [_steps()(a), _steps()(b)]), np.ones((1, 3, 1))
    first, second = model([x, x], mask=[np.array([[True, False, False]]), None])
    np.testing.assert_allclose([first[0, 0], second[0, 0]], [0.7615942, 0.9597461], rtol=1e-6)
