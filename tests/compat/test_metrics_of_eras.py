"""Metrics of programs for Keras 1, Keras 2 and tf.keras, whose names and values differ."""

import numpy as np
import pytest

from gazelle.compat import era
from tests.compat.small_models import X, Y, fit, model_of


def _expected_accuracy(model, labels):
    outputs = model.predict(X)
    both = (outputs > 0.5) == labels
    return np.mean(both if era.standalone() else np.argmax(outputs, 1) == np.argmax(labels, 1))


def test_names_of_metrics_in_keras_1(keras_1):
    history = fit(model_of(keras_1, metrics=["accuracy", "mae"]), validation_split=0.2).history
    assert {"acc", "mean_absolute_error", "val_acc", "val_mean_absolute_error"} < set(history)


def test_a_name_of_a_class_as_metric(tf_keras):
    assert list(fit(model_of(tf_keras, metrics=["MeanSquaredLogarithmicError"])).history) == [
        "loss",
        "mean_squared_logarithmic_error",
    ]


def test_accuracy_of_several_labels(keras):
    labels = (Y > 0) * 1.0
    model = model_of(keras, keras.layers.Dense(4), loss="binary_crossentropy", metrics=["accuracy"])
    np.testing.assert_allclose(model.evaluate(X, labels, verbose=0)[1], _expected_accuracy(model, labels), rtol=1e-5)


@pytest.mark.parametrize("loss", [["binary_crossentropy", "mse"], {"a": "binary_crossentropy", "b": "mse"}])
def test_accuracy_of_several_outputs(keras_2, loss):
    x = keras_2.layers.Input((3,))
    outputs = [keras_2.layers.Dense(2, activation="sigmoid", name=name)(x) for name in "ab"]
    model = keras_2.models.Model(x, outputs)
    model.compile("sgd", loss, metrics=["accuracy"])
    labels = (Y > 0) * 1.0
    a, b = model.predict(X)
    expected = [np.mean((a > 0.5) == labels), np.mean(np.argmax(b, 1) == np.argmax(labels, 1))]
    np.testing.assert_allclose(model.evaluate(X, [labels, labels], verbose=0)[-2:], expected, rtol=1e-5)


def test_binary_accuracy_is_a_mean(keras):
    function = keras.metrics.binary_accuracy
    found = function(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[0.9, 0.8], [0.7, 0.6]]))
    assert np.allclose(found, 0.75 if era.number() == 1 else [0.5, 1])  # in Keras 1 over the batch, too


def test_cosine_proximity(keras):
    cosine = np.sum(X * X, 1) / np.linalg.norm(X, axis=1) ** 2
    factor = 3 if era.number() == 1 else 1
    np.testing.assert_allclose(keras.losses.cosine_proximity(X, X), -cosine / factor, rtol=1e-5)


def test_values_of_add_metric_follow_the_metrics(tf_keras):
    class Largest(tf_keras.layers.Layer):
        def call(self, x):
            self.add_metric(x.max(), name="largest", aggregation="mean")
            self.add_metric(x[:, 0], name="first", aggregation="mean")
            return x

    history = fit(model_of(tf_keras, Largest(), metrics=["mae"])).history
    assert list(history) == ["loss", "mae", "largest", "first"]
    assert history["largest"][0] == pytest.approx(np.mean([X[i : i + 8].max() for i in (0, 8, 16)]))  # per batch
    assert history["first"][0] == pytest.approx(np.mean(X[:, 0]), abs=1e-5)  # per sample


