"""Adaptive pooling, SpectralNormalization, GroupQueryAttention, ReversibleEmbedding and Pipeline against Keras 3.15."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from deviations import same

from gazelle import layers
from gazelle.core import tracing
from gazelle.core.masks import get_mask, set_mask

RNG = np.random.default_rng(11)

# Adaptive pooling -----------------------------------------------------------------------------------------------------

POOLED = [
    (1, (2, 7, 3), 3, "channels_last"),
    (1, (2, 3, 4), 6, "channels_first"),
    (2, (2, 7, 5, 3), (3, 2), "channels_last"),
    (2, (1, 2, 3, 4), (5, 4), "channels_first"),
    (3, (1, 4, 5, 3, 2), (2, 3, 2), "channels_last"),
]


@pytest.mark.parametrize("kind", ["Average", "Max"])
@pytest.mark.parametrize(("rank", "shape", "size", "data_format"), POOLED, ids=str)
def test_adaptive_pooling(kind, rank, shape, size, data_format, same_layer):
    same_layer(f"Adaptive{kind}Pooling{rank}D", {"output_size": size, "data_format": data_format}, shape)


@pytest.mark.parametrize("kind", ["average", "max"])
@pytest.mark.parametrize(("size", "count"), [(8, 4), (5, 1), (4, 6), (9, 9), (10, 7), (3, 8)])
def test_adaptive_windows(kind, size, count):
    """Windows of one axis, against Keras' function alone: its gradients are slow to compile."""
    x = RNG.normal(size=(1, size, 2)).astype("float32")
    wanted = getattr(keras.ops, f"adaptive_{kind}_pool")(x, count, data_format="channels_last")
    layer = layers.AdaptiveAveragePooling1D if kind == "average" else layers.AdaptiveMaxPooling1D
    np.testing.assert_allclose(layer(count)(x), wanted, atol=1e-6)


# SpectralNormalization ------------------------------------------------------------------------------------------------

INNER = {
    "Dense": ({"units": 4}, (3, 5)),
    "Conv2D": ({"filters": 3, "kernel_size": 2}, (2, 4, 4, 2)),
    "Embedding": ({"input_dim": 6, "output_dim": 3}, (2, 4)),
    "EinsumDense": ({"equation": "ab,bc->ac", "output_shape": 3}, (3, 5)),
}


@pytest.mark.parametrize("power_iterations", [1, 3])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", INNER)
def test_spectral_normalization(name, training, power_iterations):
    kwargs, shape = INNER[name]
    integer = name == "Embedding"
    x = RNG.integers(0, 6, shape) if integer else RNG.normal(size=shape).astype("float32")
    theirs, ours = (
        k.SpectralNormalization(getattr(k, name)(**kwargs), power_iterations=power_iterations)
        for k in (keras.layers, layers)
    )
    theirs.build(shape), ours.build(shape)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    assert [w.name for w in ours.trainable_weights] == [w.name for w in theirs.trainable_weights]
    given = [RNG.normal(size=w.shape) for w in theirs.weights]
    theirs.set_weights(given), ours.set_weights(given)
    expected = theirs(x, training=training)
    if integer:  # Keras converts the output to the dtype of the input
        assert keras.backend.is_int_dtype(expected.dtype)
        expected = theirs.layer(x)
    same(ours(x, training=training), expected)
    for mine, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        same(mine, wanted)
    if training:
        kernel = np.asarray(ours.kernel).reshape(-1, ours.kernel.shape[-1])
        for _ in range(40):
            ours(x, training=True)
        kernel = np.asarray(ours.kernel).reshape(-1, ours.kernel.shape[-1])
        np.testing.assert_allclose(np.linalg.norm(kernel, 2), 1, rtol=1e-3)


def test_spectral_normalization_leaves_zeros():
    ours = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="zeros"))
    before = ours(np.ones((1, 3)), training=True), np.asarray(ours.vector_u)
    ours(np.ones((1, 3)), training=True)
    np.testing.assert_array_equal(ours.vector_u, before[1])
    assert not np.asarray(ours.kernel).any()


# GroupQueryAttention --------------------------------------------------------------------------------------------------

Q, V, K = (RNG.normal(size=s).astype("float32") for s in ((2, 3, 4), (2, 5, 4), (2, 5, 4)))
V_MASK = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 1]], bool)
Q_MASK = np.array([[1, 1, 0], [1, 0, 1]], bool)
PAIRS = RNG.random((2, 3, 5)) > 0.3
PAIRS[:, :, 0] = True
WORDS = [
    {},
    {"use_bias": False},
    {"sliding_window": 2},
    {"use_gate": True},
    {"dropout": 0.3},
    {"num_key_value_heads": 1},
    {"num_key_value_heads": 4},
]
CALLS = [
    {},
    {"attention_mask": PAIRS},
    {"use_causal_mask": True},
    {"value_mask": V_MASK},
    {"return_attention_scores": True},
    {"query_mask": Q_MASK, "value_mask": V_MASK, "attention_mask": PAIRS, "use_causal_mask": True},
    {"return_attention_scores": True, "attention_mask": PAIRS, "key_mask": V_MASK},
    {"attention_mask": np.stack([PAIRS] * 4, 1)},
]


def heads(kwargs):
    kwargs = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2, **kwargs}
    return keras.layers.GroupQueryAttention(**kwargs), layers.GroupQueryAttention(**kwargs)


