"""Properties for any sizes: traced shapes are actual shapes, epochs cover all samples, configs are restored."""

import itertools
import json
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gazelle import Input, Model, Sequential, layers, ops
from gazelle.core.errors import ArgumentError
from gazelle.core.symbolic import KerasTensor
from gazelle.data import ArraySource, split


def few(examples):
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None)


def chained(lists):
    return list(itertools.chain.from_iterable(lists))


def agrees(symbolic, real):
    """The traced shape is the real one; None stands for any size."""
    assert len(symbolic.shape) == real.ndim
    assert all(want in (None, got) for want, got in zip(symbolic.shape, real.shape, strict=True))
    assert str(real.dtype) == symbolic.dtype
    return True


def run(model, *shape):
    """The model's output as one compiled program: no two examples share the shapes of their operations."""
    return np.asarray(jax.jit(model)(np.ones(shape, "float32")))


# Stacks of layers ----------------------------------------------------------------------------------------------------

# What keeps the rank of (batch, steps, channels); every size is small enough for 9 steps and may be halved once.
STEPS = {
    "dense": lambda n: layers.Dense(n, activation="relu"),
    "conv": lambda n: layers.Conv1D(n, 3, padding="valid"),
    "strided": lambda n: layers.Conv1D(n, 2, strides=2, padding="same"),
    "causal": lambda n: layers.Conv1D(n, 2, padding="causal", dilation_rate=2),
    "pool": lambda n: layers.MaxPooling1D(2),
    "pool_same": lambda n: layers.AveragePooling1D(3, strides=2, padding="same"),
    "pad": lambda n: layers.ZeroPadding1D(n),
    "up": lambda n: layers.UpSampling1D(2),
    "gru": lambda n: layers.GRU(n, return_sequences=True),
    "two_ways": lambda n: layers.Bidirectional(layers.SimpleRNN(n, return_sequences=True)),
    "each": lambda n: layers.TimeDistributed(layers.Dense(n)),
    "norm": lambda n: layers.LayerNormalization(),
    "drop": lambda n: layers.Dropout(0.2),
}
ENDS = {
    "flat": lambda: layers.Flatten(),
    "max": lambda: layers.GlobalMaxPooling1D(),
    "mean": lambda: layers.GlobalAveragePooling1D(keepdims=True),
    "last": lambda: layers.LSTM(3),
    "turn": lambda: layers.Permute((2, 1)),
    "rows": lambda: layers.Reshape((-1, 1)),
    "none": lambda: layers.Activation("tanh"),
}
stacks = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 4)), min_size=1, max_size=3)


@few(12)
@given(stacks, st.sampled_from(sorted(ENDS)), st.booleans(), st.integers(1, 3))
def test_stacks_over_steps(stack, end, known, channels):
    open_steps = not known and end not in ("flat",)
    model = Sequential([Input((None if open_steps else 24, channels))])
    for name, size in stack:
        model.add(STEPS[name](size))
    model.add(ENDS[end]())
    out = model.outputs[0]
    assert out.shape[0] is None
    assert agrees(out, run(model, 2, 24, channels))
    if known:
        assert None not in out.shape[1:]
    if open_steps:
        assert agrees(out, run(model, 3, 31, channels))
    assert model.compute_output_shape((None, 24, channels))[0] is None


IMAGES = {
    "conv": lambda n: layers.Conv2D(n, 3),
    "strided": lambda n: layers.Conv2D(n, (2, 1), strides=(2, 1), padding="same"),
    "dilated": lambda n: layers.Conv2D(n, 2, dilation_rate=2),
    "depth": lambda n: layers.DepthwiseConv2D(2, depth_multiplier=n),
    "transposed": lambda n: layers.Conv2DTranspose(n, 3, strides=2, padding="valid"),
    "pool": lambda n: layers.MaxPooling2D((2, 1)),
    "pool_same": lambda n: layers.AveragePooling2D(2, padding="same"),
    "pad": lambda n: layers.ZeroPadding2D(((1, 0), (n, 2))),
    "crop": lambda n: layers.Cropping2D(1),
    "up": lambda n: layers.UpSampling2D((1, 2)),
    "norm": lambda n: layers.BatchNormalization(),
}


@few(10)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(IMAGES)), st.integers(1, 3)), min_size=1, max_size=3),
    st.integers(14, 17),
    st.booleans(),
)
def test_stacks_over_images(stack, height, open_sizes):
    model = Sequential([Input((None, None, 2) if open_sizes else (height, 16, 2))])
    for name, size in stack:
        model.add(IMAGES[name](size))
    assert agrees(model.outputs[0], run(model, 1, height, 16, 2))
    assert open_sizes or None not in model.output_shape[1:]


