"""The comparison that every layer goes through: ours and Keras 3.15's, from equal arguments, weights and inputs."""

import json
import re

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from deviations import begin, same
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


def _same_config(name, theirs, ours, apart):
    """Every key of Keras with an equal value; `apart` and the automatic name excepted."""
    wanted, got = _words(theirs.get_config()), _words(ours.get_config())
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


@pytest.fixture(autouse=True)
def _deviations(request):
    begin(request.node)


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

    def compare(name, words, *shapes, training=False, mask=None, dtype="float32", tolerance=1e-5, apart=(), data=None):
        rng = np.random.default_rng(len(name) + sum(map(len, shapes)))
        theirs, ours = getattr(keras.layers, name)(**words), getattr(layers, name)(**words)
        _same_config(name, theirs, ours, apart)
        x = list(map(jnp.asarray, data or [_numbers(shape, dtype, rng) for shape in shapes]))
        x = x[0] if len(x) == 1 and name not in MERGING else x
        theirs.build([a.shape for a in x] if isinstance(x, list) else x.shape)
        spec = ours.compute_output_spec(jax.tree.map(lambda a: layers.Input(a.shape[1:], dtype=str(a.dtype)), x))

        assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
        assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
        ids = weight_tree.trainable_ids(ours)
        assert [id(w) in ids for w in ours.weights] == [w.trainable for w in theirs.weights]
        given = [
            rng.uniform(0.3, 1.2, w.shape) * (1 if "variance" in w.name or "stddev" in w.name else rng.choice([-1, 1]))
            for w in theirs.weights
        ]
        theirs.set_weights(given)
        ours.set_weights(given)

        variables = weight_tree.named_variables(ours)
        keys = {id(v): path for path, v in variables.items()}
        order = [keys[id(v)] for v in ours.weights if id(v) in ids]
        fixed = {path: v.value for path, v in variables.items() if id(v) not in ids}
        call = tracing.pure(ours, variables)
        more = {} if mask is None else {"mask": mask}
        modes = {"training": training}

        def run_theirs(trained, x):
            others = theirs.non_trainable_variables  # seeds among them, which are no weights
            told = modes if theirs._call_has_training_arg else {}
            out, after = theirs.stateless_call(trained, [v.value for v in others], x, **more, **told)
            return out, [a for a, v in zip(after, others) if any(v is w for w in theirs.weights)]

        def run_ours(trained, x):
            out, after, _ = call({**dict(zip(order, trained)), **fixed}, x, **more, **modes)
            return out, [after[keys[id(v)]] for v in ours.weights if id(v) not in ids]

        trained = [jnp.asarray(v.value) for v in theirs.trainable_variables]
        wanted, got = (measured(run, trained, x) for run in (run_theirs, run_ours))
        (theirs_out, _), (ours_out, _) = wanted[0], got[0]
        assert ours_out.shape == theirs_out.shape
        assert ours_out.dtype == theirs_out.dtype
        assert str(spec.dtype) == str(ours_out.dtype)
        assert spec.shape == (None, *ours_out.shape[1:]), f"traced {spec.shape}, real {ours_out.shape}"
        for kind, *pair in zip(("values", "gradients"), got, wanted):
            for mine, other in zip(*map(jax.tree.leaves, pair), strict=True):
                same(mine, other, tolerance, kind, f"{name} {words}")

    return compare


MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")


@pytest.fixture
def same_call():
    """A function that compares two built layers of equal arguments on one call: any arguments, any tree of outputs."""

    def compare(theirs, ours, args, kwargs=None, flags=None, training=False, tolerance=1e-5):
        kwargs, flags, rng = kwargs or {}, flags or {}, np.random.default_rng(7)
        told = {"training": training} if theirs._call_has_training_arg else {}
        given = (tuple(args), kwargs)
        symbols = jax.tree.map(lambda a: keras.Input(batch_shape=a.shape, dtype=str(a.dtype)), given)
        mine = jax.tree.map(lambda a: layers.Input(a.shape[1:], dtype=str(jnp.asarray(a).dtype)), given)
        theirs(*symbols[0], **symbols[1], **flags)  # builds both, and runs nothing
        spec = jax.tree.leaves(ours.compute_output_spec(*mine[0], **mine[1], **flags))
        names = {id(v): path for path, v in weight_tree.named_variables(ours).items()}
        wanted = [w.path.split("/", 1)[1] for w in theirs.weights]  # Keras counts the layers of the process
        assert [names[id(w)] for w in ours.weights] == [re.sub(r"keras_|_\d+(?=/)", "", path) for path in wanted]
        assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
        given = [rng.normal(size=w.shape) * 0.7 for w in theirs.weights]
        theirs.set_weights(given)
        ours.set_weights(given)
        variables = weight_tree.named_variables(ours)
        paths = {id(v): path for path, v in variables.items()}
        order, call = [paths[id(v)] for v in ours.trainable_weights], tracing.pure(ours, variables)
        fixed = {path: v.value for path, v in variables.items() if path not in order}

        def run_theirs(trained, args, kwargs):
            return theirs.stateless_call(trained, theirs.non_trainable_variables, *args, **kwargs, **flags, **told)

        def run_ours(trained, args, kwargs):
            return call({**dict(zip(order, trained)), **fixed}, *args, **kwargs, **flags, training=training)

        trained = [jnp.asarray(v.value) for v in theirs.trainable_variables]
        results = []
        for run in (run_theirs, run_ours):
            (out, *_), gradients = measured(run, trained, list(args), kwargs)
            results.append((jax.tree.leaves(out), gradients))
        for kind, *pair in zip(("values", "gradients"), *results):
            for wanted, got in zip(*map(jax.tree.leaves, pair), strict=True):
                assert got.dtype == wanted.dtype
                same(got, wanted, tolerance, kind, theirs.name)
        assert [s.shape for s in spec] == [(None, *o.shape[1:]) for o in results[1][0]]
        return results

    return compare