def test_metrics_of_tf_keras_are_single_ones(tf_keras):
    model = tf_keras.Sequential([tf_keras.layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["mae", tf_keras.metrics.RootMeanSquaredError("r")])
    history = model.fit(X, Y, verbose=0, batch_size=20).history
    assert [metric.name for metric in model.metrics] == ["loss", "mae", "r"] == list(history)
    assert [float(metric.result()) for metric in model.metrics] == pytest.approx([v[0] for v in history.values()], 1e-5)


def test_accuracy_of_rounded_predictions(keras, request):
    """Regressions and labels -1 and 1: tf.keras compares with 1 where a prediction exceeds 0.5."""
    y, p = np.array([[-1.0], [1], [3], [2]]), np.array([[-0.9], [0.6], [3.2], [0.4]])
    inputs = keras.layers.Input((1,))
    model = keras.models.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile("sgd", "mse", metrics=["accuracy"])
    expected = 0.25 if request.node.callspec.params["keras"] == "tf.keras" else 0.75
    assert model.evaluate(p, y, verbose=0)[1] == expected


@pytest.mark.parametrize("rows", [3, 10])
def test_class_indices_of_metrics_broadcast_against_rows(keras_2, rows):
    p, y = np.random.RandomState(0).uniform(size=(rows, 3)), np.arange(rows) % 3
    model = keras_2.models.Sequential([keras_2.layers.Activation("linear", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["mse"], weighted_metrics=["mae"])
    with pytest.warns(UserWarning, match=r"Metric 'm.e' cannot compare y"):
        _, mse, mae = model.evaluate(p, y, verbose=0)
    np.testing.assert_allclose([mse, mae], [np.mean((y[:, None] - p) ** 2), np.mean(abs(y[:, None] - p))], rtol=1e-5)
    model.compile("sgd", "mse")
    if rows == 10:  # as in Keras 2.3, which allowed no such labels for losses
        with pytest.raises(ValueError, match=r"Loss 'mean_squared_error' cannot compare y with"):
            model.evaluate(p, y, verbose=0)


@pytest.mark.parametrize(
    ("metric", "value"),
    [("precision", 0.5), ("recall", 1.0), ("fmeasure", 0.6667), ("matthews_correlation", 0.5774), ("cosine", -0.25)],
)
def test_metrics_of_keras_1_have_columns_of_labels(keras_1, metric, value):
    p, y = np.array([[0.9], [0.2], [0.8], [0.4]]), np.array([1, 0, 0, 0])
    model = keras_1.models.Sequential([keras_1.layers.Activation("linear", input_shape=(1,))])
    model.compile("sgd", "mse", metrics=[metric])
    for labels in (y, y[:, None]):
        assert model.evaluate(p, labels, verbose=0)[1] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy"])
def test_masks_do_not_count_in_metrics_of_keras_1(keras_1, loss):
    x = np.array([[[0.9], [0.0], [0.8], [0.0]]])
    model = keras_1.models.Sequential([keras_1.layers.Masking(input_shape=(4, 1))])
    model.compile("sgd", loss, metrics=["accuracy", "mae"])
    found = model.evaluate(x, np.array([[[1], [1], [0], [0]]]), verbose=0)
    np.testing.assert_allclose(found[1:], [0.5, (0.1 + 1 + 0.8) / 4], rtol=1e-5)


@pytest.mark.parametrize("metric", ["accuracy", "fmeasure", "mse", "matthews_correlation"])
def test_metrics_of_keras_1_in_files(keras_1, metric, tmp_path):
    model = model_of(keras_1, metrics=[metric])
    model.save(str(tmp_path / "m.h5"))
    again = keras_1.models.load_model(str(tmp_path / "m.h5"))
    assert again.metrics_names == model.metrics_names
    np.testing.assert_allclose(again.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-5)


def test_masks_are_weights_of_all_metrics_in_keras_2(tf_keras):
    """The numbers are those of TensorFlow 2.15."""
    x = np.array([[0.1, 0.4, 0, 0.8], [0.9, 0, 0.3, 0.2], [0.6, 0.7, 0, 0]])[..., None]
    y = np.array([[0, 1, 1, 1], [0, 1, 1, 0], [1, 0, 0, 1]])[..., None]
    kinds = {"AUC": (0.5625, 0.56566), "Recall": (0.5, 0.33333), "RootMeanSquaredError": (0.54772, 0.58438)}
    for kind, (alone, weighted) in kinds.items():
        model = tf_keras.Sequential([tf_keras.layers.Masking(input_shape=(4, 1))])
        metric = getattr(tf_keras.metrics, kind)
        model.compile("sgd", "mse", metrics=[metric()], weighted_metrics=[metric(name="weighted")])
        found = model.evaluate(x, y, sample_weight=np.array([1.0, 2.0, 0.5]), verbose=0)[1:]
        np.testing.assert_allclose(found, [alone, weighted], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "value"), [("fbeta_score", 2 / 3), ("matthews_correlation", 0.57735), ("mse", 0.2125)]
)
def test_metrics_of_keras_1_by_name(keras_1, name, value):
    p, y = np.array([[0.9], [0.2], [0.8], [0.4]]), np.array([[1], [0], [0], [0]])
    found = keras_1.backend.eval(keras_1.metrics.get(name)(keras_1.backend.variable(y), keras_1.backend.variable(p)))
    assert np.ndim(found) == 0
    np.testing.assert_allclose(found, value, atol=1e-3)
    with pytest.raises(ValueError, match=r"Unknown metric 'nothing'"):
        keras_1.metrics.get("nothing")


def test_metrics_are_merged(tf_keras):
    first, second = tf_keras.metrics.Mean(), tf_keras.metrics.Mean()
    first.update_state([1.0, 2.0])
    second.update_state([6.0])
    first.merge_state([second])
    assert float(first.result()) == 3.0


def test_metrics_found_by_name_are_functions_until_keras_3(keras):
    """They were objects that add up what they are called with."""
    name = "mean_squared_error" if era.number() == 1 else "MSE"
    y, p = np.array([[0.0], [1.0]]), np.array([[2.0], [1.0]])
    values = [keras.metrics.get(name)(keras.backend.variable(y), keras.backend.variable(p)) for _ in range(2)]
    expected = 2.0 if era.number() == 1 else [4.0, 0.0]
    for value in values:
        np.testing.assert_allclose(keras.backend.eval(value), expected)


def test_objects_found_by_earlier_names(keras):
    names = ("maxnorm", "nonneg") if era.standalone() else ("max_norm", "non_neg")
    assert [type(keras.constraints.get(name)).__name__ for name in names] == ["MaxNorm", "NonNeg"]
    penalty = keras.regularizers.get("l1l2" if era.number() == 1 else "l1_l2")
    assert penalty.get_config() == {"l1": 0.01, "l2": 0.01}
    assert keras.activations.serialize(keras.activations.get("hard_sigmoid")) == "hard_sigmoid" or era.number() == 1


def test_means_count_all_steps_until_keras_3(tf_keras):
    mean = tf_keras.metrics.Mean()
    for values in ([[1.0]], [[0.0, 0.0, 0.0]]):
        mean.update_state(np.array(values))
    assert mean.result() == 0.25
    mean.update_state(np.ones((1, 2)), sample_weight=np.array([2.0]))
    assert mean.result() == pytest.approx(5 / 8)
    era.set_release(era.Release(3))
    mean.reset_state()
    for values in ([[1.0]], [[0.0, 0.0, 0.0]]):
        mean.update_state(np.array(values))
    assert mean.result() == 0.5


@pytest.mark.parametrize("labels", [(6,), (6, 1)])
def test_class_indices_of_metrics_for_one_hot_rows(keras, labels):
    """Their one column is class 0, as in Keras; a crossentropy refuses them there, too."""
    p, y = np.random.RandomState(0).uniform(size=(6, 3)), (np.arange(6) % 3).reshape(labels)
    inputs = keras.layers.Input((3,))
    model = keras.models.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["categorical_accuracy"])
    with pytest.warns(UserWarning, match=r"Metric 'categorical_accuracy' cannot compare y"):
        assert model.evaluate(p, y, verbose=0)[1] == pytest.approx(np.mean(p.argmax(axis=-1) == 0))
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(ValueError, match=r"Loss 'categorical_crossentropy' cannot compare y"):
        model.evaluate(p, y, verbose=0)


def test_metrics_of_tensors_squeeze_columns(tf_keras):
    """A metric that is a mean of losses has one value for a batch then."""
    metric = tf_keras.metrics.MeanSquaredError()
    metric.update_state(np.zeros(3), np.full((3, 1), 2.0))
    metric(np.zeros(1), np.zeros((1, 1)))
    assert metric.result() == 2
    accuracy = tf_keras.metrics.BinaryAccuracy()
    accuracy.update_state(np.zeros(3), np.ones((3, 1)))
    accuracy.update_state(np.zeros(1), np.zeros((1, 1)))
    assert accuracy.result() == 0.25


def test_crossentropy_is_that_of_a_binary_loss(keras_2):
    """In the package Keras 2; in tf.keras the shape of the output selects it."""
    model = keras_2.models.Sequential([keras_2.layers.Activation("linear", input_shape=(2,))])
    model.compile("sgd", "binary_crossentropy", metrics=["crossentropy"])
    loss, metric = model.evaluate(np.array([[0.9, 0.8]]), np.array([[1, 1]]), verbose=0)
    assert metric == pytest.approx(loss)


def test_functions_of_keras_1_broadcast(keras_1):
    y, p = np.array([[1.0], [2.0]]), np.array([[1.0, 2.0], [2.0, 2.0]])
    with pytest.warns(UserWarning, match="cannot compare y"):
        assert float(np.asarray(keras_1.metrics.mean_squared_error(y, p))) == 0.25
    with pytest.warns(UserWarning, match="compares each y with each y_pred"):
        assert float(np.asarray(keras_1.metrics.mean_squared_error(y[:, 0], y))) == 0.5


def test_precision_of_keras_1_rounds_products(keras_1):
    y, p = np.array([[2.0], [-1.0]]), np.array([[0.4], [-0.7]])
    assert float(np.asarray(keras_1.metrics.recall(y, p))) == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["accuracy", "acc"])