@few(12)
@given(
    st.sampled_from(["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"]),
    st.integers(1, 4),
    st.booleans(),
)
def test_merges_of_branches(name, width, open_steps):
    x = Input((None if open_steps else 5, 3))
    a, b = layers.Dense(width)(x), layers.Dense(width)(x)
    merge = layers.Dot(axes=2) if name == "Dot" else getattr(layers, name)()
    model = Model(x, merge([a, b]))
    assert agrees(model.outputs[0], run(model, 2, 5, 3))


@few(15)
@given(st.permutations([2, 3, 4]), st.integers(0, 2), st.booleans())
def test_reshape_infers_one_size(sizes, place, twice):
    target = [1 if i == place else n for i, n in enumerate(sizes)]
    hidden = 24 // int(np.prod(target))
    target[place] = -1
    model = Sequential([Input((24,)), layers.Reshape(target)])
    if twice:
        model.add(layers.Flatten())
    assert agrees(model.outputs[0], run(model, 3, 24))
    assert model.output_shape == ((None, 24) if twice else (None, *(hidden if n == -1 else n for n in target)))


@few(15)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 4), st.sampled_from(["Input", "input_dim"]))
def test_what_was_popped_leaves_no_trace(widths, popped, how):
    model = Sequential([Input((3,))] if how == "Input" else [])
    for width in widths:
        kwargs = {"input_dim": 3} if how == "input_dim" and not model.layers else {}
        model.add(layers.Dense(width, **kwargs))
    popped = min(popped, len(widths))
    for _ in range(popped):
        model.pop()
    kept = widths[: len(widths) - popped]
    assert len(model.layers) == len(kept)
    model.add(layers.Dense(5))
    out = run(model, 2, 3)
    assert out.shape == (2, 5)
    assert [w.shape for w in model.weights[::2]] == list(zip([3, *kept], [*kept, 5], strict=True))
    assert agrees(model.outputs[0], out)


# Operations on symbolic tensors --------------------------------------------------------------------------------------

OPERATIONS = {
    "sum": lambda t: ops.sum(t, axis=1),
    "mean": lambda t: ops.mean(t, axis=-1, keepdims=True),
    "whole": lambda t: ops.max(t),
    "matmul": lambda t: ops.matmul(t, ops.transpose(t, (0, 2, 1))),
    "operators": lambda t: (1.0 - t) * t / 2.0 + t**2,
    "compare": lambda t: t > 0.5,
    "slice": lambda t: t[:, ::2, 1:],
    "last": lambda t: t[:, -1],
    "new_axis": lambda t: t[:, None],
    "expand": lambda t: ops.expand_dims(t, -1),
    "concatenate": lambda t: ops.concatenate([t, t], axis=1),
    "stack": lambda t: ops.stack([t, t], axis=2),
    "reshape": lambda t: ops.reshape(t, (-1, t.shape[2])),
    "where": lambda t: ops.where(t > 0.0, t, ops.zeros_like(t)),
    "cast": lambda t: ops.cast(t, "int32"),
    "argmax": lambda t: ops.argmax(t, axis=-1),
    "repeat": lambda t: ops.repeat(t, 3, axis=1),
    "outer": lambda t: t[:, :, None] * t[:, None],
    "softmax": lambda t: ops.softmax(t),
    "pad": lambda t: ops.pad(t, ((0, 0), (1, 2), (0, 0))),
    "relu": lambda t: ops.relu(t),
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@few(3)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(2, 4), st.booleans())
def test_operations(name, batch, steps, width, known):
    operation = OPERATIONS[name]
    symbolic = operation(KerasTensor((None, steps if known else None, width), "float32"))
    array = jnp.asarray(np.random.default_rng(0).normal(size=(batch, steps, width)), "float32")
    assert agrees(symbolic, operation(array))


@few(8)
@given(st.lists(st.sampled_from(["operators", "where", "softmax", "relu", "cast_back", "mean"]), max_size=4))
def test_graphs_of_operations_run_as_the_operations_do(names):
    more = {**OPERATIONS, "cast_back": lambda t: ops.cast(ops.cast(t, "int32"), "float32")}
    x = tensor = Input((5, 3))
    real = jnp.asarray(np.random.default_rng(1).normal(size=(2, 5, 3)), "float32")
    expected = real
    for name in names:
        tensor, expected = more[name](tensor), more[name](expected)
    model = Model(x, layers.Identity()(tensor))
    np.testing.assert_allclose(np.asarray(jax.jit(model)(real)), expected, rtol=1e-5, atol=1e-6)


# Data ----------------------------------------------------------------------------------------------------------------


def rows_of(source, epoch):
    """The sample numbers of every batch of an epoch."""
    chunks = list(source.chunks(epoch))
    assert all((np.asarray(c.arrays[0])[: c.stop, :, 0] == c.rows).all() for c in chunks)
    return [row.tolist() for chunk in chunks for row in chunk.rows]


