"""The interpreter with JAX itself as target: inlining and random keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.engine.lowering import NotLowered, lower, traced
from gazelle.engine.lowering.decompose import DECOMPOSED
from gazelle.engine.lowering.interpreter import INLINED


class Own(dict):
    """Every primitive as itself; what the interpreter inlines or makes of simpler ones is left to it."""

    def get(self, name, default=None):
        if name in INLINED or name in DECOMPOSED:
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


_X = np.linspace(-0.9, 0.95, 24, dtype=np.float32).reshape(2, 12)


@pytest.mark.parametrize(
    ("made", "x"),
    [
        (jax.scipy.special.erfinv, np.float32([[-1, -0.99999, 0.3], [0, 0.999999, 1]])),
        (lambda x: x**7, _X),
        (lambda x: x**-3, _X),
        (lambda x: x**0, _X),
        (lambda x: jax.lax.cumsum(x, 1, reverse=True), _X),
        (lambda x: jax.lax.cummax(x, 1), _X),
        (lambda x: jax.lax.cumlogsumexp(x, 0), _X),
        (lambda x: jax.lax.round(x * 10), _X),
        (
            lambda x: jax.lax.round(x * 10, jax.lax.RoundingMethod.TO_NEAREST_EVEN),
            np.float32([0.05, 0.15, 0.25, -0.05]),
        ),
        (lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 3), (1, 2), ((0, 0), (1, 2))), _X),
        (jax.grad(lambda x: (jax.lax.reduce_window(x, 0.0, jax.lax.add, (2, 3), (1, 2), "SAME") ** 2).sum()), _X),
        (lambda x: jnp.clip(jnp.cbrt(x), -0.5, 0.5) + jnp.exp2(x) + jnp.log2(x * x) + jnp.tan(x), _X),
        (lambda x: jax.scipy.special.erfc(x) + jax.nn.sigmoid(x), _X),
        (lambda x: jnp.tile(x, (3, 2)), _X),
        (lambda x: jax.lax.platform_dependent(x, cpu=lambda x: x + 1, default=lambda x: x * 2), _X),
        (lambda x: jnp.searchsorted(x[0], jnp.append(x[1], jnp.nan)), _X),
        (lambda x: jax.lax.reshape(x, (3, 8), (1, 0)), _X),
        (lambda x: jnp.linalg.solve(x[:, :2] + 2 * jnp.eye(2), x), _X),
    ],
)
def test_simpler_operations_mean_the_same(made, x):
    (got,) = lower(traced(made, x), Target, x)
    np.testing.assert_allclose(got, made(x), rtol=2e-6, atol=1e-6)


def test_what_nothing_depends_on_needs_no_rule():
    def program(x):
        jnp.sort(x)
        return jnp.sin(x)

    np.testing.assert_allclose(lower(traced(program, _X), Few, _X)[0], np.sin(_X), rtol=1e-6)
