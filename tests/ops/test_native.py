"""The kernels in C++ give what the same loops in JAX give: values, first and second derivatives."""

import functools
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.layers import GRU, LSTM, Bidirectional
from gazelle.ops import native
from gazelle.ops.native import build, recurrent

pytestmark = pytest.mark.optimized

needs_compiler = pytest.mark.skipif(not shutil.which("g++") and not shutil.which("clang++"), reason="no C++ compiler")
LOOPS = {
    "lstm": (recurrent._lstm, recurrent._lstm_in_jax),
    "gru": (recurrent._gru, recurrent._gru_in_jax),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def kernels(folder, monkeypatch):
    monkeypatch.setenv("GAZELLE_NATIVE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", folder)
    native.ready.cache_clear()
    assert native.ready()
    yield
    native.ready.cache_clear()


def given(cell, time, batch, units, masked):
    rng = np.random.default_rng(units)

    def draw(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    gates = 4 if cell == "lstm" else 3
    third = draw(batch, units) if cell == "lstm" else draw(3 * units)
    rest = (draw(batch, units), third) if cell == "lstm" else (third, draw(batch, units))
    x, kernel = draw(time, batch, gates * units), draw(units, gates * units) / units**0.5
    mask = jnp.asarray(rng.random((time, batch)) < 0.6) if masked else None
    return (x, kernel, *rest), recurrent._marks(mask)


def close(one, two):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_allclose(a, b, atol=3e-6 * np.abs(b).max() + 1e-7)


def score(loop, reverse, marks):
    def total(arrays):
        return sum(
            jnp.sum(jnp.sin(y) * jnp.arange(1.0, y.size + 1).reshape(y.shape) / y.size)
            for y in loop(reverse, arrays, marks)
        )

    return total


@needs_compiler
@pytest.mark.parametrize("cell", LOOPS)
@pytest.mark.parametrize(
    ("time", "batch", "units", "masked", "reverse"),
    [
        (1, 1, 1, False, False),
        (3, 2, 4, False, True),
        (4, 5, 7, True, False),
        (5, 9, 33, True, True),
        (6, 16, 16, False, False),
        (3, 21, 40, True, False),
    ],
)
def test_a_kernel_is_its_loop_in_jax(kernels, cell, time, batch, units, masked, reverse):
    arrays, marks = given(cell, time, batch, units, masked)
    mine, plain = LOOPS[cell]

    @functools.partial(
        jax.jit, static_argnums=0
    )  # one program each: operations one by one would take longer to compile
    def run(loop, arrays):
        return loop(reverse, arrays, marks), jax.grad(score(loop, reverse, marks))(arrays)

    close(run(mine, arrays), run(plain, arrays))


@needs_compiler
@pytest.mark.parametrize("cell", LOOPS)
def test_second_derivatives(kernels, cell):
    arrays, marks = given(cell, 3, 2, 4, True)

    @functools.partial(jax.jit, static_argnums=0)
    def second(loop, arrays):
        def gradient(arrays):
            return sum(jnp.sum(jnp.cos(g)) for g in jax.grad(score(loop, False, marks))(arrays))

        return jax.grad(gradient)(arrays), jax.jvp(gradient, (arrays,), (arrays,))

    mine, plain = LOOPS[cell]
    close(second(mine, arrays), second(plain, arrays))


@needs_compiler
def test_forward_mode_is_refused(kernels):
    arrays, marks = given("lstm", 2, 2, 3, False)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda a: recurrent._lstm(False, a, marks), (arrays,), (arrays,))


@needs_compiler
@pytest.mark.parametrize(
    "layer",
    [
        LSTM(5, return_sequences=True),
        LSTM(5, return_state=True, go_backwards=True),
        LSTM(5, use_bias=False),
        GRU(5, return_sequences=True, return_state=True),
        GRU(5, go_backwards=True),
        GRU(5, use_bias=False),
        Bidirectional(LSTM(3, return_sequences=True)),
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_layers_give_the_same_numbers(kernels, monkeypatch, layer, masked):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 6, 4)), jnp.float32)
    mask = jnp.asarray([[1, 1, 0, 1, 1, 0]] * 2 + [[0] * 6]).astype(bool) if masked else None
    fast = jax.jit(lambda x: layer(x, mask=mask))(x)
    text = str(jax.make_jaxpr(lambda x: layer(x, mask=mask))(x))
    assert "gazelle_" in text
    monkeypatch.setenv("GAZELLE_NATIVE", "0")
    native.ready.cache_clear()
    close(fast, jax.jit(lambda x: layer(x, mask=mask))(x))


@needs_compiler
def test_what_no_kernel_knows_stays_in_jax(kernels):
    x = jnp.ones((2, 3, 4))
    for layer in (
        LSTM(2, activation="relu"),
        GRU(2, reset_after=False),
        LSTM(2, unroll=True),
        LSTM(2, dtype="bfloat16"),
    ):
        assert "gazelle_" not in str(jax.make_jaxpr(layer)(x))


def test_off_unless_asked_for(monkeypatch):
    monkeypatch.delenv("GAZELLE_NATIVE", raising=False)
    native.ready.cache_clear()
    assert not native.ready()


@pytest.mark.parametrize("compiler", ["false", "/no/such/compiler"])
def test_without_a_compiler_jax_goes_on_alone(monkeypatch, tmp_path, compiler):
    monkeypatch.setenv("GAZELLE_NATIVE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", compiler)
    native.ready.cache_clear()
    with pytest.warns(UserWarning, match="could not be compiled; JAX computes without them"):
        assert not native.ready()
    native.ready.cache_clear()


@needs_compiler
def test_it_is_compiled_once(kernels, monkeypatch):
    monkeypatch.setattr(build.tempfile, "TemporaryDirectory", lambda **_: pytest.fail("compiled again"))
    native.ready.cache_clear()
    assert native.ready()