def test_the_accuracy_found_by_name_compares_each_value(tf_keras, name):
    found = tf_keras.metrics.get(name)
    assert found.__name__ == "accuracy"
    assert found(np.array([[1.0, 2.0]]), np.array([[1.0, 3.0]])).tolist() == [[1.0, 0.0]]


def _two_outputs(keras):
    """A model whose outputs are known when it is called: x and x + 1."""

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(1, kernel_initializer="ones")
            self.second = keras.layers.Dense(1, kernel_initializer="ones", bias_initializer="ones")

        def call(self, x):
            return self.first(x), self.second(x)

    return Model()


@pytest.mark.parametrize("of_object", [False, True])
@pytest.mark.parametrize("names", [["mae"], ["mae", "mse"], ["mae", "mse", "mape"]])
def test_metrics_of_a_subclassed_model_are_those_of_every_output(tf_keras, names, of_object):
    model = _two_outputs(tf_keras)
    classes = {"mae": tf_keras.metrics.MeanAbsoluteError, "mse": tf_keras.metrics.MeanSquaredError}
    given = [classes[name](name=name) if of_object and name in classes else name for name in names]
    model.compile("sgd", "mse", metrics=given)
    x, y = np.ones((4, 1), "float32"), [np.full((4, 1), 4.0)] * 2
    results = model.evaluate(x, y, verbose=0)
    values = {"mae": (3, 2), "mse": (9, 4), "mape": (75, 50)}
    expected = [13.0, 9.0, 4.0, *(values[name][0] for name in names), *(values[name][1] for name in names)]
    assert results == pytest.approx(expected)
    assert model.metrics_names[3:] == [f"output_{i}_{name}" for i in (1, 2) for name in names]


