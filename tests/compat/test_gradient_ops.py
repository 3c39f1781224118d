"""The gradients of operations that programs call themselves, `tf.raw_ops.ReluGrad`; sums as in TensorFlow 2.15."""

import numpy as np
import pytest

_rng = np.random.RandomState(0)
X4, X5 = (_rng.randn(*shape).astype("float32") for shape in ((2, 6, 6, 3), (1, 4, 4, 4, 2)))
K4, K5, D4 = (_rng.randn(*shape).astype("float32") for shape in ((3, 3, 3, 4), (2, 2, 2, 2, 3), (3, 3, 3, 2)))
POOL, STEPS, THREE = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1]}, [1, 2, 2, 1], [1, 2, 2, 2, 1]


def _pooled(tf):
    return tf.nn.max_pool2d(X4, 2, 2, "VALID")


CASES = {
    "ReluGrad": (lambda tf, r: r.ReluGrad(gradients=X4, features=X4), "relu"),
    "Relu6Grad": (lambda tf, r: r.Relu6Grad(gradients=X4, features=8 * X4), "relu6"),
    "LeakyReluGrad": (lambda tf, r: r.LeakyReluGrad(gradients=X4, features=X4, alpha=0.5), "leaky_relu"),
    "SoftplusGrad": (lambda tf, r: r.SoftplusGrad(gradients=X4, features=X4), "softplus"),
    "SoftsignGrad": (lambda tf, r: r.SoftsignGrad(gradients=X4, features=X4), "softsign"),
    "EluGrad": (lambda tf, r: r.EluGrad(gradients=X4, outputs=tf.nn.elu(X4)), "elu"),
    "SeluGrad": (lambda tf, r: r.SeluGrad(gradients=X4, outputs=tf.nn.selu(X4)), "selu"),
    "SigmoidGrad": (lambda tf, r: r.SigmoidGrad(y=tf.sigmoid(X4), dy=X4), "sigmoid"),
    "TanhGrad": (lambda tf, r: r.TanhGrad(y=tf.tanh(X4), dy=X4), "tanh"),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_activations_are_those_of_a_tape(tf, name):
    call, function = CASES[name]
    scale, options = (8, {}) if name == "Relu6Grad" else (1, {"alpha": 0.5} if name == "LeakyReluGrad" else {})
    x = tf.constant(scale * X4)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = getattr(tf.nn, function)(x, **options)
    np.testing.assert_allclose(call(tf, tf.raw_ops), tape.gradient(y, x, X4), rtol=1e-4, atol=1e-6)


SUMS = {
    "max_pool": (
        lambda tf, r, p: r.MaxPoolGradV2(orig_input=X4, orig_output=p, grad=p, padding="VALID", **POOL),
        59.503,
    ),
    "avg_pool": (
        lambda tf, r, p: r.AvgPoolGrad(orig_input_shape=tf.shape(X4), grad=p, padding="VALID", **POOL),
        59.503,
    ),
    "of gen_nn_ops": (lambda tf, r, p: _gen().max_pool_grad_v2(X4, p, p, STEPS, STEPS, "VALID"), 59.503),
    "conv3d": (lambda tf, r, p: _conv3d(tf, r), None),
}


def _gen():
    from tensorflow.python.ops import gen_nn_ops, nn_grad

    assert nn_grad.gen_nn_ops.max_pool_grad is not None
    return gen_nn_ops


def _conv3d(tf, r):
    y = tf.nn.conv3d(X5, K5, [1] * 5, "VALID")
    one = r.Conv3DBackpropInputV2(input_sizes=X5.shape, filter=K5, out_backprop=y, strides=[1] * 5, padding="VALID")
    pooled = tf.nn.avg_pool3d(X5, 2, 2, "VALID")
    r.AvgPool3DGrad(orig_input_shape=X5.shape, grad=pooled, ksize=THREE, strides=THREE, padding="VALID")
    return one


@pytest.mark.parametrize("name", SUMS)
def test_gradients_of_pooling(tf, name):
    call, expected = SUMS[name]
    result = np.asarray(call(tf, tf.raw_ops, _pooled(tf)))
    assert np.isfinite(result).all()
    if expected is not None:
        np.testing.assert_allclose(result.sum(), expected, rtol=1e-4)


@pytest.mark.parametrize("depthwise", [False, True])
def test_gradients_of_convolutions_are_those_of_a_tape(tf, depthwise):
    x, kernel = tf.constant(X4), tf.constant(D4 if depthwise else K4)
    name = "depthwise_conv2d" if depthwise else "conv2d"
    with tf.GradientTape() as tape:
        tape.watch((x, kernel))
        y = getattr(tf.nn, name)(x, kernel, [1, 1, 1, 1], "SAME")
    of_x, of_kernel = tape.gradient(y, (x, kernel), y)
    back = getattr(tf.nn, f"{name}_backprop_input")(X4.shape, kernel, y, [1, 1, 1, 1], "SAME")
    np.testing.assert_allclose(back, of_x, rtol=1e-4, atol=1e-3)
    back = getattr(tf.nn, f"{name}_backprop_filter")(x, kernel.shape, y, [1, 1, 1, 1], "SAME")
    np.testing.assert_allclose(back, of_kernel, rtol=1e-4, atol=1e-3)


def test_operations_have_their_own_names_of_arguments(tf):
    r = tf.raw_ops
    assert r.SelectV2(condition=X4 > 0, t=X4, e=0.0).shape == X4.shape
    assert r.Cast(x=X4, DstT=tf.int32).dtype == tf.int32
    assert r.BatchMatMulV2(x=X4, y=X4, adj_y=True).shape == (2, 6, 6, 6)
    assert len(r.Split(axis=3, value=X4, num_split=3)) == 3
