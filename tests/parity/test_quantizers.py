"""Quantization to 8 and 4 bits and LoRA against Keras: functions, layers, gradients, files."""

import deviations
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import gazelle
from gazelle.core import tracing

BOTH = (gazelle, keras)
RNG = np.random.default_rng(3)
X = RNG.normal(size=(6, 5)).astype("float32")


def both(function):
    """What `function` gives with either library, as NumPy arrays."""
    return [jax.tree.map(np.asarray, function(k)) for k in BOTH]


def same(function, tolerance=0.0):
    for mine, theirs in zip(*map(jax.tree.leaves, both(function)), strict=True):
        assert mine.dtype == theirs.dtype
        deviations.same(mine, theirs, tolerance)


FUNCTIONS = {
    "absmax": lambda q: q.abs_max_quantize(X, axis=0),
    "absmax, both axes, 4 bits": lambda q: q.abs_max_quantize(X, axis=(0, 1), value_range=(-8, 7)),
    "absmax, on the host": lambda q: q.abs_max_quantize(X, axis=-1, to_numpy=True),
    "absmax, half precision": lambda q: q.abs_max_quantize(jnp.asarray(X, "bfloat16"), axis=-1),
    "quantizer": lambda q: q.AbsMaxQuantizer(axis=1, value_range=(-100, 100))(X),
    "quantizer, another axis": lambda q: q.AbsMaxQuantizer()(X, axis=0),
    "no quantizer": lambda q: q.Quantizer()(X),
    "groups, on the host": lambda q: q.abs_max_quantize_grouped_with_zero_point(X, 4, to_numpy=True),
    "one group": lambda q: q.abs_max_quantize_grouped_with_zero_point(X, 128, to_numpy=True),
    "groups": lambda q: q.abs_max_quantize_grouped_with_zero_point(X, 2),
    "there and back": lambda q: q.quantize_and_dequantize(X * 100, jnp.float32(0.3), "float8_e4m3fn", "float32"),
    "there and back, e5m2": lambda q: q.quantize_and_dequantize(X, jnp.float32(2.0), "float8_e5m2", "bfloat16"),
    "scale": lambda q: [q.compute_float8_scale(jnp.float32(a), jnp.float32(0.5), 448.0, 1) for a in (3, 0, np.inf)],
    "magnitudes": lambda q: q.compute_float8_amax_history(jnp.asarray(X), jnp.arange(4.0)),
    "pack": lambda q: q.pack_int4(np.arange(-8, 7, dtype="int8").reshape(5, 3))[0],
    "pack, last axis": lambda q: q.pack_int4(np.arange(-8, 7, dtype="int8").reshape(5, 3), axis=-1)[0],
    "pack, no signs": lambda q: q.pack_int4(np.arange(15, dtype="uint8").reshape(5, 3), dtype="uint8")[0],
    "unpack": lambda q: q.unpack_int4(np.arange(-60, 60, 5, dtype="int8").reshape(4, 3, 2), 7),
    "unpack, last axis": lambda q: q.unpack_int4(np.arange(-60, 60, 5, dtype="int8").reshape(4, 6), 11, axis=-1),
    "unpack, no signs": lambda q: q.unpack_int4(np.arange(100, 112, dtype="uint8"), 24, dtype="uint8"),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_function(case):
    same(lambda k: FUNCTIONS[case](k.quantizers), tolerance=2e-7)


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"num_bits": 3, "narrow_range": True}, {"axis": 1}, {"axis": -1, "num_bits": 4}],
    ids=str,
)
def test_fake_quantization(kwargs):
    size = X.shape[kwargs["axis"]] if "axis" in kwargs else 1
    ends = -np.linspace(0.4, 1.1, size, dtype="float32"), np.linspace(0.7, 1.3, size, dtype="float32")
    ends = ends if "axis" in kwargs else [e[0] for e in ends]

    def run(k):
        def total(x, low, high):
            y = k.quantizers.fake_quant_with_min_max_vars(x, low, high, **kwargs)
            return jnp.sum(y * jnp.arange(30.0).reshape(6, 5)), y

        return jax.value_and_grad(total, (0, 1, 2), has_aux=True)(*map(jnp.asarray, (X, *ends)))

    same(run, tolerance=1e-6)


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch):
    """Keras asks for a full collection for each weight that it replaces: a second each, late in a run of all tests."""
    monkeypatch.setattr("gc.collect", lambda generation=2: 0)


