"""Values that Keras computes with and that cannot be meant: labels, ids, weights, rates, lists of tensors."""

import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
import gazelle.applications  # registers LayerScale
from gazelle import layers, losses, metrics, optimizers
from gazelle.core.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError
from tests.contracts import rows

X, Y = np.ones((8, 3), np.float32), np.ones((8, 1), np.float32)
SCORES = np.full((2, 3), 1 / 3, np.float32)


def _model(optimizer="sgd", **compiled):
    model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1)])
    model.compile(optimizer, "mse", **compiled)
    return model


@pytest.mark.parametrize(
    "compute",
    [
        losses.sparse_categorical_crossentropy,
        losses.SparseCategoricalCrossentropy(),
        losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
        metrics.SparseCategoricalCrossentropy(),
        metrics.SparseCategoricalAccuracy(),
        metrics.SparseTopKCategoricalAccuracy(k=2),
    ],
)
@pytest.mark.parametrize("wrong", [3, -1])
def test_class_numbers_in_direct_calls(compute, wrong):
    compute(np.array([0, 2]), SCORES)
    with pytest.raises(DataError, match=f"integers from 0 to 2.*got {wrong}"):
        compute(np.array([0, wrong]), SCORES)


@pytest.mark.parametrize("compute", [losses.BinaryCrossentropy(), losses.binary_focal_crossentropy])
def test_binary_labels_in_direct_calls(compute):
    compute(np.array([[0.0], [1.0]]), np.full((2, 1), 0.5))
    with pytest.raises(DataError, match=r"values from 0 to 1, got 2"):
        compute(np.array([[0.0], [2.0]]), np.full((2, 1), 0.5))


@pytest.mark.parametrize("metric", [metrics.MeanIoU(3), metrics.IoU(3, [0])])
def test_classes_of_regions(metric):
    metric(np.array([0, 2]), np.array([0, 1]))
    with pytest.raises(DataError, match=r"classes from 0 to 2 \(num_classes=3\), got 7"):
        metric(np.array([0, 7]), np.array([0, 1]))
    metrics.MeanIoU(3, ignore_class=255)(np.array([0, 255]), np.array([0, 1]))


def test_labels_of_metrics_in_fit():
    model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(3)])
    iou = metrics.MeanIoU(3, sparse_y_pred=False)
    model.compile("sgd", lambda y, p: jnp.mean(p, axis=-1), metrics=[iou])
    with pytest.raises(DataError, match=r"Labels for metric 'mean_io_u.*classes from 0 to 2"):
        model.fit(X, np.arange(8), verbose=0, keep=False)
    model.compile("sgd", lambda y, p: jnp.mean(p, axis=-1), metrics=["sparse_categorical_accuracy"])
    with pytest.raises(DataError, match=r"Labels for 'sparse_categorical_accuracy'.*from 0 to 2"):
        model.evaluate(X, np.arange(8), verbose=0)


def test_category_encoding():
    layer = layers.CategoryEncoding(4)
    with pytest.raises(DataError, match=r"Input of CategoryEncoding '.*': expected integers from 0 to 3, got 4"):
        layer(np.array([[0, 4]]))
    model = gazelle.Sequential([gazelle.Input((2,), dtype="int32"), layers.CategoryEncoding(4)])
    with pytest.raises(DataError, match=r"Ids for the CategoryEncoding '.*': expected integers from 0 to 3, got 4"):
        model.predict(np.array([[0, 4]]), verbose=0)


def test_negative_weights_are_reported():
    with pytest.warns(UserWarning, match="sample_weight: expected weights of at least 0, got negative ones"):
        _model().fit(X, Y, sample_weight=-np.ones(8), verbose=0, keep=False)


def test_class_weight_of_an_array():
    with pytest.raises(ArgumentError, match=r"class_weight: expected a dict.*\n.*dict\(enumerate\(weights\)\)"):
        _model().fit(X, Y, class_weight=np.array([1.0, 2.0]), verbose=0, keep=False)


class _Falling(optimizers.schedules.LearningRateSchedule):
    def __init__(self, last):
        self.last = last

    def __call__(self, step):
        return jnp.where(step < 3, 0.01, self.last)


@pytest.mark.parametrize("last", [-0.5, float("nan")])
@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD,
        optimizers.Adam,
        lambda rate: optimizers.LossScaleOptimizer(optimizers.SGD(rate)),
        lambda rate: optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(rate))),
    ],
)
def test_rates_of_schedules(optimizer, last):
    model = _model(optimizer(_Falling(last)))
    with pytest.raises(ArgumentError, match=f"The learning rate in step 4 of epoch 1: expected.* got {last:g}"):
        model.fit(X, Y, batch_size=2, shuffle=False, verbose=0, keep=False)
    assert np.isfinite(model.get_weights()[0]).all()
    model = _model(optimizer(_Falling(0.0)))
    model.fit(X, Y, batch_size=2, verbose=0, keep=False)


def test_a_rate_that_a_callback_assigns():
    def assign(epoch, logs):
        model.optimizer.learning_rate.assign(-1.0)

    model = _model()
    callback = gazelle.callbacks.LambdaCallback(on_epoch_end=assign)
    with pytest.raises(ArgumentError, match=r"The learning rate in step 1 of epoch 2: .* got -1"):
        model.fit(X, Y, epochs=2, callbacks=[callback], verbose=0, keep=False)
    with pytest.raises(ArgumentError, match=r"The learning rate in this batch: .* got -1"):
        model.train_on_batch(X, Y)


#: layers that map a list, join it, or take states from it
LISTS = {
    "ActivityRegularization",
    "AlphaDropout",
    "CategoryEncoding",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Hashing",
    "Identity",
    "IntegerLookup",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
}


@pytest.mark.parametrize("name", sorted(n for n, (_, shapes) in rows.LAYERS.items() if len(shapes) == 1))
def test_a_list_where_one_tensor_is_expected(name):
    from gazelle.core.registry import REGISTRY
    from gazelle.core.serialization import deserialize

    arguments, (shape,) = rows.LAYERS[name]
    made = {key: deserialize(value) if isinstance(value, dict) else value for key, value in arguments.items()}
    layer = REGISTRY["layers"][name](**made)
    x = np.ones(shape, "int32" if name in rows.WHOLE else "float32")
    if name in LISTS:
        layer([x, x])
    else:
        with pytest.raises((ArgumentTypeError, ArgumentError, ShapeError), match=f"{layer.name}|LSTM"):
            layer([x, x])
        with pytest.raises((ArgumentTypeError, ArgumentError, ShapeError), match=f"{layer.name}|LSTM"):
            layer([gazelle.Input(shape[1:], dtype=str(x.dtype)) for _ in range(2)])


@pytest.mark.parametrize("given", ["mae", ["mae"], [metrics.MeanAbsoluteError()]], ids=str)
def test_metrics_in_the_place_of_the_weights_of_losses(given):
    model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", given)
    expected = r"loss_weights=...\): expected numbers, got .*\n.*argument of compile is loss_weights: write metrics="
    with pytest.raises(ArgumentError, match=expected):
        model.fit(X, Y, verbose=0)


def test_complex_data_for_an_input_of_real_numbers():
    x = X + 1j
    for call in (lambda: _model().fit(x, Y, verbose=0), lambda: _model().predict(x, verbose=0)):
        with pytest.raises(DataError, match=r"expected real numbers \(float32\), got complex"):
            call()
    inputs = gazelle.Input((3,), dtype="complex64")
    model = gazelle.Model(inputs, gazelle.ops.abs(inputs))
    np.testing.assert_allclose(model.predict(x, verbose=0), np.abs(x), rtol=1e-6)
