"""Convolution and pooling against plain JAX: values, gradients, ties, second derivatives, and speed inside a loop."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gazelle import ops
from gazelle.core.errors import ArgumentError, ShapeError
from gazelle.ops import convolution_forms, windows

pytestmark = pytest.mark.optimized


@pytest.fixture(autouse=True)
def quick_compiles(request):
    """Numbers need no optimized code; times do."""
    jax.config.update("jax_disable_most_optimizations", "inside_a_loop" not in request.node.name)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


SPACE = {3: "W", 4: "HW", 5: "DHW"}


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def near(ours, theirs):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, float(jnp.max(jnp.abs(b)))))


def plain_conv(x, k, strides, padding, dilation):
    space = SPACE[x.ndim]
    return lax.conv_general_dilated(
        x,
        k,
        strides,
        padding.upper(),
        rhs_dilation=dilation,
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
    )


def plain_max_pool(x, window, strides, padding):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), padding.upper())


CONVS = [
    ((2, 7, 6, 3), (3, 3), (1, 1), (1, 1)),
    ((2, 7, 6, 3), (3, 2), (2, 2), (1, 1)),
    ((2, 8, 7, 1), (2, 3), (3, 2), (1, 1)),
    ((1, 9, 9, 2), (3, 3), (1, 1), (2, 2)),
    ((2, 9, 8, 2), (3, 3), (2, 1), (2, 1)),
    ((3, 5, 5, 4), (1, 1), (2, 2), (1, 1)),
    ((2, 5, 5, 2), (5, 5), (1, 1), (1, 1)),
    ((2, 4, 4, 2), (4, 4), (4, 4), (1, 1)),
    ((2, 9, 3), (3,), (1,), (1,)),
    ((2, 9, 3), (4,), (2,), (1,)),
    ((2, 9, 3), (2,), (1,), (3,)),
    ((1, 5, 4, 5, 2), (2, 2, 3), (1, 2, 1), (1, 1, 1)),
]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("shape", "window", "strides", "dilation"), CONVS)
def test_conv_and_its_gradients_are_those_of_plain_jax(shape, window, strides, dilation, padding):
    x, k = draw(*shape), draw(*window, shape[-1], 4, seed=1)
    w = draw(*plain_conv(x, k, strides, padding, dilation).shape, seed=2)

    def ours(x, k):
        return jnp.sum(w * ops.conv(x, k, strides, padding, None, dilation) ** 2)

    def theirs(x, k):
        return jnp.sum(w * plain_conv(x, k, strides, padding, dilation) ** 2)

    near(ops.conv(x, k, strides, padding, None, dilation), plain_conv(x, k, strides, padding, dilation))
    near(jax.grad(ours, (0, 1))(x, k), jax.grad(theirs, (0, 1))(x, k))


def plain(x, k, strides, pads, stretch, dilations, groups):
    space = SPACE[x.ndim]
    return lax.conv_general_dilated(
        x, k, strides, pads, stretch, dilations, (f"N{space}C", f"{space}IO", f"N{space}C"), groups
    )


FORMS = {  # batch and space, channels, window, units, strides, pads, stretch, dilation, groups
    "pieces": ((6, 7, 6), 4, (3, 2), 6, 1, (2, 1), 1, 1, 1),
    "pieces of a prime batch": ((7, 7, 6), 4, (3, 2), 6, 2, (1, 1), 1, 2, 1),
    "transposed 1D": ((4, 7), 4, (3,), 6, 1, (2, 2), 3, 1, 1),
    "transposed 2D": ((4, 5, 4), 4, (3, 2), 6, 1, (2, 1), 2, 1, 1),
    "transposed, dilated": ((4, 5, 4), 4, (3, 2), 6, 1, (4, 3), 2, 2, 1),
    "transposed 3D": ((2, 3, 4, 3), 4, (2, 3, 1), 3, 1, (1, 1), 2, 1, 1),
    "3D": ((2, 4, 5, 6), 4, (2, 3, 1), 3, 1, (1, 0), 1, 1, 1),
    "3D, strided": ((2, 4, 5, 6), 4, (2, 3, 1), 3, 2, (0, 1), 1, 1, 1),
    "3D, dilated": ((2, 6, 5, 6), 4, (2, 3, 1), 3, 1, (2, 1), 1, 2, 1),
    "depthwise 1D": ((4, 9), 4, (3,), 4, 1, (1, 1), 1, 2, 4),
    "depthwise 2D": ((6, 7, 6), 4, (3, 2), 4, 1, (1, 1), 1, 1, 4),
    "depthwise, strided": ((5, 7, 6), 4, (3, 2), 8, 2, (1, 0), 1, 1, 4),
    "depthwise 3D": ((2, 4, 5, 3), 3, (2, 3, 1), 6, 1, (1, 0), 1, 1, 3),
    "depthwise, large": ((2, 20, 20), 2, (17, 17), 2, 1, (0, 0), 1, 1, 2),
    "one place": ((3, 5, 6), 4, (1, 1), 3, 1, (1, 0), 1, 1, 1),
    "one place, strided": ((3, 5, 6), 4, (1, 1), 3, 2, (0, 0), 1, 1, 1),
    "one place, transposed": ((3, 5, 6), 4, (1, 1), 3, 1, (0, 1), 2, 1, 1),
    "groups": ((3, 6, 5), 6, (2, 3), 8, 1, (1, 1), 1, 1, 2),
    "wide groups": ((2, 5, 5), 80, (2, 2), 4, 2, (0, 0), 1, 1, 2),
    "many groups": ((2, 5, 5), 96, (2, 2), 96, 1, (0, 0), 1, 1, 48),
    "groups 3D": ((2, 4, 5, 3), 4, (2, 3, 1), 6, 1, (1, 0), 1, 1, 2),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_and_its_gradients_are_those_of_plain_jax(name, monkeypatch):
    monkeypatch.setattr(convolution_forms, "_CHUNK_BYTES", 256)
    shape, channels, window, units, strides, pad, stretch, dilation, groups = FORMS[name]
    rank = len(window)
    x, k = draw(*shape, channels), draw(*window, channels // groups, units, seed=1)
    settings = (strides,) * rank, (pad,) * rank, (stretch,) * rank, (dilation,) * rank, groups
    w = draw(*jax.eval_shape(lambda x, k: plain(x, k, *settings), x, k).shape, seed=2)

    def run(conv):
        return jax.jit(jax.value_and_grad(lambda x, k: jnp.sum(w * conv(x, k, *settings) ** 2), (0, 1)))(x, k)

    near(run(convolution_forms.convolve), run(plain))


@pytest.mark.parametrize("name", ["transposed 2D", "depthwise 2D", "groups", "3D"])
def test_every_form_has_second_derivatives_and_forward_mode(name):
    shape, channels, window, units, strides, pad, stretch, dilation, groups = FORMS[name]
    rank = len(window)
    x, k = draw(*shape, channels), draw(*window, channels // groups, units, seed=1)
    settings = (strides,) * rank, (pad,) * rank, (stretch,) * rank, (dilation,) * rank, groups

    def run(conv):
        def penalty(k):
            return jnp.sum(jax.grad(lambda x: jnp.sum(jnp.tanh(conv(x, k, *settings))))(x) ** 2)

        return jax.jit(lambda: (jax.grad(penalty)(k), jax.jvp(lambda k: conv(x, k, *settings), (k,), (k + 1,))[1]))()

    near(run(convolution_forms.convolve), run(plain))


def test_the_gradients_of_conv_are_convolutions_in_plain_order():
    """What keeps them fast inside a loop, said as structure: no time is measured."""

    def loss(k, x):
        return jnp.sum(ops.conv(x, k, 2, "same") ** 2)

    jaxpr = jax.make_jaxpr(jax.grad(loss, (0, 1)))(draw(3, 3, 4, 6), draw(2, 8, 8, 4))
    plain = lax.conv_dimension_numbers((1, 1, 1, 1), (1, 1, 1, 1), ("NHWC", "HWIO", "NHWC"))
    orders = [e.params["dimension_numbers"] for e in jaxpr.eqns if e.primitive.name == "conv_general_dilated"]
    assert orders == [plain, plain]


def test_conv_inside_a_loop_takes_about_as_long_as_outside():
    x, k = draw(16, 24, 24, 8), draw(3, 3, 8, 16, seed=1)

    def step(k):
        return k - 1e-6 * jax.grad(lambda k: jnp.sum(ops.max_pool(ops.conv(x, k), 2) ** 2))(k)

    looped = jax.jit(lambda k, n: lax.fori_loop(0, n, lambda _, k: step(k), k))
    once = jax.jit(step)

    def fastest(f):
        jax.block_until_ready(f())
        times = []
        for _ in range(5):
            start = time.perf_counter()
            jax.block_until_ready(f())
            times.append(time.perf_counter() - start)
        return min(times)

    # XLA's scalar loop would be 100 times slower; 15 allows for a busy machine.
    assert fastest(lambda: looped(k, 2)) / 2 < 15 * fastest(lambda: once(k))


def test_conv_has_second_derivatives_and_forward_mode():
    x, k = draw(1, 5, 5, 2), draw(3, 3, 2, 2, seed=1)

    def dispatch(conv):
        def penalty(k):
            return jnp.sum(jax.grad(lambda x: jnp.sum(jnp.tanh(conv(x, k))))(x) ** 2)

        return jax.grad(penalty)(k), jax.jvp(lambda k: conv(x, k), (k,), (k + 1,))[1]

    near(dispatch(lambda x, k: ops.conv(x, k)), dispatch(lambda x, k: plain_conv(x, k, (1, 1), "valid", (1, 1))))


def test_conv_under_vmap():
    x, k = draw(3, 2, 5, 5, 2), draw(3, 3, 2, 2, seed=1)

    def gradient(x, conv):
        return jax.grad(lambda k: jnp.sum(conv(x, k) ** 2))(k)

    ours = jax.vmap(lambda x: gradient(x, ops.conv))(x)
    near(ours, jnp.stack([gradient(v, lambda x, k: plain_conv(x, k, (1, 1), "valid", (1, 1))) for v in x]))


def test_conv_errors():
    with pytest.raises(ShapeError, match=r"conv: expected 4 axes and a multiple of 3 .*got shape \(1, 5, 5, 4\)"):
        ops.conv(np.ones((1, 5, 5, 4)), np.ones((3, 3, 3, 2)))
    with pytest.raises(ShapeError, match=r"Nothing is left .* \(1, 2, 5, 3\): expected space of at least \(3, 3\)"):
        ops.conv(np.ones((1, 2, 5, 3)), np.ones((3, 3, 3, 2)))
    with pytest.raises(ArgumentError, match="conv's padding: expected 'valid', 'same' or pairs, got 'full'"):
        ops.conv(np.ones((1, 5, 5, 3)), np.ones((3, 3, 3, 2)), padding="full")
    with pytest.raises(ArgumentError, match=r"The argument strides: expected one number, or 2, got \(1, 2, 3\)"):
        ops.conv(np.ones((1, 5, 5, 3)), np.ones((3, 3, 3, 2)), (1, 2, 3))
    with pytest.raises(ArgumentError, match="Unknown data_format 'channel_last'"):
        ops.conv(np.ones((1, 5, 5, 3)), np.ones((3, 3, 3, 2)), data_format="channel_last")


POOLS = [
    ((2, 6, 4, 3), (2, 2), (2, 2)),
    ((2, 7, 5, 3), (2, 2), (2, 2)),
    ((2, 7, 8, 2), (3, 2), (3, 2)),
    ((2, 7, 5, 3), (3, 3), (2, 2)),
    ((2, 7, 5, 3), (3, 3), (1, 1)),
    ((2, 7, 5, 3), (2, 2), (3, 3)),
    ((2, 9, 6, 2), (1, 3), (2, 1)),
    ((2, 9, 3), (2,), (2,)),
    ((2, 9, 3), (3,), (2,)),
    ((2, 9, 2), (4,), (7,)),
    ((1, 4, 5, 4, 2), (2, 2, 2), (2, 2, 2)),
    ((1, 4, 5, 4, 2), (2, 3, 2), (1, 2, 3)),
    ((1, 12, 12, 1), (9, 8), (1, 2)),
    ((1, 60, 2), (20,), (20,)),
    ((1, 60, 2), (23,), (5,)),
    ((1, 80, 1), (70,), (3,)),
]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("shape", "window", "strides"), POOLS)
def test_max_pool_and_its_gradient_are_those_of_plain_jax(shape, window, strides, padding, ties):
    """On ties too: the first of the largest values has the whole gradient, as `reduce_window` gives it."""
    x = draw(*shape)
    x = jnp.round(x) if ties else x
    w = draw(*jax.eval_shape(lambda x: plain_max_pool(x, window, strides, padding), x).shape, seed=2)

    def run(pool):
        return jax.vjp(jax.jit(lambda x: pool(x, window, strides, padding)), x)

    (ours, back), (theirs, plain_back) = run(ops.max_pool), run(plain_max_pool)
    near(ours, theirs)
    near(back(w), plain_back(w))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("shape", "window", "strides"), POOLS)
def test_average_pool_and_its_gradient_are_those_of_plain_jax(shape, window, strides, padding):
    def plain_average_pool(x):
        def total(x):
            return lax.reduce_window(x, 0.0, lax.add, (1, *window, 1), (1, *strides, 1), padding.upper())

        return total(x) / total(jnp.ones_like(x))

    x = draw(*shape)
    (ours, back), (theirs, plain_back) = (
        jax.vjp(jax.jit(pool), x)
        for pool in (lambda x: ops.average_pool(x, window, strides, padding), plain_average_pool)
    )
    near(ours, theirs)
    near(back(theirs), plain_back(theirs))


def test_max_pool_has_second_derivatives_and_keeps_nan():
    x = draw(1, 5, 5, 2)

    def curvature(pool):
        return jax.jit(jax.hessian(lambda x: jnp.sum(pool(x) ** 3)))(x)

    near(curvature(lambda x: ops.max_pool(x, 3, 2)), curvature(lambda x: plain_max_pool(x, (3, 3), (2, 2), "valid")))
    assert np.isnan(ops.max_pool(x.at[0, 1, 1, 0].set(jnp.nan), 3, 2)).sum() == 1


def test_max_pool_is_one_operation_of_xla_unless_a_gradient_is_asked_for():
    x = jnp.ones((2, 4, 4, 3))
    assert "reduce_window_max" in str(jax.make_jaxpr(lambda x: ops.max_pool(x, 2))(x))
    gradient = str(jax.make_jaxpr(jax.grad(lambda x: ops.max_pool(x, 2).sum()))(x))
    assert "reduce_window" not in gradient
    assert "select_and_scatter" not in gradient


def test_the_first_of_equal_values_has_the_gradient():
    grad = jax.grad(lambda x: jnp.sum(ops.max_pool(x, 2)))(jnp.zeros((1, 4, 4, 1)))
    assert grad[0, :, :, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("strides", [2, 1])
def test_max_pool_keeps_whole_numbers(strides):
    y = ops.max_pool(np.arange(16).reshape(1, 4, 4, 1) - 20, 2, strides, "same")
    assert y.dtype == "int32"
    assert y[0, 0, 0, 0] == -15


def test_pool_errors():
    with pytest.raises(ShapeError, match=r"max_pool: nothing is left of an input of shape \(1, 2, 2, 1\)"):
        ops.max_pool(np.ones((1, 2, 2, 1)), 3)
    with pytest.raises(ArgumentError, match="average_pool's padding: expected 'valid' or 'same', got 'half'"):
        ops.average_pool(np.ones((1, 2, 2, 1)), 2, padding="half")


@pytest.mark.parametrize(
    ("size", "window", "step", "dilation"),
    [(11, 2, 5, 1), (17, 3, 4, 1), (23, 2, 7, 2), (30, 1, 9, 1), (30, 3, 8, 3), (12, 4, 4, 1), (9, 3, 2, 1)],
)
def test_slices_of_windows_are_strided_slices(size, window, step, dilation):
    """Also for windows that leave gaps, of which only the used elements are split."""
    x, count = draw(2, size, 3), (size - (window - 1) * dilation - 1) // step + 1
    starts = [p * dilation for p in range(window)]

    def plain(x):
        return [x[:, start : start + (count - 1) * step + 1 : step] for start in starts]

    def total(slices):
        return lambda x: sum(jnp.sum(jnp.sin(part) * (p + 1)) for p, part in enumerate(slices(x)))

    def own(x):
        return windows.window_slices(x, (window,), (step,), (dilation,))

    mine, other = jax.jit(lambda x: [(slices(x), jax.grad(total(slices))(x)) for slices in (own, plain)])(x)
    near(mine, other)