# Layers ---------------------------------------------------------------------------------------------------------------

NO_INPUTS = {"activation_quantizer": None}
CONFIGS = {
    "int8": ("int8", {}),
    "int8, weights alone": ("int8", NO_INPUTS),
    "int4": ("int4", {}),
    "int4, blocks": ("int4", {"block_size": 4}),
    "int4, columns": ("int4", {"block_size": None}),
    "int4, inputs": ("int4", {"block_size": -1, "activation_quantizer": "abs_max"}),
}


def config_of(k, case):
    mode, kwargs = CONFIGS[case]
    if kwargs.get("activation_quantizer") == "abs_max":
        kwargs = {**kwargs, "activation_quantizer": k.quantizers.AbsMaxQuantizer()}
    return {"int8": k.quantizers.Int8QuantizationConfig, "int4": k.quantizers.Int4QuantizationConfig}[mode](**kwargs)


LAYERS = {
    "Dense": (lambda k: k.layers.Dense(5, activation="tanh"), (3, 7)),
    "Dense of steps": (lambda k: k.layers.Dense(4, use_bias=False), (2, 3, 6)),
    "EinsumDense": (lambda k: k.layers.EinsumDense("abc,cde->abde", (None, 3, 4), bias_axes="de"), (2, 3, 6)),
    "EinsumDense, two sums": (lambda k: k.layers.EinsumDense("abcd,cde->abe", (None, 5), bias_axes="e"), (2, 3, 4, 3)),
    "EinsumDense, turned": (lambda k: k.layers.EinsumDense("abc,dc->adb", (4, None)), (2, 3, 6)),
}


def weights_by_name(layer):
    return {w.name: np.asarray(w) for w in layer.weights}


def built(make, shape, case, lora=None):
    """The layer of both libraries with the same weights, quantized, with the same correction where there is one."""
    layers = [make(k) for k in BOTH]
    for layer in layers:
        layer.build(shape)
    layers[1].set_weights([np.random.default_rng(1).normal(size=w.shape) for w in layers[1].weights])
    layers[0].set_weights(layers[1].get_weights())
    for k, layer in zip(BOTH, layers):
        if case is not None:
            layer.quantize(config=config_of(k, case), **({"mode": CONFIGS[case][0]} if k is keras else {}))
        if lora is not None:
            layer.enable_lora(2, lora_alpha=3)
            for name in ("a", "b"):
                variable = next(w for w in layer.weights if w.name.startswith("lora") and w.name.endswith(name))
                variable.assign(np.random.default_rng(2).normal(size=variable.shape))
    return layers


def gradients(layer, mine, x, **kwargs):
    """Output, gradient for x, and those for the correction where there is one."""
    variables = [w for w in layer.weights if w.name.startswith("lora")]
    places = {id(w): i for i, w in enumerate(variables)}

    def total(x, values):
        if mine:
            paths = {f"{i}": v for i, v in enumerate(layer.weights)}
            given = {key: v.value for key, v in paths.items()}
            given |= {key: values[places[id(v)]] for key, v in paths.items() if id(v) in places}
            y = tracing.functionalize(lambda a: layer(a, **kwargs), paths)(given, x)[0]
        else:
            given = [values[places[id(v)]] if id(v) in places else v.value for v in layer.trainable_variables]
            y = layer.stateless_call(given, [v.value for v in layer.non_trainable_variables], x, **kwargs)[0]
        return jnp.sum(y * np.cos(np.arange(y.size)).reshape(y.shape)), y

    wanted = (0, 1) if jnp.issubdtype(x.dtype, jnp.floating) else 1
    return jax.jit(jax.value_and_grad(total, wanted, has_aux=True))(x, [v.value for v in variables])