@few(60)
@given(st.integers(1, 40), st.integers(1, 45), st.sampled_from([True, False, "batch"]), st.integers(0, 2**32 - 1))
def test_an_epoch_covers_each_sample_once(n, batch_size, shuffle, seed):
    x = np.arange(n, dtype="int32")[:, None]
    source = ArraySource((x, None, None), batch_size, shuffle, seed, None)
    for epoch in range(3):
        batches = rows_of(source, epoch)
        assert len(batches) == source.steps == -(-n // batch_size)
        assert sorted(chained(batches)) == list(range(n))
        assert {len(b) for b in batches[:-1]} <= {batch_size}
        again = ArraySource((x, None, None), batch_size, shuffle, seed, None)
        assert rows_of(again, epoch) == batches  # a function of (seed, epoch)
        if not shuffle:
            assert chained(batches) == list(range(n))
        if shuffle == "batch":  # whole blocks of neighbours
            assert all(b == list(range(b[0], b[0] + len(b))) for b in batches)


@few(60)
@given(st.integers(1, 30), st.integers(1, 12), st.sampled_from([True, False, "batch"]), st.integers(1, 15))
def test_steps_per_epoch_walks_through_the_passes(n, batch_size, shuffle, steps):
    """Epochs of any number of steps, end to end, are the passes over the samples; no epoch goes beyond its pass."""
    x = np.arange(n, dtype="int32")[:, None]
    source = ArraySource((x, None, None), batch_size, shuffle, 7, steps)
    whole = ArraySource((x, None, None), batch_size, shuffle, 7, None)
    of_pass = -(-whole.steps // steps)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The data ran out")
        epochs = [rows_of(source, epoch) for epoch in range(2 * of_pass)]
    assert [len(e) for e in epochs[: of_pass - 1]] == [steps] * (of_pass - 1)
    assert chained(epochs) == rows_of(whole, 0) + rows_of(whole, 1)


@few(80)
@given(st.integers(2, 300), st.floats(0.01, 0.99), st.booleans())
def test_split_takes_one_end_and_keeps_the_rest(n, fraction, start):
    x = np.arange(n)
    try:
        (rest, _), (part, _) = split((x, {"y": x}), fraction, start)
    except ArgumentError:
        assert n * fraction < 1 or n * (1 - fraction) < 1
        return
    assert abs(len(part) - n * fraction) <= 1  # as in Keras, which rounds floor(n * (1 - fraction))
    assert len(rest) + len(part) == n
    assert (np.concatenate([part, rest] if start else [rest, part]) == x).all()


# Configs -------------------------------------------------------------------------------------------------------------


@st.composite
def graphs(draw):
    """A small graph: each step takes tensors that are there already, some layers are used twice."""
    tensors = [Input((6,), name="first")]
    inputs = list(tensors)
    if draw(st.booleans()):
        inputs.append(Input((6,), name="second"))
        tensors.append(inputs[1])
    shared = layers.Dense(6, activation="relu", kernel_initializer="ones", bias_initializer="ones", name="shared")
    for _ in range(draw(st.integers(1, 5))):
        one, two = draw(st.sampled_from(tensors)), draw(st.sampled_from(tensors))
        kind = draw(st.sampled_from(["dense", "shared", "add", "cut", "operator", "op", "nested"]))
        if kind == "dense":
            out = layers.Dense(6, use_bias=draw(st.booleans()))(one)
        elif kind == "shared":
            out = shared(one)
        elif kind == "add":
            out = layers.Add()([one, two])
        elif kind == "cut":
            out = layers.Dense(6)(layers.Concatenate(axis=-1)([one, two]))
        elif kind == "operator":
            out = one * 2.0 - two
        elif kind == "op":
            out = ops.relu(ops.add(one, 0.5))
        else:
            out = Sequential([Input((6,)), layers.Dense(6, activation="tanh")])(one)
        tensors.append(out)
    outputs = layers.Dense(2, name="end")(tensors[-1])
    if draw(st.booleans()):
        outputs = {"end": outputs, "side": layers.Dense(1, name="side")(draw(st.sampled_from(tensors)))}
    return inputs, outputs


@few(12)
@given(graphs())
def test_functional_config_comes_back(graph):
    inputs, outputs = graph
    model = Model(inputs if len(inputs) > 1 else inputs[0], outputs)
    again = Model.from_config(json.loads(json.dumps(model.get_config())))
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    again.set_weights(model.get_weights())
    x = [np.random.default_rng(i).normal(size=(3, 6)).astype("float32") for i in range(len(inputs))]
    x = x if len(x) > 1 else x[0]
    ours, theirs = jax.jit(model)(x), jax.jit(again)(x)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
