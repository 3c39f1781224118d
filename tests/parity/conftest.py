"""The comparison of a layer with that of Keras 3.15, with equal arguments, weights and inputs."""

import json
import re
import zlib

import deviations
import jax
import jax.numpy as jnp
import keras
import numpy as np
import oracle
import pytest
from deviations import same
from draws import normals, replace_draws
from keras.src.initializers import random_initializers

from gazelle import layers
from gazelle.core import tracing
from gazelle.layers import weight_tree


def _numbers(shape, dtype, rng):
    if np.issubdtype(np.dtype(dtype), np.integer):
        return rng.integers(0, 5, shape).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def _words(config):
    return json.loads(json.dumps(config, default=lambda v: v.tolist() if hasattr(v, "tolist") else list(v)))


def _single(value):
    """Numbers as float32: Keras rounds some on their way through its backend."""
    if isinstance(value, dict):
        return {k: _single(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_single(v) for v in value]
    return float(np.float32(value)) if isinstance(value, float) else value


def _same_config(name, wanted, ours, apart):
    """Every key of Keras with an equal value; `apart` and the automatic name excepted."""
    got = _words(ours.get_config())
    for key, value in wanted.items():
        if key not in ("name", *apart):
            assert key in got, f"{name}: the config lacks {key}"
            assert _single(got[key]) == _single(value), f"{name}: config[{key!r}] is {got[key]}, Keras says {value}"


def measured(run, *args):
    """What `run` gives, and the gradient of a weighted sum of its first part for every float in `args`.

    It is one compiled program: run eagerly, each operation would be compiled by itself.
    """
    leaves, structure = jax.tree.flatten(args)
    floats = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)]

    def total(values):
        filled = list(leaves)
        for i, value in zip(floats, values):
            filled[i] = value
        results = run(*jax.tree.unflatten(structure, filled))
        rng = np.random.default_rng(7)
        return sum(jnp.sum(o * rng.normal(size=o.shape)) for o in jax.tree.leaves(results[0])), results

    gradient = jax.jit(jax.value_and_grad(total, has_aux=True))
    (_, results), gradients = gradient([jnp.asarray(leaves[i]) for i in floats])
    return results, gradients


def _of_keras(name, options, x, more, training, rng):
    """Config, weights, outputs, states and gradients of a layer of Keras."""
    layer = getattr(keras.layers, name)(**options)
    config = _words(layer.get_config())
    layer.build([a.shape for a in x] if isinstance(x, list) else x.shape)
    values = [
        rng.uniform(0.3, 1.2, w.shape) * (1 if "variance" in w.name or "stddev" in w.name else rng.choice([-1, 1]))
        for w in layer.weights
    ]
    layer.set_weights(values)
    modes = {"training": training} if layer._call_has_training_arg else {}

    def run(trained, x):
        others = layer.non_trainable_variables  # seeds among them, which are no weights
        out, after = layer.stateless_call(trained, [v.value for v in others], x, **more, **modes)
        return out, [a for a, v in zip(after, others) if any(v is w for w in layer.weights)]

    (out, after), gradients = measured(run, [jnp.asarray(v.value) for v in layer.trainable_variables], x)
    return {
        "config": config,
        "weights": [[w.name, list(w.shape)] for w in layer.weights],
        "trainable": [w.trainable for w in layer.weights],
        "values": [np.asarray(v, "float32") for v in values],
        "out": out,
        "after": after,
        "gradients": jax.tree.leaves(gradients),
    }


def _of_gazelle(layer, x, more, training):
    """Outputs, states and gradients of our layer, in the order of Keras."""
    variables, ids = weight_tree.named_variables(layer), weight_tree.trainable_ids(layer)
    paths = {id(v): path for path, v in variables.items()}
    order = [paths[id(v)] for v in layer.weights if id(v) in ids]
    fixed = {path: v.value for path, v in variables.items() if id(v) not in ids}
    call = tracing.functionalize(layer, variables)

    def run(trained, x):
        out, after, _ = call({**dict(zip(order, trained)), **fixed}, x, **more, training=training)
        return out, [after[paths[id(v)]] for v in layer.weights if id(v) not in ids]

    (out, after), gradients = measured(run, [variables[path].value for path in order], x)
    return out, after, gradients


def _values(shapes):
    rng = np.random.default_rng(7)
    return [rng.normal(size=shape) * 0.7 for shape in shapes]


def _call_of_keras(layer, args, kwargs, flags, training):
    """Weights, outputs and gradients of one call of a layer of Keras."""
    symbols = jax.tree.map(lambda a: keras.Input(batch_shape=a.shape, dtype=str(a.dtype)), (tuple(args), kwargs))
    layer(*symbols[0], **symbols[1], **flags)  # builds it, and computes nothing
    shapes = [list(w.shape) for w in layer.weights]
    layer.set_weights(_values(shapes))
    modes = {"training": training} if layer._call_has_training_arg else {}

    def run(trained, args, kwargs):
        return layer.stateless_call(trained, layer.non_trainable_variables, *args, **kwargs, **flags, **modes)

    (out, *_), gradients = measured(run, [jnp.asarray(v.value) for v in layer.trainable_variables], list(args), kwargs)
    paths = [w.path.split("/", 1)[1] for w in layer.weights]  # Keras counts the layers of the process
    return {
        "weights": [[re.sub(r"keras_|_\d+(?=/)", "", path), shape] for path, shape in zip(paths, shapes)],
        "out": jax.tree.leaves(out),
        "gradients": gradients,
    }


