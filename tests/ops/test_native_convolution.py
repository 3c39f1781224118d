"""Convolutions by oneDNN equal those in XLA: values, derivatives of any order, under vmap and in trainings."""

import itertools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle.ops.native.convolution as by_onednn
from gazelle import Input, Sequential, ops, utils
from gazelle.core.errors import StateError
from gazelle.layers import Conv1D, Conv2D, Conv2DTranspose, Flatten
from gazelle.models import resuming
from gazelle.ops import native
from gazelle.ops.native import library

pytestmark = pytest.mark.optimized

needs_kernels = pytest.mark.skipif("convolution" not in native.ready(), reason="gazelle-kernels has no convolutions")
RNG = np.random.default_rng(0)
SPACE, WINDOW = (9, 8, 7), (3, 2, 3)
CASES = [
    (rank, strides, dilation, groups, padding)
    for rank, (strides, dilation), groups, padding in itertools.product(
        (1, 2, 3), [(1, 1), (2, 1), (1, 2)], (1, 2, 4), ("same", "valid")
    )
]


@pytest.fixture
def any_size(monkeypatch):
    for name in ("_LEAST", "_FEWEST", "_SHORTEST"):
        monkeypatch.setattr(by_onednn, name, 0)
    monkeypatch.setattr(by_onednn.os, "cpu_count", lambda: 2)


@pytest.fixture
def decided_anew():
    native.ready.cache_clear()
    yield
    native.ready.cache_clear()


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


def close(one, two, rtol=3e-6):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_allclose(a, b, atol=rtol * np.abs(b).max() + 1e-7)


def used(function, *arrays):
    return "gazelle_convolution" in str(jax.make_jaxpr(lambda *arrays: function(*arrays))(*arrays))


def compiled(function):
    """A new function: JAX would reuse what it traced before the kernels were switched off."""
    return jax.jit(lambda *arrays: function(*arrays))


def windows(x, layer):
    """For each element of the window (*, channels): the inputs that it is multiplied with, (batch, *space, in)."""
    x = np.pad(x, ((0, 0), *layer.pads, (0, 0)))
    for at in itertools.product(*map(range, layer.kernel[:-2])):
        cut = [
            slice(k * d, k * d + (n - 1) * s + 1, s)
            for k, d, n, s in zip(at, layer.dilations, layer.y[1:-1], layer.strides, strict=True)
        ]
        yield at, (slice(None), *cut), x


def in_numpy(x, kernel, dy, layer):
    """y and the gradients for x and the kernel, in double precision."""
    y, dkernel = np.zeros(layer.y), np.zeros(layer.kernel)
    dx = np.pad(np.zeros(layer.x), ((0, 0), *layer.pads, (0, 0)))
    for at, cut, padded in windows(x.astype("float64"), layer):
        for group in range(layer.groups):
            ins = slice(group * layer.kernel[-2], (group + 1) * layer.kernel[-2])
            size = layer.kernel[-1] // layer.groups
            outs = slice(group * size, (group + 1) * size)
            part = padded[cut][..., ins]
            y[..., outs] += part @ kernel[at][:, outs]
            dx[(*cut, ins)] += dy[..., outs] @ kernel[at][:, outs].T
            dkernel[at][:, outs] += part.reshape(-1, len(kernel[at])).T @ dy[..., outs].reshape(-1, size)
    inside = tuple(slice(low, low + n) for n, (low, _) in zip(layer.x[1:-1], layer.pads, strict=True))
    return y, dx[(slice(None), *inside)], dkernel


