"""Normalization against Keras 3.15: values, gradients, moving statistics, config and traced shapes."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle import layers

WHERE = [((6, 3), -1), ((4, 5, 3), -1), ((4, 3, 5), 1), ((3, 4, 5, 2), -1), ((3, 2, 4, 5), 1), ((3, 4, 2, 5), -2)]
BATCH = [
    {},
    {"momentum": 0.6, "epsilon": 1e-5},
    {"center": False},
    {"scale": False},
    {"center": False, "scale": False},
    {"gamma_initializer": "zeros", "beta_regularizer": "l2", "gamma_constraint": "non_neg"},
    {"moving_mean_initializer": "ones", "trainable": False},
    {"renorm": True},
    {"renorm": True, "center": False, "renorm_clipping": {"rmin": 0.7, "rmax": 1.4, "dmax": 0.3}},
    {"renorm": True, "scale": False, "renorm_momentum": 0.5},
]


#: every word on every shape, in training and out of it by turns
TURNS = [
    (shape, axis, kwargs, (i + j) % 2 == 0) for i, (shape, axis) in enumerate(WHERE) for j, kwargs in enumerate(BATCH)
]


@pytest.mark.parametrize(("shape", "axis", "kwargs", "training"), TURNS)
def test_batch(same_layer, shape, axis, kwargs, training):
    same_layer("BatchNormalization", {"axis": axis, **kwargs}, shape, training=training)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kwargs", BATCH[:5])
def test_batch_of_masked_steps(same_layer, kwargs, training):
    mask = jnp.asarray(np.arange(5) < np.array([[3], [5], [0], [1]]))
    same_layer("BatchNormalization", kwargs, (4, 5, 3), training=training, mask=mask)


@pytest.mark.parametrize("shape", [(4, 1), (1, 5)])
def test_a_mask_for_all_steps_or_samples(same_layer, shape):
    mask = jnp.arange(max(shape)).reshape(shape) % 3 > 0
    same_layer("BatchNormalization", {"momentum": 0.7}, (4, 5, 3), training=True, mask=mask)


@pytest.mark.parametrize("kwargs", [{"momentum": 0.7}, {"renorm": True, "renorm_momentum": 0.7, "momentum": 0.5}])
def test_moving_statistics_after_five_steps(kwargs):
    rng = np.random.default_rng(0)
    theirs, ours = keras.layers.BatchNormalization(**kwargs), layers.BatchNormalization(**kwargs)
    for step in range(5):
        x = (rng.normal(size=(8, 4, 3)) * (step + 1) + 2).astype("float32")
        a, b = theirs(x, training=True), ours(x, training=True)
        np.testing.assert_allclose(np.asarray(b), np.asarray(a), rtol=1e-5, atol=1e-5)
    for v, w in zip(theirs.weights, ours.weights, strict=True):
        np.testing.assert_allclose(w.numpy(), np.asarray(v.value), rtol=1e-5, atol=1e-6)
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), rtol=1e-5, atol=1e-5)


AFFINE = [
    {},
    {"epsilon": 1e-6},
    {"center": False},
    {"scale": False},
    {"center": False, "scale": False},
    {"gamma_initializer": "zeros", "gamma_regularizer": "l2", "beta_constraint": "non_neg"},
]


@pytest.mark.parametrize("kwargs", AFFINE)
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((4, 6), -1),
        ((4, 3, 6), -1),
        ((4, 3, 6), 1),
        ((4, 3, 6), [1, 2]),
        ((2, 3, 4, 5), (-2, -1)),
        ((2, 3, 4, 5), [3, 1]),
    ],
)
def test_layer(same_layer, shape, axis, kwargs):
    same_layer("LayerNormalization", {"axis": axis, **kwargs}, shape)


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
@pytest.mark.parametrize("kwargs", [{}, {"center": False}, {"scale": False}])
@pytest.mark.parametrize("axis", [-1, [1, 2]])
def test_layer_with_the_old_rms_scaling(same_layer, axis, kwargs):
    same_layer("LayerNormalization", {"axis": axis, "rms_scaling": True, **kwargs}, (2, 3, 4))


@pytest.mark.parametrize("kwargs", AFFINE)
@pytest.mark.parametrize(
    ("shape", "axis", "groups"),
    [
        ((3, 6), -1, 2),
        ((3, 4, 6), -1, 3),
        ((3, 6, 4), 1, 2),
        ((2, 3, 4, 6), -1, 6),
        ((2, 4, 3, 5), 1, -1),
        ((2, 5, 4), -1, 1),
    ],
)
def test_group(same_layer, shape, axis, groups, kwargs):
    same_layer("GroupNormalization", {"groups": groups, "axis": axis, **kwargs}, shape)


@pytest.mark.parametrize(("shape", "axis"), [((4, 6), -1), ((4, 3, 6), 1), ((4, 3, 6), [1, 2]), ((4, 3, 6), (-2, -1))])
def test_unit(same_layer, shape, axis):
    same_layer("UnitNormalization", {"axis": axis}, shape)


@pytest.mark.parametrize("epsilon", [1e-6, 0.1])
@pytest.mark.parametrize(("shape", "axis"), [((4, 6), -1), ((4, 3, 6), [1, 2]), ((4, 3, 6), (-2, -1))])
def test_rms(same_layer, shape, axis, epsilon):  # on other axes Keras fails: it does not reshape its scale
    same_layer("RMSNormalization", {"axis": axis, "epsilon": epsilon}, shape)


def test_rms_on_a_middle_axis():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    layer = layers.RMSNormalization(axis=1)
    layer.build(x.shape)
    layer.set_weights([[1.0, 2.0, 3.0]])
    wanted = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-6) * np.array([1, 2, 3])[:, None]
    np.testing.assert_allclose(np.asarray(layer(x)), wanted, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_batch_of_whole_numbers(same_layer, training):
    same_layer("BatchNormalization", {}, (4, 3, 6), dtype="int32", training=training)


@pytest.mark.parametrize("name", ["LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization"])
def test_whole_numbers_are_as_good_as_floats(name):  # Keras rounds some results to whole numbers
    x = np.random.default_rng(0).integers(0, 9, (4, 3, 6))
    layer = getattr(layers, name)(**({"groups": 2} if name.startswith("Group") else {}))
    np.testing.assert_allclose(np.asarray(layer(x)), np.asarray(layer(x.astype("float32"))), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "kwargs"), [("BatchNormalization", {}), ("LayerNormalization", {}), ("GroupNormalization", {"groups": 2})]
)
def test_half_precision_sums_in_single(same_layer, name, kwargs):
    # one rounding to bfloat16 (8 bits) apart
    data = [np.asarray(np.random.default_rng(1).normal(size=(4, 3, 6)), jnp.bfloat16)]
    same_layer(name, {"dtype": "bfloat16", **kwargs}, data=data, tolerance=2**-7, dtype="int32", training=True)


def test_unit_normalization_of_zeros_has_a_finite_gradient():
    gradient = jax.grad(lambda x: jnp.sum(layers.UnitNormalization()(x)))(jnp.zeros((1, 3)))
    assert np.isfinite(np.asarray(gradient)).all()
