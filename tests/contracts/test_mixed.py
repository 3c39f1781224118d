"""Contract of every layer under mixed precision: computation in half precision, float32 weights, finite gradients."""

import importlib.util
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
import gazelle.applications
from gazelle.core import dtypes, tracing
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize
from gazelle.layers import weight_tree

_spec = importlib.util.spec_from_file_location("rows", pathlib.Path(__file__).with_name("rows.py"))
rows = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rows)

POLICY, HALF = "mixed_bfloat16", "bfloat16"
FREE = rows.WHOLE - {"Embedding", "ReversibleEmbedding"}  # counts and places in tables need no half precision


def _layer(name):
    kwargs = {
        key: deserialize({**v, "config": {**v["config"], "dtype": POLICY}})
        if isinstance(v, dict) and "config" in v
        else v
        for key, v in rows.LAYERS[name][0].items()
    }
    return REGISTRY["layers"][name](**kwargs, dtype=POLICY)


@pytest.mark.parametrize("name", sorted(set(rows.LAYERS) - FREE))
def test_mixed(name):
    layer, shapes = _layer(name), rows.LAYERS[name][1]
    random = np.random.default_rng(3)
    whole = name in rows.WHOLE
    inputs = [
        jnp.asarray(random.integers(0, 9, s) if whole else random.normal(size=s), None if whole else "float32")
        for s in shapes
    ]

    def call(*x):
        return layer(*x) if name in rows.SEPARATE else layer(list(x) if len(x) > 1 else x[0])

    symbolic = call(*(gazelle.Input(x.shape[1:], dtype=str(x.dtype)) for x in inputs))
    kinds = {leaf.dtype for leaf in gazelle.tree.flatten(symbolic)}
    assert kinds == {HALF} or not any(map(dtypes.is_float, kinds))
    assert HALF not in {v.dtype for v in layer.weights}
    variables = weight_tree.named_variables(layer)
    values = {path: v.value for path, v in variables.items()}
    pure = tracing.functionalize(call, variables, {id(v): p for p, v in weight_tree.named_layers(layer).items()})

    def total(values, *x):
        out, after, _ = pure(values, *x, key=jax.random.key(0), training=True)
        assert {str(leaf.dtype) for leaf in jax.tree.leaves(out)} == kinds
        return sum(jnp.sum(jnp.square(leaf.astype("float32"))) for leaf in jax.tree.leaves(out)), after

    grads, after = jax.jit(jax.grad(total, has_aux=True, allow_int=True))(values, *inputs)
    for path, grad in grads.items():
        assert grad.dtype in (jax.dtypes.float0, jnp.float32)
        assert grad.dtype == jax.dtypes.float0 or bool(jnp.isfinite(grad).all())
        assert after[path].dtype == values[path].dtype
