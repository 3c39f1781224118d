"""Estimators of `tf.contrib.learn`; the numbers are those of TensorFlow 1.15."""

import numpy as np
import pytest

from gazelle.core.errors import ArgumentError

X = np.random.RandomState(0).randn(30, 4).astype("float32")
NUMBERS = (X @ np.array([1.0, 2.0, 3.0, 4.0], "float32") + 1).astype("float32")
BINARY = (X[:, 0] > 0).astype("int64")
CLASSES = BINARY + (X[:, 1] > 0.5)


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def test_linear_classifiers(tf):
    learn = tf.contrib.learn
    columns = learn.infer_real_valued_columns_from_input(X)
    found = learn.LinearClassifier(feature_columns=columns, n_classes=3).fit(X, CLASSES, steps=20)
    metrics = found.evaluate(X, CLASSES)
    assert sorted(metrics) == ["accuracy", "global_step", "loss"]
    np.testing.assert_allclose([metrics["loss"], metrics["accuracy"]], [0.55776, 0.73333], atol=1e-5)
    assert list(found.predict(X[:4])) == [1, 1, 1, 1]
    np.testing.assert_allclose(list(found.predict_proba(X[:1])), [[0.0422, 0.4894, 0.4684]], atol=1e-4)
    metrics = learn.LinearClassifier(columns).fit(x=X, y=BINARY, steps=20).evaluate(X, BINARY)
    expected = {"loss": 0.29147, "accuracy/baseline_label_mean": 0.53333, "labels/prediction_mean": 0.53319}
    np.testing.assert_allclose([metrics[name] for name in expected], list(expected.values()), atol=1e-5)
    with pytest.raises(ArgumentError, match="metrics of evaluate: expected None"):
        found.evaluate(X, CLASSES, metrics={"a": 1})
    with pytest.raises(ArgumentError, match="expected x or input_fn, got neither"):
        found.fit(steps=1)


def test_regression_with_an_input_function_and_networks(tf):
    learn, layers = tf.contrib.learn, tf.contrib.layers
    column = layers.real_valued_column("x", dimension=4)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    found = learn.LinearRegressor(feature_columns=[column], optimizer=optimizer)
    given = lambda: ({"x": tf.constant(X)}, tf.constant(NUMBERS))  # noqa: E731
    metrics = found.fit(input_fn=given, steps=20).evaluate(input_fn=given, steps=1)
    assert metrics == {"loss": pytest.approx(0.10781, abs=1e-5), "global_step": 20}
    predicted = [value for value, _ in zip(found.predict(input_fn=given), range(3), strict=False)]
    np.testing.assert_allclose(predicted, [14.932688, 2.996898, 7.651278], rtol=1e-5)
    columns = learn.infer_real_valued_columns_from_input(X)
    network = learn.DNNClassifier(hidden_units=[5], n_classes=3, feature_columns=columns)
    compat = learn.SKCompat(network).fit(X, CLASSES, steps=2)
    assert (compat.predict(X[:2]).shape, compat.score(X, CLASSES)["global_step"]) == ((2,), 2)
    part = layers.sparse_column_with_keys("part", ["a", "b"])
    wide = {"linear_feature_columns": [part], "linear_optimizer": optimizer}
    deep = {"dnn_feature_columns": [column, layers.embedding_column(part, 2)], "dnn_hidden_units": [3]}
    both = learn.DNNLinearCombinedRegressor(**wide, **deep)
    rows = lambda: ({"x": tf.constant(X[:2]), "part": tf.constant([["a"], ["b"]])}, tf.constant([[1.0], [2.0]]))  # noqa: E731
    assert both.fit(input_fn=rows, steps=1).evaluate(input_fn=rows, steps=1)["global_step"] == 1


def test_functions_of_programs(tf):
    learn = tf.contrib.learn

    def model_fn(features, targets, mode, params):
        w = tf.get_variable("w", [4], initializer=tf.zeros_initializer())
        bias = tf.get_variable("b", [], initializer=tf.zeros_initializer())
        predictions = tf.reduce_sum(features * w, 1) + bias
        if mode == learn.ModeKeys.INFER:
            return learn.ModelFnOps(mode=mode, predictions=predictions)
        loss, step = tf.losses.mean_squared_error(targets, predictions), tf.contrib.framework.get_global_step()
        train_op = tf.contrib.layers.optimize_loss(loss, step, learning_rate=params["rate"], optimizer="SGD")
        return predictions, loss, train_op

    found = learn.Estimator(model_fn=model_fn, params={"rate": 0.1}).fit(x=X, y=NUMBERS, steps=10)
    assert found.evaluate(x=X, y=NUMBERS, steps=1)["loss"] == pytest.approx(0.76725, abs=1e-5)
    np.testing.assert_allclose(list(found.predict(X[:3])), [13.729109, 3.093295, 6.884858], rtol=1e-5)
