"""Values computed from sizes can be used as shapes, also while a program is compiled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import ops
from gazelle.ops.sizes import known

X = np.arange(12.0, dtype="float32").reshape(2, 3, 2)


def tiled(x):
    batch, steps = ops.shape(x)[:2]
    causal = ops.arange(steps)[:, None] >= ops.arange(steps)
    times = ops.concatenate([ops.expand_dims(batch, -1), ops.convert_to_tensor([1, 1])], axis=0)
    return ops.tile(ops.reshape(causal, (1, steps, steps)), times)


SHAPED = {
    "tile": tiled,
    "reshape": lambda x: ops.reshape(x, ops.stack([ops.shape(x)[0], ops.prod(ops.shape(x)[1:])])),
    "broadcast_to": lambda x: ops.broadcast_to(x[:, :1], ops.maximum(ops.shape(x), ops.array([1, 3, 1]))),
    "zeros": lambda x: ops.zeros(ops.concatenate([ops.cast(ops.shape(x)[:2], "int32"), [4]])),
    "a size as an array": lambda x: ops.ones((ops.subtract(ops.shape(x)[1], 1), 2)),
}


@pytest.mark.parametrize("function", SHAPED.values(), ids=SHAPED)
def test_compiled_as_it_is_called(function):
    np.testing.assert_array_equal(jax.jit(function)(X), function(X))


def test_in_a_layer_of_a_model():
    class Mask(gazelle.layers.Layer):
        def call(self, x):
            return ops.cast(tiled(x), "float32")

    x = gazelle.Input((None, 2))
    model = gazelle.Model(x, Mask()(x))
    assert model.output_shape == (None, None, None)
    np.testing.assert_array_equal(model.predict(X, verbose=0), tiled(X))


def test_only_whole_numbers_are_sizes():
    assert known([3, [np.int32(1), jnp.array([2, 2])], None, "int32"])
    for other in ([None], [1.0], [np.ones(2)], [np.arange(33)], [1, [2.0]]):
        assert not known(other)
    jax.jit(lambda n: n.at[0].set(known([n])))(jnp.zeros(1))


@pytest.mark.parametrize("create", [ops.zeros, ops.ones, ops.empty, lambda shape: ops.full(shape, 2.0)])
def test_a_shape_has_one_axis(create):
    assert create(np.array([2, 3])).shape == (2, 3)
    with pytest.raises(TypeError, match=r"A shape: expected one integer for each axis, got an array of shape \(2, 2\)"):
        create(np.array([[2, 3], [1, 1]]))
