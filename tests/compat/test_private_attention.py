"""Private attributes and methods that packages use in subclasses of `MultiHeadAttention`, and of other classes."""

import numpy as np

from gazelle.compat.namespaces import root
from gazelle.core import budget
from gazelle.core.errors import UnsafeFileError

keras = root("keras")
layers = keras.layers


class WithoutBiasOfKeys(layers.MultiHeadAttention):
    """Creates its projections as subclasses in packages do."""

    def build(self, query_shape, value_shape, key_shape=None):
        for name, shape in (("query", query_shape), ("key", value_shape), ("value", value_shape)):
            projection = layers.EinsumDense(
                "abc,cde->abde",
                output_shape=(None, self._num_heads, self._value_dim if name == "value" else self._key_dim),
                bias_axes="de" if self._use_bias and name != "key" else None,
                **self._get_common_kwargs_for_sublayer(),
            )
            projection.build(shape)
            setattr(self, f"_{name}_dense", projection)
        self._build_attention(4)
        assert self._output_shape is None
        self._output_dense = layers.EinsumDense("abcd,cde->abe", output_shape=(None, query_shape[-1]), bias_axes="e")
        self._output_dense.build(self._query_dense.compute_output_shape(query_shape))
        self.built = True


def test_a_subclass_of_attention_creates_its_projections():
    layer, plain = WithoutBiasOfKeys(2, 3), layers.MultiHeadAttention(2, 3)
    x = np.random.default_rng(0).random((2, 4, 5), "float32")
    y = layer(x, x)
    plain(x, x)
    assert len(layer.weights) == 7
    for name in ("query", "key", "value", "output"):
        getattr(plain, f"{name}_dense").kernel.assign(getattr(layer, f"{name}_dense").kernel)
    np.testing.assert_allclose(y, plain(x, x), rtol=1e-5, atol=1e-6)  # all biases are 0


def test_a_package_asks_whether_a_file_is_being_loaded(installed):
    from keras.src.saving.serialization_lib import in_safe_mode

    assert not in_safe_mode()
    with budget.Budget(10, lambda shape: UnsafeFileError(str(shape))):
        assert in_safe_mode()


class OfItself(layers.MultiHeadAttention):
    """Has other arguments than its parent, which builds itself for those it receives."""

    def __init__(self, size, **kwargs):
        super().__init__(num_heads=2, key_dim=size, **kwargs)
        self.first = layers.Dense(6)

    def call(self, x):
        x = self.first(x)
        return super().call(x, x[:, :2])


def test_call_of_a_subclass_of_attention_has_its_own_arguments():
    inputs = layers.Input((5, 4))
    model = keras.Model(inputs, OfItself(3)(inputs))
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 5, 4)), np.ones((4, 5, 6)), verbose=0)
    assert model.output_shape == (None, 5, 6)
    assert model.count_params() == 198


def test_the_fourth_argument_of_attention_is_its_mask_until_keras_3():
    x = np.random.default_rng(0).random((2, 5, 4), "float32")
    mask = np.tril(np.ones((1, 5, 5), "bool")).repeat(2, 0)
    layer = layers.MultiHeadAttention(2, 3)
    expected = layer(x, x, attention_mask=mask)
    np.testing.assert_allclose(layer(x, x, x, mask), expected, rtol=1e-6)
    y, scores = layer(x, x, None, mask, True)
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    assert scores.shape == (2, 2, 5, 5)
