"""Operations as nodes of a graph, in `.keras` files: gazelle and Keras 3.15 read those of each other."""

import importlib

import keras
import numpy as np
import pytest

import gazelle
from gazelle.core import operation_names
from gazelle.core.symbolic import OPS

RANDOM = np.random.RandomState(0)
VECTORS = RANDOM.rand(2, 4).astype("float32") + 0.1
QUERIES = RANDOM.rand(2, 3, 2, 4).astype("float32")
MASKS = RANDOM.rand(2, 2, 3, 3).astype("float32")
IMAGES = RANDOM.rand(2, 8, 8, 3).astype("float32")
MATRICES = RANDOM.rand(2, 3, 3).astype("float32") + np.eye(3, dtype="float32")
INPUTS = [VECTORS, QUERIES, MASKS, IMAGES, MATRICES]

#: name -> function (ops, vectors, queries, masks, images, matrices)
NODES = {
    "a mask without a bias": lambda ops, v, q, m, i, a: ops.dot_product_attention(q, q, q, mask=m > 0.5),
    "a bias without a mask": lambda ops, v, q, m, i, a: ops.dot_product_attention(q, q, q, bias=m),
    "weights without an axis": lambda ops, v, q, m, i, a: ops.average(v, weights=v * v),
    "weights after an axis": lambda ops, v, q, m, i, a: ops.average(v, axis=1, weights=v * v),
    "inputs around an option": lambda ops, v, q, m, i, a: ops.batch_normalization(
        v, ops.mean(v, 0), ops.var(v, 0), -1, ops.max(v, 0), ops.min(v, 0)
    ),
    "take": lambda ops, v, q, m, i, a: ops.take(v, [0, 2], axis=1),
    "slice": lambda ops, v, q, m, i, a: ops.slice(v, (0, 1), (2, 2)),
    "pad": lambda ops, v, q, m, i, a: ops.pad(v, ((0, 0), (1, 2)), constant_values=3.0),
    "full_like": lambda ops, v, q, m, i, a: ops.full_like(v, 2.5),
    "isclose": lambda ops, v, q, m, i, a: ops.cast(ops.isclose(v, v * 1.2, atol=0.1), "float32"),
    "where": lambda ops, v, q, m, i, a: ops.where(v > 0.5, v, 0.0),
    "einsum": lambda ops, v, q, m, i, a: ops.einsum("bij,bjk->bik", a, a),
    "top_k": lambda ops, v, q, m, i, a: ops.top_k(v, 2)[0],
    "erf": lambda ops, v, q, m, i, a: ops.erf(v) + ops.rsqrt(v) + ops.stop_gradient(v),
    "logsumexp": lambda ops, v, q, m, i, a: ops.logsumexp(v, axis=1),
    "solve": lambda ops, v, q, m, i, a: ops.solve(a, a[:, :, :1]),
    "inv": lambda ops, v, q, m, i, a: ops.inv(a) + ops.cholesky(ops.matmul(a, ops.transpose(a, (0, 2, 1)))),
    "fft": lambda ops, v, q, m, i, a: ops.fft((v, v * 2.0))[0],
    "resize": lambda ops, v, q, m, i, a: ops.image.resize(i, (4, 4)),
    "rgb_to_grayscale": lambda ops, v, q, m, i, a: ops.image.rgb_to_grayscale(i),
    "rms_normalization": lambda ops, v, q, m, i, a: ops.rms_normalization(v, ops.max(v, 0)),
    "one_hot": lambda ops, v, q, m, i, a: ops.one_hot(ops.cast(v * 3, "int32"), 4),
}


def network(k):
    tensors = [k.Input(values.shape[1:]) for values in INPUTS]
    return k.Model(tensors, [build(k.ops, *tensors) for build in NODES.values()])


@pytest.mark.parametrize(("writer", "reader"), [(gazelle, keras), (keras, gazelle), (gazelle, gazelle)])
def test_nodes_compute_the_same(writer, reader, tmp_path):
    written = network(writer)
    written.save(tmp_path / "model.keras")
    read = reader.models.load_model(tmp_path / "model.keras")
    for name, expected, found in zip(NODES, written(INPUTS), read(INPUTS), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=name)


def test_classes_of_operations_are_those_of_keras():
    own = {"extract_patches_3d", "flatten", "mish", "rearrange"}  # functions that Keras has without a class
    classes = {name: operation_names.class_of(name) for name in OPS}
    missing = [name for name, (module, cls) in classes.items() if not hasattr(importlib.import_module(module), cls)]
    assert set(missing) == own
    assert [name for name, (_, cls) in classes.items() if operation_names.operation_of(cls) != name] == ["astype"]
