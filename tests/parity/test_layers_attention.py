"""MultiHeadAttention, Attention, AdditiveAttention and EinsumDense against Keras 3.15."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle import layers
from gazelle.core.masks import get_mask, set_mask
from gazelle.layers.attention import AdditiveAttention, Attention
from gazelle.layers.einsum_dense import EinsumDense
from gazelle.layers.multi_head_attention import MultiHeadAttention

RNG = np.random.default_rng(0)
Q, V, K = (RNG.normal(size=s).astype("float32") for s in ((2, 3, 4), (2, 5, 4), (2, 5, 4)))
Q_MASK = np.array([[1, 1, 0], [1, 0, 1]], bool)
V_MASK = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 1]], bool)
PAIRS = RNG.random((2, 3, 5)) > 0.3
PAIRS[:, :, 0] = True

WORDS = [
    {},
    {"value_dim": 2},
    {"use_bias": False},
    {"output_shape": 6},
    {"output_shape": (2, 3)},
    {"sliding_window": 2},
    {"use_gate": True},
    {"use_gate": True, "value_dim": 5, "use_bias": False},
    {"dropout": 0.4},
    {"kernel_regularizer": "l2", "bias_constraint": "non_neg", "attention_axes": 1},
    {"attention_axes": -2},
]
CALLS = [
    {},
    {"attention_mask": PAIRS},
    {"attention_mask": np.stack([PAIRS, PAIRS[::-1]], 1)},
    {"attention_mask": PAIRS.astype("int32")},
    {"use_causal_mask": True},
    {"use_causal_mask": True, "attention_mask": PAIRS},
    {"value_mask": V_MASK},
    {"return_attention_scores": True},
    {"return_attention_scores": True, "use_causal_mask": True, "attention_mask": PAIRS, "value_mask": V_MASK},
    {"return_attention_scores": True, "value_mask": np.zeros_like(V_MASK)},
]


def both(name, kwargs, ours, /):
    return getattr(keras.layers, name)(**kwargs), ours(**kwargs)


def heads_call(same_call, kwargs, call, inputs):
    """Booleans are Python's own, so they go around the comparison's arrays."""
    theirs, ours = both("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, **kwargs}, MultiHeadAttention)
    flags = {k: v for k, v in call.items() if isinstance(v, bool)}
    return same_call(theirs, ours, inputs, {k: v for k, v in call.items() if k not in flags}, flags=flags)


@pytest.mark.parametrize(
    ("kwargs", "call"),
    [*(({}, call) for call in CALLS), *((kwargs, CALLS[i]) for kwargs in WORDS[1:] for i in (0, 5, 8))],
    ids=lambda w: "-".join(w) or "plain",
)
def test_heads(kwargs, call, same_call):
    if kwargs.get("value_dim") and not call.get("return_attention_scores"):
        # Keras on JAX fails here: its fused product wants value_dim == key_dim. The scores take another way.
        call = {**call, "return_attention_scores": True}
    heads_call(same_call, kwargs, call, [Q, V])


def test_heads_fused_and_plain_agree():
    """Where the values have another size there is no fused product; the numbers are those of the plain one."""
    layer = MultiHeadAttention(2, 3, value_dim=2)
    np.testing.assert_allclose(layer(Q, V), layer(Q, V, return_attention_scores=True)[0], atol=1e-6)


@pytest.mark.parametrize("call", [{}, {"key_mask": V_MASK}, {"value_mask": V_MASK, "key_mask": V_MASK[::-1]}], ids=str)
def test_heads_with_key(call, same_call):
    heads_call(same_call, {}, call, [Q, V, K[..., :3]])


@pytest.mark.parametrize("axes", [None, (1,), (2,), (1, 2), (-2,)], ids=str)
@pytest.mark.parametrize("scores", [False, True])
def test_heads_over_more_axes(axes, scores, same_call):
    q, v = (RNG.normal(size=s).astype("float32") for s in ((2, 3, 2, 4), (2, 3, 2, 4)))
    heads_call(same_call, {"attention_axes": axes}, {"return_attention_scores": scores}, [q, v])


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", ["q", "v", "k", "qv", "qvk"])
def test_heads_take_the_masks_of_their_inputs(masked, causal):
    ours = MultiHeadAttention(2, 3)
    theirs = keras.layers.MultiHeadAttention(2, 3)
    masks = {"q": Q_MASK, "v": V_MASK, "k": V_MASK[::-1]}
    mine, other = [], []
    for name, x in zip("qvk", (Q, V, K)):
        mine.append(jnp.asarray(x))
        other.append(jnp.asarray(x))
        if name in masked:
            set_mask(mine[-1], jnp.asarray(masks[name]))
            keras.src.backend.set_keras_mask(other[-1], jnp.asarray(masks[name]))
    for layer in (theirs, ours):
        layer.build(Q.shape, V.shape, K.shape)
    ours.set_weights([w.numpy() for w in theirs.weights])
    y = ours(*mine, use_causal_mask=causal)
    np.testing.assert_allclose(y, theirs(*other, use_causal_mask=causal), atol=1e-6)
    assert (get_mask(y) is not None) == ("q" in masked)


@pytest.mark.parametrize("kwargs", WORDS, ids=lambda w: "-".join(w) or "plain")
def test_heads_config(kwargs):
    theirs, ours = both("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "name": "m", **kwargs}, MultiHeadAttention)
    for layer in (theirs, ours):
        layer.build(Q.shape, V.shape)
    wanted, got = theirs.get_config(), ours.get_config()
    assert got.keys() == wanted.keys()
    for key in ("value_dim", "attention_axes", "output_shape", "sliding_window", "use_gate"):
        assert list(np.ravel(got[key])) == list(np.ravel(wanted[key])), key
    shapes = theirs.get_build_config()["shapes_dict"]
    assert ours.get_build_config() == {"shapes_dict": {k: list(v) for k, v in shapes.items()}}
    again = MultiHeadAttention.from_config(got)
    again.build_from_config(ours.get_build_config())
    assert [w.shape for w in again.weights] == [w.shape for w in ours.weights]


def test_heads_activity_regularizer_counts_on_the_projections():
    theirs, ours = both(
        "MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "activity_regularizer": "l2"}, MultiHeadAttention
    )
    for layer in (theirs, ours):
        layer.build(Q.shape, V.shape)
    ours.set_weights([w.numpy() for w in theirs.weights])
    theirs(Q, V), ours(Q, V)
    np.testing.assert_allclose(sum(map(float, ours.losses)), sum(map(float, theirs.losses)), rtol=1e-5)


def test_heads_dropout_only_in_training():
    layer = MultiHeadAttention(2, 3, dropout=0.5, seed=1)
    assert np.array_equal(layer(Q, V), layer(Q, V))
    assert not np.array_equal(layer(Q, V, training=True), layer(Q, V, training=True))


SIMPLE = {
    "Attention": [
        {},
        {"use_scale": True},
        {"score_mode": "concat"},
        {"score_mode": "concat", "use_scale": True},
        {"dropout": 0.2},
    ],
    "AdditiveAttention": [{}, {"use_scale": False}, {"dropout": 0.2}],
}
SIMPLE_CALLS = [
    dict(zip(("mask", "use_causal_mask", "return_attention_scores"), row))
    for row in (
        (None, False, False),
        (None, True, True),
        ([Q_MASK, V_MASK], False, True),
        ([Q_MASK, V_MASK], True, False),
        ([None, V_MASK], True, True),
        ([Q_MASK, None], False, False),
    )
]


#: every layer with every second way of calling it, and each of the two classes with all
SIMPLE_PAIRS = [
    (name, kwargs, call)
    for name, every in SIMPLE.items()
    for i, kwargs in enumerate(every)
    for j, call in enumerate(SIMPLE_CALLS)
    if (i + j) % 2 == 0
]


@pytest.mark.parametrize(("name", "kwargs", "call"), SIMPLE_PAIRS)
def test_attention(name, kwargs, call, same_call):
    ours = {"Attention": Attention, "AdditiveAttention": AdditiveAttention}[name]
    inputs = [Q, V] if call["use_causal_mask"] else [Q, V, K]
    flags = {k: v for k, v in call.items() if k != "mask"}
    same_call(*both(name, kwargs, ours), [inputs], {"mask": call["mask"]} if call["mask"] else {}, flags=flags)


@pytest.mark.parametrize(("name", "kwargs"), [(n, w) for n, ws in SIMPLE.items() for w in ws], ids=str)
def test_attention_config(name, kwargs):
    ours = {"Attention": Attention, "AdditiveAttention": AdditiveAttention}[name]
    theirs, mine = both(name, {"name": "a", **kwargs}, ours)
    wanted, got = theirs.get_config(), mine.get_config()
    wanted.pop("dtype"), got.pop("dtype")
    assert {**wanted, **got} == wanted
    assert wanted.keys() - got.keys() <= {"seed"}
    assert mine.compute_output_shape([Q.shape, V.shape]) == theirs.compute_output_shape([Q.shape, V.shape])


def test_attention_passes_the_query_mask_on():
    q = jnp.asarray(Q)
    set_mask(q, jnp.asarray(Q_MASK))
    assert np.array_equal(get_mask(Attention()([q, jnp.asarray(V)])), Q_MASK)


EINSUMS = [
    ("ab,bc->ac", 5, None, (2, 4)),
    ("ab,bc->ac", 5, "c", (2, 4)),
    ("abc,cd->abd", (None, 5), "d", (2, 3, 4)),
    ("abc,cd->abd", (3, 5), "bd", (2, 3, 4)),
    ("...x,xy->...y", 5, "y", (2, 4)),
    ("...x,xy->...y", 5, "y", (2, 3, 2, 4)),
    ("abc,cde->abde", (None, 2, 3), "de", (2, 3, 4)),
    ("abc,cde->abde", (None, 2, 3), "e", (2, 3, 4)),
    ("abde,dec->abc", (None, 5), None, (2, 3, 2, 4)),
    ("ab...,bc->ac...", (5,), "c", (2, 4, 3)),
    ("ab...,bc->ac...", (5,), None, (2, 4, 3, 2)),
    ("abc,bcd->abd", (3, 5), "d", (2, 3, 4)),
    ("...ab,bc->...ac", (None, 5), "c", (2, 3, 6, 4)),
]


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape", "activation"),
    [(*row, (None, "relu")[i % 2]) for i, row in enumerate(EINSUMS)],
    ids=str,
)
def test_einsum_dense(equation, output_shape, bias_axes, shape, activation, same_call):
    kwargs = {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes, "activation": activation}
    theirs, ours = both("EinsumDense", kwargs, EinsumDense)
    same_call(theirs, ours, [RNG.normal(size=shape).astype("float32")])
    wanted, got = theirs.get_config(), ours.get_config()
    for key in ("equation", "bias_axes", "activation"):
        assert got[key] == wanted[key]
    assert tuple(got["output_shape"]) == wanted["output_shape"]
    assert wanted.keys() - got.keys() == {"activity_regularizer"}


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "lecun_uniform"])
def test_einsum_dense_fans_follow_the_equation(initializer, keras_draws):
    theirs, ours = both(
        "EinsumDense",
        {"equation": "abc,cde->abde", "output_shape": (None, 20, 30), "kernel_initializer": initializer},
        EinsumDense,
    )
    theirs.build((2, 3, 40)), ours.build((2, 3, 40))
    np.testing.assert_allclose(np.std(ours.kernel.numpy()), np.std(theirs.kernel.numpy()), rtol=0.03)


def test_names_are_public():
    for name in ("MultiHeadAttention", "Attention", "AdditiveAttention", "EinsumDense"):
        assert hasattr(layers, name)