def test_a_single_metric_of_a_subclassed_model(tf_keras):
    model = _two_outputs(tf_keras)
    model.compile("sgd", "mse", metrics="mae")
    assert model.evaluate(np.ones((4, 1)), [np.zeros((4, 1))] * 2, verbose=0) == pytest.approx([5, 1, 4, 1, 2])


def test_variables_of_metrics_have_short_names(tf_keras):
    assert [v.name for v in tf_keras.metrics.Precision(name="p").variables] == ["true_positives:0", "false_positives:0"]
    assert [v.name for v in tf_keras.metrics.Mean().variables] == ["total:0", "count:0"]


def test_the_result_is_not_the_variable(tf_keras_2):
    class Last(tf_keras_2.keras.metrics.Metric):
        def __init__(self):
            super().__init__()
            self.last = self.add_weight(name="last", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.last.assign(y_pred)

        def result(self):
            return self.last

    metric = Last()
    metric.update_state(0.0, 3.0)
    result = metric.result()
    metric.reset_state()
    assert (float(result), float(metric.result())) == (3.0, 0.0)


def test_mean_tensor(tf_keras):
    metric = tf_keras.metrics.MeanTensor()
    with pytest.raises(ValueError, match="The result of mean_tensor, which has no values yet"):
        metric.result()
    metric.update_state([1.0, 5.0], sample_weight=[[1.0], [0.5]])
    metric.update_state([3.0, 8.0])
    np.testing.assert_allclose(metric.result(), [2, 7])