def compare(layers, x, tolerance=1e-5, **kwargs):
    results = [gradients(layer, k is gazelle, jnp.asarray(x), **kwargs) for k, layer in zip(BOTH, layers)]
    for kind, *pair in zip(("values", "gradients"), *results):
        for mine, theirs in zip(*map(jax.tree.leaves, pair), strict=True):
            deviations.same(mine, theirs, tolerance, kind)


#: every layer in every way, half of these with a correction: Keras cannot compute it where the output is turned
QUANTIZED = [
    (name, case, 2 if (i + j) % 2 and name != "EinsumDense, turned" else None)
    for i, name in enumerate(LAYERS)
    for j, case in enumerate(CONFIGS)
]


@pytest.mark.parametrize(("name", "case", "lora"), QUANTIZED)
def test_quantized_layer(name, case, lora):
    make, shape = LAYERS[name]
    layers = built(make, shape, case, lora)
    mine, theirs = map(weights_by_name, layers)
    assert {n: (w.shape, w.dtype) for n, w in mine.items()} == {n: (w.shape, w.dtype) for n, w in theirs.items()}
    for weight, array in mine.items():
        np.testing.assert_allclose(array, theirs[weight], rtol=1e-6, err_msg=weight)
    assert layers[0].dtype_policy.name == layers[1].dtype_policy.name
    assert [w.name for w in layers[0].trainable_weights] == [w.name for w in layers[1].trainable_weights]
    compare(layers, np.random.default_rng(4).normal(size=shape).astype("float32"))


@pytest.mark.parametrize("case", ["int8", "int4, columns"])
@pytest.mark.parametrize("name", ["Dense", "EinsumDense, two sums"])
def test_quantizing_after_lora(name, case):
    make, shape = LAYERS[name]
    layers = built(make, shape, None, lora=2)
    for k, layer in zip(BOTH, layers):
        layer.quantize(config=config_of(k, case), **({"mode": CONFIGS[case][0]} if k is keras else {}))
    mine, theirs = map(weights_by_name, layers)
    assert {n: (w.shape, w.dtype) for n, w in mine.items()} == {n: (w.shape, w.dtype) for n, w in theirs.items()}
    assert [len(layer.trainable_weights) for layer in layers] == [3, 3]
    compare(layers, np.random.default_rng(4).normal(size=shape).astype("float32"))


TABLES = {
    "Embedding": lambda k: k.layers.Embedding(9, 6, mask_zero=True),
    "ReversibleEmbedding": lambda k: k.layers.ReversibleEmbedding(9, 6, logit_soft_cap=2.0),
    "ReversibleEmbedding, two tables": lambda k: k.layers.ReversibleEmbedding(9, 6, tie_weights=False),
}


