"""The C++ kernels equal the same loops in JAX: values, first and second derivatives."""

import functools
import types

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import Input, Sequential, utils
from gazelle.core.errors import StateError
from gazelle.layers import GRU, LSTM, Bidirectional
from gazelle.models import resuming
from gazelle.ops import native
from gazelle.ops.native import library, recurrent

pytestmark = pytest.mark.optimized

needs_kernels = pytest.mark.skipif("recurrent" not in native.ready(), reason="gazelle-kernels is not installed")
LOOPS = {
    "lstm": (recurrent._lstm, recurrent._lstm_in_jax),
    "gru": (recurrent._gru, recurrent._gru_in_jax),
}


@pytest.fixture
def kernels():
    assert "recurrent" in native.ready()


@pytest.fixture
def decided_anew():
    native.ready.cache_clear()
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


@needs_kernels
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


@needs_kernels
@pytest.mark.parametrize("cell", LOOPS)
@pytest.mark.parametrize("units", [3, 4, 6, 33])  # with columns that fill no vector, one, and several
def test_the_bits_of_a_row_do_not_depend_on_the_others(kernels, cell, units):
    (x, kernel, *rest), marks = given(cell, 3, 15, units, True)

    @jax.jit
    def run(x, rest, marks):
        """What has an axis of rows: the second one of sequences, the first one of states."""
        y, back = jax.vjp(lambda *arrays: LOOPS[cell][0](False, arrays, marks), x, kernel, *rest)
        dx, _, *slopes = back(jax.tree.map(jnp.sin, y))
        return (dx, y[0]), [slope for slope in (*y[1:], *slopes) if slope.shape == (x.shape[1], units)]

    sequences, states = run(x, rest, marks)
    for row in (slice(0, 1), slice(9, 10), slice(2, 8)):  # a thread takes 8, 4, 2 and 1 rows together
        alone = run(x[:, row], [array[row] if array.ndim == 2 else array for array in rest], marks[:, row])
        expected = tuple(array[:, row] for array in sequences), [array[row] for array in states]
        jax.tree.map(np.testing.assert_array_equal, alone, expected)


@needs_kernels
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


@needs_kernels
def test_forward_mode_is_refused(kernels):
    arrays, marks = given("lstm", 2, 2, 3, False)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda a: recurrent._lstm(False, a, marks), (arrays,), (arrays,))


@needs_kernels
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
def test_layers_give_the_same_numbers(kernels, layer, masked):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 6, 4)), jnp.float32)
    mask = jnp.asarray([[1, 1, 0, 1, 1, 0]] * 2 + [[0] * 6]).astype(bool) if masked else None
    fast = jax.jit(lambda x: layer(x, mask=mask))(x)
    text = str(jax.make_jaxpr(lambda x: layer(x, mask=mask))(x))
    assert "gazelle_" in text
    with native.switched_off():
        close(fast, jax.jit(lambda x: layer(x, mask=mask))(x))


@needs_kernels
def test_what_no_kernel_knows_stays_in_jax(kernels):
    x = jnp.ones((2, 3, 4))
    for layer in (
        LSTM(2, activation="relu"),
        GRU(2, reset_after=False),
        LSTM(2, unroll=True),
        LSTM(2, dtype="bfloat16"),
    ):
        assert "gazelle_" not in str(jax.make_jaxpr(layer)(x))


@pytest.mark.parametrize("wanted", ["0", "off"])
def test_a_variable_switches_them_off(monkeypatch, decided_anew, wanted):
    monkeypatch.setenv("GAZELLE_KERNELS", wanted)
    assert not native.ready()


def test_without_the_package_jax_computes(monkeypatch, decided_anew):
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: None)
    assert not native.ready()


