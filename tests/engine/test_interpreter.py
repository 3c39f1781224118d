"""The interpreter alone, with a target whose operations are JAX's own: what it inlines, what it does to keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.engine.lowering import NotLowered, lower, traced
from gazelle.engine.lowering.interpreter import INLINED
from gazelle.engine.lowering.keys import KEYLESS


class Own(dict):
    """Every primitive as itself; what the interpreter inlines or makes of simpler ones is left to it."""

    def get(self, name, default=None):
        if name in INLINED or name in KEYLESS:
            return None
        return lambda ctx, *inputs, **params: ctx.eqn.primitive.bind(*inputs, **params)


class Target:
    name, RULES, MISSING = "itself", Own(), {}
    constant = staticmethod(jnp.asarray)


class Few:
    name, RULES, MISSING = "few", {"sin": lambda ctx, x, **_: jnp.sin(x)}, {"sort": "it has no order"}
    constant = staticmethod(jnp.asarray)


@pytest.mark.parametrize(
    "draw",
    [
        lambda key: jax.random.bits(key, (3, 5)),
        lambda key: jax.random.bits(key, (7,), "uint8"),
        lambda key: jax.random.uniform(jax.random.fold_in(key, 3), (4,)),
        lambda key: jax.random.permutation(jax.random.split(key)[1], 10),
        lambda key: jax.vmap(lambda k: jax.random.bits(k, (2,)))(jax.random.split(key, 3)[1:]),
        lambda key: jax.random.key_data(jax.random.key(5)),
        lambda key: jax.random.key_data(jnp.stack([key, jax.random.split(key)[0]])),
    ],
)
def test_bits_are_those_of_xla_without_keys(draw):
    key = jax.random.key(1)
    (got,) = lower(traced(draw, key), Target, jax.random.key_data(key))
    np.testing.assert_array_equal(got, draw(key))


def test_what_only_holds_a_program_is_inlined():
    held = lambda x: jax.jit(jax.checkpoint(jnp.sin))(x) + jax.nn.relu(x)  # noqa: E731
    (got,) = lower(traced(jax.grad(held), 2.0), Target, np.float32(2))
    np.testing.assert_allclose(got, jax.grad(held)(2.0))


def test_a_missing_rule_names_primitive_layer_target_and_reason():
    def program(x):
        with jax.named_scope("block1"), jax.named_scope("conv2d"):
            return jax.jit(jnp.sort)(jnp.sin(x))

    with pytest.raises(NotLowered, match=r"'sort' \(in block1/conv2d\) has no rule for 'few': it has no order\."):
        lower(traced(program, np.ones(3)), Few, np.ones(3))
    with pytest.raises(NotLowered, match=r"^'cos' has no rule for 'few'\.$"):
        lower(traced(jnp.cos, 1.0), Few, 1.0)


def test_other_kinds_of_keys_are_refused():
    with pytest.raises(ValueError, match="expected keys of Threefry, JAX's default, got keys of type key<rbg>"):
        lower(traced(lambda: jax.random.bits(jax.random.key(1, impl="rbg"), (3,))), Few)