@needs_kernels
@pytest.mark.parametrize(("rank", "strides", "dilation", "groups", "padding"), CASES)
def test_a_convolution_and_its_gradients(any_size, rank, strides, dilation, groups, padding):
    x, kernel = draw(5, *SPACE[:rank], 4), draw(*WINDOW[:rank], 4 // groups, 8)
    jaxpr = jax.make_jaxpr(lambda x, k: ops.conv(x, k, strides, padding, "channels_last", dilation))(x, kernel)
    (layer,) = [e.params["layer"] for e in jaxpr.eqns if "layer" in e.params]
    dy = draw(*layer.y)
    y, dx, dkernel = in_numpy(x, kernel, dy, layer)
    run = by_onednn._bind
    mine = run(0, layer, x, kernel), run(1, layer, dy, kernel), run(2, layer, x, dy)
    close(mine, (y, dx, dkernel))
    alone = layer._replace(x=(1, *layer.x[1:]), y=(1, *layer.y[1:]))  # the bits of a sample do not depend on the others
    np.testing.assert_array_equal(run(0, alone, x[3:4], kernel), mine[0][3:4])
    np.testing.assert_array_equal(run(1, alone, dy[3:4], kernel), mine[1][3:4])


@needs_kernels
@pytest.mark.parametrize(
    ("rank", "strides", "dilation", "padding", "extra"),
    [
        (1, 2, 1, "same", None),
        (2, 2, 1, "valid", 1),
        (2, (1, 3), 1, "same", None),
        (2, 1, 2, "same", None),
        (3, 2, 1, "valid", None),
    ],
)
def test_a_transposed_convolution(any_size, rank, strides, dilation, padding, extra):
    x, kernel = draw(3, *SPACE[:rank], 4), draw(*WINDOW[:rank], 6, 4)

    def both(x, kernel):
        y, back = jax.vjp(lambda x, k: ops.conv_transpose(x, k, strides, padding, extra, None, dilation), x, kernel)
        return y, back(jnp.cos(jnp.arange(y.size)).reshape(y.shape))

    assert used(both, x, kernel)
    fast = compiled(both)(x, kernel)
    with native.switched_off():
        close(fast, compiled(both)(x, kernel))


@needs_kernels
def test_derivatives_of_any_order_and_vmap(any_size):
    x, kernel = draw(4, 6, 6, 3), draw(3, 3, 3, 4)

    def gradient(x, kernel):
        return jax.grad(lambda x, k: jnp.sum(jnp.sin(ops.conv(x, k, 1, "same"))), (0, 1))(x, kernel)

    def everything(x, kernel):
        forward = jax.jvp(lambda x, k: ops.conv(x, k, 1, "same"), (x, kernel), (2 * x, kernel))
        second = jax.grad(lambda x, k: sum(jnp.sum(g * g) for g in gradient(x, k)), (0, 1))(x, kernel)
        each = jax.vmap(gradient, (0, None))(jnp.stack([x, x + 1]), kernel)
        both = jax.vmap(lambda x, k: ops.conv(x, k, 1, "same"))(jnp.stack([x, x]), jnp.stack([kernel, 2 * kernel]))
        return forward, second, each, both

    assert used(everything, x, kernel)
    fast = compiled(everything)(x, kernel)
    with native.switched_off():
        assert not used(everything, x, kernel)
        close(fast, compiled(everything)(x, kernel), 1e-5)


@needs_kernels
def test_results_are_the_same_numbers_each_time(any_size):
    x, kernel = draw(32, 8, 8, 16), draw(3, 3, 16, 16)
    gradient = jax.jit(jax.grad(lambda k, x: jnp.sum(jnp.sin(ops.conv(x, k))) ** 2))
    first = np.asarray(gradient(kernel, x))
    for _ in range(5):
        np.testing.assert_array_equal(gradient(kernel, x), first)


@needs_kernels
def test_where_xla_computes(monkeypatch):
    monkeypatch.setattr(by_onednn.os, "cpu_count", lambda: 2)
    x, kernel = jnp.ones((8, 16, 16, 16)), jnp.ones((3, 3, 16, 16))
    assert used(ops.conv, x, kernel)
    assert not used(ops.conv, x[:1], kernel)  # one sample is not divided
    assert not used(ops.conv, x[:, :4, :4], kernel)  # small
    assert not used(ops.conv, x, kernel[:1, :1])  # a matrix product
    assert not used(ops.conv, x.astype("bfloat16"), kernel.astype("bfloat16"))
    assert used(lambda x, k: ops.conv_transpose(x, k, 2), x, kernel)
    assert not used(lambda x, k: ops.conv_transpose(x, k, 2), x, kernel[:, :, :1])  # few channels
    monkeypatch.setattr("gazelle.ops.convolution_forms.engine", lambda: "tensorflow")
    assert not used(ops.conv, x, kernel)


@needs_kernels
def test_single_kinds_that_xla_computes():
    x, kernel = jnp.ones((8, 16, 16, 1)), jnp.ones((3, 3, 1, 32))

    def everything(x, kernel):
        y, back = jax.vjp(ops.conv, x, kernel)
        return y, back(y)

    text = jax.jit(everything).lower(x, kernel).as_text()
    assert text.count("@gazelle_convolution") == 1  # the gradient of the kernel
    assert text.count("stablehlo.convolution") == 2  # one channel: the convolution and the gradient of its input


def model():
    return Sequential(
        [
            Input((12, 12, 3)),
            Conv2D(16, 3, padding="same", activation="relu"),
            Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            Conv2DTranspose(16, 2, strides=2),
            Flatten(),
        ],
        name="convolutions",
    )


@needs_kernels
def test_a_training_equals_one_in_xla(monkeypatch, decided_anew):
    x = draw(64, 12, 12, 3)
    y = draw(64, 12 * 12 * 16)

    def losses():
        utils.set_random_seed(0)
        net = model()
        net.compile("adam", "mse")
        return net.fit(x, y, epochs=3, batch_size=32, verbose=0, keep=False).history["loss"]

    assert used(lambda x: model()(x), x[:32])
    fast = losses()
    monkeypatch.setenv("GAZELLE_KERNELS", "0")
    native.ready.cache_clear()
    np.testing.assert_allclose(losses(), fast, rtol=1e-5)


@needs_kernels
def test_an_exported_program_has_none(tmp_path):
    net = model()
    net.export(tmp_path / "m.stablehlo", format="stablehlo", verbose=False)
    exported = jax.export.deserialize((tmp_path / "m.stablehlo").read_bytes())
    assert "gazelle_" not in exported.mlir_module()
    x = draw(32, 12, 12, 3)
    np.testing.assert_allclose(jax.tree.leaves(exported.call(x))[0], net.predict(x, verbose=0), atol=1e-5)


@needs_kernels
def test_resume_names_the_convolutions(monkeypatch, decided_anew):
    def fit(**options):
        net = Sequential([Input((6, 4)), Conv1D(4, 3), Flatten()], name="conv")
        net.compile("adam", "mse")
        return net.fit(np.ones((32, 6, 4), "float32"), np.ones((32, 16), "float32"), verbose=0, resume=True, **options)

    utils.set_random_seed(0)
    fit(epochs=1)
    resuming.checkpoints.reset()  # another process
    monkeypatch.setenv("GAZELLE_KERNELS", "0")
    native.ready.cache_clear()
    utils.set_random_seed(0)
    with pytest.raises(StateError, match="convolutions: 'oneDNN' then, nothing now"):
        fit(epochs=2)


@pytest.mark.parametrize("error", [FileNotFoundError("they were built without oneDNN"), OSError("no libdnnl.so.3")])
def test_without_onednn_xla_computes(monkeypatch, decided_anew, recwarn, error):
    def load(name):
        if name == "convolution":
            raise error
        raise FileNotFoundError

    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: "found")
    monkeypatch.setattr(library.importlib, "import_module", lambda name: types.SimpleNamespace(load=load))
    assert "convolution" not in native.ready()
    told = [str(w.message) for w in recwarn if "convolutions are computed in JAX" in str(w.message)]
    assert len(told) == (not isinstance(error, FileNotFoundError))