@pytest.mark.parametrize(
    ("kwargs", "call"),
    [
        *(({}, call) for call in CALLS),
        *((w, CALLS[i]) for w in WORDS[1:] for i in ((5, 6) if "use_gate" in w else (5,))),
    ],
    ids=lambda w: "-".join(w) or "plain",
)
def test_grouped_heads(kwargs, call, same_call):
    flags = {k: v for k, v in call.items() if isinstance(v, bool)}
    same_call(*heads(kwargs), [Q, V], {k: v for k, v in call.items() if k not in flags}, flags=flags)


def test_grouped_heads_with_key(same_call):
    same_call(*heads({}), [Q, V, K])


@pytest.mark.parametrize("kwargs", WORDS, ids=lambda w: "-".join(w) or "plain")
def test_grouped_heads_config(kwargs):
    theirs, ours = heads({"name": "g", "activity_regularizer": "l2", **kwargs})
    wanted, got = theirs.get_config(), ours.get_config()
    assert got.keys() == wanted.keys()
    plain = [k for k, v in wanted.items() if not isinstance(v, dict)]
    assert [got[k] for k in plain] == [wanted[k] for k in plain]
    assert type(layers.GroupQueryAttention.from_config(got)) is layers.GroupQueryAttention
    read = keras.saving.deserialize_keras_object(
        {"class_name": "GroupQueryAttention", "module": "keras.layers", "registered_name": None, "config": got}
    )
    assert read.get_config().keys() == wanted.keys()


def test_grouped_heads_count_the_activity_as_keras_does():
    theirs, ours = heads({"activity_regularizer": "l2"})
    theirs(Q, V), ours(Q, V)
    ours.set_weights([w.numpy() for w in theirs.weights])
    theirs(Q, V), ours(Q, V)
    np.testing.assert_allclose(sum(map(float, ours.losses)), sum(map(float, theirs.losses)), rtol=1e-5)


def test_grouped_heads_take_the_masks_of_their_inputs():
    theirs, ours = heads({})
    q, v = jnp.asarray(Q), jnp.asarray(V)
    set_mask(q, jnp.asarray(Q_MASK)), set_mask(v, jnp.asarray(V_MASK))
    theirs(Q, V)
    ours(Q, V)
    ours.set_weights([w.numpy() for w in theirs.weights])
    y = ours(q, v)
    np.testing.assert_allclose(y, theirs(Q, V, query_mask=Q_MASK, value_mask=V_MASK), atol=1e-6)
    assert get_mask(y) is not None


# ReversibleEmbedding --------------------------------------------------------------------------------------------------

REVERSIBLE = [
    {},
    {"tie_weights": False},
    {"logit_soft_cap": 2.0},
    {"reverse_dtype": "bfloat16"},
    {"mask_zero": True, "tie_weights": False, "logit_soft_cap": 1.5},
]


@pytest.mark.parametrize("kwargs", REVERSIBLE, ids=lambda w: "-".join(w) or "plain")
def test_reversible_embedding(kwargs):
    kwargs = {"input_dim": 6, "output_dim": 4, "name": "e", **kwargs}
    theirs, ours = keras.layers.ReversibleEmbedding(**kwargs), layers.ReversibleEmbedding(**kwargs)
    x, h = RNG.integers(0, 6, (2, 3)), RNG.normal(size=(2, 3, 4)).astype("float32")
    theirs.build(x.shape), ours.build(x.shape)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    given = [RNG.normal(size=w.shape) for w in theirs.weights]
    theirs.set_weights(given), ours.set_weights(given)
    np.testing.assert_array_equal(ours(x), theirs(x))
    wanted, got = theirs(h, reverse=True), ours(h, reverse=True)
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(np.asarray(got, "float32"), np.asarray(wanted, "float32"), rtol=1e-5, atol=1e-5)
    assert (get_mask(ours(jnp.asarray(x))) is not None) == bool(kwargs.get("mask_zero"))
    mine, other = ours.get_config(), theirs.get_config()
    plain = [
        k
        for k, v in other.items()
        if not isinstance(v, dict) and k not in ("quantization_config", "activity_regularizer")
    ]
    assert [mine[k] for k in plain] == [other[k] for k in plain]
    spec = ours(layers.Input((3, 4)), reverse=True)
    assert spec.shape == (None, 3, 6)


# Pipeline -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [{}, {"training": False}, {"training": True}], ids=str)
def test_pipeline(told):
    theirs, ours = (
        k.Pipeline([k.Rescaling(2.0), k.GaussianDropout(0.5, seed=1), k.Flatten()], name="p")
        for k in (keras.layers, layers)
    )
    x = np.ones((2, 3, 4), "float32")
    wanted, got = np.asarray(theirs(x, **told)), np.asarray(ours(x, **told))
    assert wanted.shape == got.shape
    assert (wanted == 2).all() == (got == 2).all()  # both draw, or none does
    mine, other = ours.get_config(), theirs.get_config()
    assert mine.keys() == other.keys()
    assert [layer["class_name"] for layer in mine["layers"]] == [layer["class_name"] for layer in other["layers"]]
    again = layers.Pipeline.from_config(mine)
    np.testing.assert_array_equal(again(x, training=False), theirs(x, training=False))


def test_pipeline_in_a_model_knows_whether_it_trains():
    layer = layers.Pipeline([layers.Dropout(0.5, seed=1)])
    call = tracing.functionalize(layer, {})
    x = jnp.ones((4, 8))
    assert bool((call({}, x)[0] == x).all())
    assert not bool((call({}, x, key=jax.random.key(0), training=True)[0] == x).all())
