"""GPTQ and AWQ against the functions and layers of Keras, for equal statistics and equal integers."""

import keras
import numpy as np
import pytest
from keras.src.quantizers import awq as keras_awq
from keras.src.quantizers import gptq as keras_gptq
from keras.src.quantizers.quantizers import GPTQQuantizer

import gazelle
from gazelle.quantizers import awq, gptq

RNG = np.random.default_rng(0)
ROWS, COLUMNS = 24, 10
INPUTS = RNG.normal(size=(200, ROWS)) * np.exp(RNG.normal(size=ROWS))
W = RNG.normal(size=(COLUMNS, ROWS)).astype("float32")


def same(mine, theirs):
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("kwargs", [{}, {"symmetric": True}, {"per_channel": False}, {"weight_bits": 3}], ids=str)
@pytest.mark.parametrize("group", [8, 12, ROWS])
def test_gptq(kwargs, group):
    # with the largest magnitude below 0, the nearest integer would be a matter of rounding errors
    w = np.abs(W) * np.where(np.arange(ROWS) % 3, 1, -0.05) if "symmetric" in kwargs else W
    hessian = gptq.Hessian(ROWS)
    for batch in (INPUTS[:50], INPUTS[50:]):
        hessian.update(batch)
    np.testing.assert_allclose(hessian.value, 2 / 200 * INPUTS.T @ INPUTS)
    config = gazelle.quantizers.GPTQConfig(None, None, group_size=group, **kwargs)
    found = config.quantize(w, hessian, group)
    damped = hessian.value + 0.01 * np.diagonal(hessian.value).mean() * np.eye(ROWS)
    root = np.linalg.cholesky(np.linalg.inv(damped)).T.astype("float32")  # Keras takes the inverse itself
    quantizer = GPTQQuantizer(keras.quantizers.GPTQConfig(None, None, group_size=group, **kwargs))
    theirs = keras_gptq.gptq_quantize_matrix(
        keras.ops.convert_to_tensor(w), root, group_size=group, compute_scale_zero=quantizer.find_params
    )
    same(found[:3], theirs[:3])
    np.testing.assert_array_equal(found.groups, np.floor(theirs[3]))


@pytest.mark.parametrize(("group", "points"), [(8, 20), (10, 5), (ROWS, 20)])
def test_awq(group, points):
    magnitudes = awq.Magnitudes(ROWS)
    for batch in (INPUTS[:50], INPUTS[50:]):
        magnitudes.update(batch)
    np.testing.assert_array_equal(magnitudes.value, np.abs(INPUTS).max(axis=0))
    config = gazelle.quantizers.AWQConfig(None, None, group_size=group, num_grid_points=points)
    q, scale, zero, groups, factors = config.quantize(W, magnitudes, group)
    theirs = keras_awq.awq_quantize_matrix(W, magnitudes.value, num_grid_points=points, group_size=group)
    same((q, scale, zero, factors, groups), theirs)


LAYERS = {
    "Dense": (lambda k, policy: k.layers.Dense(5, "tanh", dtype=policy), (2, 6)),
    "projection": (lambda k, policy: einsum(k, "abc,cde->abde", (None, 3, 2), "de", policy), (2, 4, 7)),
    "output": (lambda k, policy: einsum(k, "abcd,cde->abe", (None, 9), "e", policy), (2, 4, 3, 2)),
}


def einsum(k, equation, shape, axes, policy):
    return k.layers.EinsumDense(equation, shape, bias_axes=axes, dtype=policy)


@pytest.mark.parametrize("policy", ["gptq/4/4", "gptq/8/-1", "gptq/3/2", "awq/4/4", "awq/4/-1"])
@pytest.mark.parametrize("case", LAYERS)
def test_layers(case, policy):
    make, shape = LAYERS[case]
    mine, theirs = (make(k, f"{policy}_from_float32") for k in (gazelle, keras))
    mine.build(shape), theirs.build(shape)
    rng = np.random.default_rng(1)
    for variable in theirs.weights:
        if variable.dtype == "uint8":
            variable.assign(rng.integers(0, 8, variable.shape))
        elif variable.name == "g_idx":
            size = int(policy.rpartition("/")[2])
            variable.assign(np.arange(variable.shape[0]) // (size if size > 0 else variable.shape[0]))
        else:
            variable.assign(rng.uniform(0.1, 1, variable.shape))
    theirs.is_gptq_calibrated = theirs.is_awq_calibrated = True
    named = {"zero_point": "kernel_zero"}
    values = {named.get(v.name, v.name): np.asarray(v) for v in theirs.weights}
    mine.set_weights([values[v.name] for v in mine.weights])
    x = rng.normal(size=shape).astype("float32")
    same([mine(x)], [theirs(x)])