@pytest.fixture(autouse=True)
def _deviations(request):
    for name in ("RNG", "R"):  # a test draws the same numbers whichever tests run before it
        if hasattr(request.module, name):
            seed = zlib.crc32(request.node.nodeid.partition("::")[2].encode())
            getattr(request.module, name).bit_generator.state = np.random.default_rng(seed).bit_generator.state
    deviations.begin(request.node)
    oracle.begin(request.node)


def pytest_sessionfinish():
    oracle.write()


@pytest.fixture
def keras_draws():
    """Named by tests of what Keras' initializers draw."""


@pytest.fixture(autouse=True)
def _keras_draws_with_numpy(request, monkeypatch):
    if "keras_draws" not in request.fixturenames:
        replace_draws(random_initializers, normals(), monkeypatch.setattr)


@pytest.fixture
def same_layer():
    """A function that builds both layers and compares config, weights, shape, values, states and gradients."""

    def compare(
        name, options, *shapes, training=False, mask=None, dtype="float32", tolerance=1e-5, apart=(), data=None
    ):
        rng = np.random.default_rng(len(name) + sum(map(len, shapes)))
        ours = getattr(layers, name)(**options)
        x = list(map(jnp.asarray, data or [_numbers(shape, dtype, rng) for shape in shapes]))
        x = x[0] if len(x) == 1 and name not in MERGING else x
        more = {} if mask is None else {"mask": mask}
        wanted = oracle.expected(lambda: _of_keras(name, options, x, more, training, rng), name, x, mask, training)
        _same_config(name, wanted["config"], ours, apart)
        spec = ours.compute_output_spec(jax.tree.map(lambda a: layers.Input(a.shape[1:], dtype=str(a.dtype)), x))
        assert [[w.name, list(w.shape)] for w in ours.weights] == wanted["weights"]
        ids = weight_tree.trainable_ids(ours)
        assert [id(w) in ids for w in ours.weights] == wanted["trainable"]
        ours.set_weights(wanted["values"])
        out, after, gradients = _of_gazelle(ours, x, more, training)
        assert out.shape == wanted["out"].shape
        assert out.dtype == wanted["out"].dtype
        assert str(spec.dtype) == str(out.dtype)
        assert spec.shape == (None, *out.shape[1:]), f"traced {spec.shape}, real {out.shape}"
        for kind, mine, other in (
            ("values", [out, *after], [wanted["out"], *wanted["after"]]),
            ("gradients", jax.tree.leaves(gradients), wanted["gradients"]),
        ):
            for one, its in zip(mine, other, strict=True):
                same(one, its, tolerance, kind, f"{name} {options}")

    return compare


MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")


@pytest.fixture
def same_call():
    """A function that compares two built layers of equal arguments on one call: any arguments, any tree of outputs."""

    def compare(theirs, ours, args, kwargs=None, flags=None, training=False, tolerance=1e-5):
        kwargs, flags = kwargs or {}, flags or {}
        wanted = oracle.expected(lambda: _call_of_keras(theirs, args, kwargs, flags, training), args, kwargs, training)
        symbols = jax.tree.map(
            lambda a: layers.Input(a.shape[1:], dtype=str(jnp.asarray(a).dtype)), (tuple(args), kwargs)
        )
        spec = jax.tree.leaves(ours.compute_output_spec(*symbols[0], **symbols[1], **flags))
        variables = weight_tree.named_variables(ours)
        paths = {id(v): path for path, v in variables.items()}
        assert [[paths[id(w)], list(w.shape)] for w in ours.weights] == wanted["weights"]
        ours.set_weights(_values([shape for _, shape in wanted["weights"]]))
        order, call = [paths[id(v)] for v in ours.trainable_weights], tracing.functionalize(ours, variables)
        fixed = {path: v.value for path, v in variables.items() if path not in order}

        def run(trained, args, kwargs):
            return call({**dict(zip(order, trained)), **fixed}, *args, **kwargs, **flags, training=training)

        (out, *_), gradients = measured(run, [variables[path].value for path in order], list(args), kwargs)
        results = [(wanted["out"], wanted["gradients"]), (jax.tree.leaves(out), gradients)]
        for kind, *pair in zip(("values", "gradients"), *results):
            for its, mine in zip(*map(jax.tree.leaves, pair), strict=True):
                assert mine.dtype == its.dtype
                same(mine, its, tolerance, kind, theirs.name)
        assert [s.shape for s in spec] == [(None, *o.shape[1:]) for o in results[1][0]]
        return results

    return compare