@pytest.mark.parametrize("reason", ["the compiled library is missing", "they were compiled for another processor"])
def test_a_library_that_does_not_fit_is_a_warning(monkeypatch, decided_anew, reason):
    def load(name):
        raise OSError(reason) if name == "recurrent" else FileNotFoundError

    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: "found")
    monkeypatch.setattr(library.importlib, "import_module", lambda name: types.SimpleNamespace(load=load))
    with pytest.warns(UserWarning, match=f"cannot be used .{reason}.; LSTM and GRU are computed in JAX"):
        assert not native.ready()


@needs_kernels
def test_with_several_devices_they_need_a_part_of_the_batch_for_each(monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    mesh = jax.sharding.AbstractMesh((2,), ("batch",))
    found = []

    def enabled(size):
        jax.eval_shape(lambda x: found.append(native.enabled("recurrent", x, 1)), jnp.ones((3, size)))
        return found[-1]

    assert not enabled(4)  # without a distribution
    axes = types.SimpleNamespace(batch_axis=lambda: (mesh, "batch"))
    monkeypatch.setattr(library, "active_distribution", lambda: axes)
    assert enabled(4)
    assert not enabled(5)
    assert not native.enabled("recurrent", jnp.ones((3, 4)), 1)  # not compiled
    axes.batch_axis = lambda: None  # the mesh has another axis
    assert not enabled(4)


@needs_kernels
def test_another_processor_is_noticed(monkeypatch):
    import gazelle_kernels

    monkeypatch.setattr(gazelle_kernels, "processor", lambda: "another")
    with pytest.raises(OSError, match="another processor"):
        gazelle_kernels.load()


@needs_kernels
def test_an_exported_program_has_none(tmp_path):
    model = Sequential([Input((6, 4)), LSTM(5)])
    model.export(tmp_path / "m.stablehlo", format="stablehlo", verbose=False)
    x = np.ones((2, 6, 4), "float32")
    exported = jax.export.deserialize((tmp_path / "m.stablehlo").read_bytes())
    assert "gazelle_" not in exported.mlir_module()
    np.testing.assert_allclose(jax.tree.leaves(exported.call(x))[0], model.predict(x, verbose=0), atol=1e-6)


@needs_kernels
def test_a_training_equals_one_in_jax(monkeypatch):
    def losses():
        utils.set_random_seed(0)
        model = Sequential([Input((6, 4)), Bidirectional(LSTM(5, return_sequences=True)), GRU(4)])
        model.compile("adam", "mse")
        x = np.random.default_rng(0).normal(size=(32, 6, 4)).astype("float32")
        return model.fit(x, x[:, 0], epochs=3, verbose=0, keep=False).history["loss"]

    fast = losses()
    monkeypatch.setenv("GAZELLE_KERNELS", "0")
    native.ready.cache_clear()
    try:
        np.testing.assert_allclose(losses(), fast, rtol=1e-5)
    finally:
        native.ready.cache_clear()


@needs_kernels
def test_resume_names_the_kernels(monkeypatch):
    def fit(**options):
        model = Sequential([Input((6, 4)), LSTM(4)], name="recurrent")
        model.compile("adam", "mse")
        x = np.ones((32, 6, 4), "float32")
        return model.fit(x, x[:, 0], verbose=0, resume=True, **options)

    utils.set_random_seed(0)
    fit(epochs=1)
    resuming.checkpoints.reset()  # another process
    monkeypatch.setenv("GAZELLE_KERNELS", "0")
    native.ready.cache_clear()
    try:
        utils.set_random_seed(0)
        with pytest.raises(StateError, match="kernels: 'gazelle-kernels' then, nothing now"):
            fit(epochs=2)
    finally:
        native.ready.cache_clear()


@needs_kernels
@pytest.mark.parametrize("cell", LOOPS)
def test_the_kernels_refuse_a_mask_of_another_shape(cell):
    operands, _ = given(cell, 5, 3, 4, False)
    with pytest.raises(jax.errors.JaxRuntimeError, match="mask: expected the shape"):
        jax.block_until_ready(LOOPS[cell][0](False, operands, jnp.ones((5, 1), bool)))