@pytest.mark.parametrize("case", [c for c in CONFIGS if c != "int4, inputs"])
@pytest.mark.parametrize("name", TABLES)
def test_quantized_table(name, case):
    layers = built(TABLES[name], (None, 3), case, lora=2)
    mine, theirs = map(weights_by_name, layers)
    assert {n: (w.shape, w.dtype) for n, w in mine.items() if n != "reverse_embeddings_zero"} == {
        n: (w.shape, w.dtype) for n, w in theirs.items() if n != "reverse_embeddings_zero"
    }
    compare(layers, np.array([[1, 0, 8], [3, 3, 7]]))
    if name != "Embedding":
        layers = built(TABLES[name], (None, 3), case)  # Keras leaves the correction out on the way back
        h = np.random.default_rng(5).normal(size=(4, 6)).astype("float32")  # no gradient: that of Keras is 0 there
        deviations.same(*(jax.jit(lambda h, layer=layer: layer(h, reverse=True))(h) for layer in layers))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda k: k.layers.Dense(4, kernel_regularizer="l2"), (3, 5)),
        (lambda k: k.layers.EinsumDense("abc,cd->abd", (None, 4)), (2, 3, 5)),
        (lambda k: k.layers.Conv1D(4, 3, padding="same"), (2, 6, 3)),
        (lambda k: k.layers.Conv2D(4, 3, data_format="channels_first", groups=2), (2, 4, 5, 5)),
        (lambda k: k.layers.Conv3D(2, 2), (1, 3, 3, 3, 2)),
    ],
    ids=["Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D"],
)
def test_lora(make, shape):
    layers = built(make, shape, None, lora=2)
    mine, theirs = layers
    assert [w.name for w in mine.trainable_weights] == [w.name for w in theirs.trainable_weights]
    np.testing.assert_allclose(np.asarray(mine.kernel), np.asarray(theirs.kernel), rtol=1e-5, atol=1e-6)
    configs = [layer.get_config() for layer in layers]
    assert [c["lora_rank"] for c in configs] == [2, 2]
    assert [c["lora_alpha"] for c in configs] == [3, 3]
    compare(layers, np.random.default_rng(4).normal(size=shape).astype("float32"))
    stores = [{}, {}]
    for layer, store in zip(layers, stores):
        layer.save_own_variables(store)
    assert stores[0].keys() == stores[1].keys()
    for key, array in stores[0].items():
        np.testing.assert_allclose(array, np.asarray(stores[1][key]), rtol=1e-5, atol=1e-6)


def small(k):
    x = k.Input((3,), dtype="int32")
    y = k.layers.Embedding(9, 6, name="table")(x)
    y = k.layers.EinsumDense("abc,cd->abd", (3, 5), bias_axes="d", name="sums")(y)
    y = k.layers.Dense(4, activation="relu", name="hidden")(k.layers.Flatten()(y))
    return k.Model(x, k.layers.Dense(2, name="scores")(y))


@pytest.mark.parametrize("lora", [False, True], ids=["plain", "lora"])
@pytest.mark.parametrize("mode", ["int8", "int4"])
@pytest.mark.filterwarnings("ignore:Layer (InputLayer|Flatten) does not have a `quantize`")
def test_files_go_both_ways(mode, lora, tmp_path):
    x = np.random.default_rng(0).integers(0, 9, (5, 3))
    for writer, reader in (BOTH, BOTH[::-1]):
        model = small(writer)
        model.quantize(mode, filters="table|sums|hidden")
        path = tmp_path / f"{writer.__name__}.keras"
        if lora:
            model.get_layer("sums").enable_lora(2)
            for w in model.get_layer("sums").weights:
                if "lora" in w.name:
                    w.assign(np.random.default_rng(1).normal(size=w.shape))
        model.save(path)
        again, other = writer.saving.load_model(path), reader.saving.load_model(path)
        wanted, got = (np.asarray(jax.jit(m)(x)) for m in (again, other))
        np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max())
        assert str(other.get_layer("table").embeddings.dtype) == "int8"
        if not lora:
            np.testing.assert_allclose(wanted, np.asarray(jax.jit(model)(x)), atol=1e-6)


@pytest.mark.parametrize("policy", ["int8_from_float32", "int4_from_float32", "int4/2_from_float32"])
def test_policy_makes_quantized_layers(policy):
    shapes = []
    for k in BOTH:
        layer = k.layers.Dense(3, dtype=policy)
        layer.build((None, 4))
        shapes.append({w.name: (tuple(w.shape), str(np.asarray(w).dtype)) for w in layer.weights})
        assert np.all(np.asarray(layer(np.ones((2, 4), "float32"))) == 0)  # a kernel of zeros, until one is loaded
    assert shapes[0] == shapes[1]
