"""`tf.metrics` of TensorFlow 1, in sessions and as metrics of `compile`; numbers of TensorFlow 1.15 and Keras 2.3.1."""

import numpy as np
import pytest

from gazelle.core.errors import ArgumentError

RANDOM = np.random.RandomState(1)
X, Y = RANDOM.normal(size=(12, 4)), (np.arange(12) % 3 == 0) * 1.0
EXPECTED = {
    "accuracy": 0.7,
    "auc": 0.7,
    "mean_iou": 0.5357,
    "mean_per_class_accuracy": 0.7,
    "mean_squared_error": 0.3,
    "mean_absolute_error": 0.3,
    "root_mean_squared_error": 0.5477,
    "precision": 0.6667,
    "recall": 0.8,
    "true_positives": 4,
    "false_positives": 2,
    "false_negatives": 1,
    "true_negatives": 3,
}


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


@pytest.mark.parametrize("name", EXPECTED)
def test_sums_are_variables_of_the_graph(tf, name):
    labels, predictions = (tf.placeholder(tf.int64, [None]) for _ in range(2))
    sess, metric = tf.Session(), getattr(tf.metrics, name)
    given = (2,) if name in ("mean_iou", "mean_per_class_accuracy") else ()
    value, update = metric(labels, tf.cast(predictions, tf.float32) if name == "auc" else predictions, *given)
    for _ in range(2):
        sess.run(tf.local_variables_initializer())
        for last in (0, 1):
            feed = {predictions: np.array([0, 1, 1, 0, 1]), labels: np.array([0, 1, 0, last, 1])}
            updated = sess.run(update, feed)
        assert sess.run(value) == pytest.approx(EXPECTED[name], abs=1e-4)
        assert updated == pytest.approx(EXPECTED[name], abs=1e-4)
    assert tf.local_variables()
    assert not tf.trainable_variables()


def test_means_with_weights_and_collections(tf):
    x = tf.placeholder(tf.float32, [2])
    value, update = tf.metrics.mean(x, weights=[1.0, 3.0], updates_collections="updates", name="own")
    assert tf.get_collection("updates") == [update]
    assert [v.name for v in tf.local_variables()] == ["own/0:0", "own/1:0"]
    sess = tf.Session()
    sess.run(tf.variables_initializer(tf.get_collection(tf.GraphKeys.LOCAL_VARIABLES, scope="own")))
    assert sess.run(update, {x: [1.0, 2.0]}) == sess.run(value) == 1.75


@pytest.mark.parametrize(("curve", "method", "area"), [("ROC", "minoring", 0.6667), ("PR", "trapezoidal", 0.7083)])
def test_areas_under_curves(tf, curve, method, area):
    labels = tf.placeholder(tf.float32, [None])
    _, update = tf.metrics.auc(labels, [0.1, 0.8, 0.6, 0.3, 0.7], curve=curve, summation_method=method)
    assert tf.Session().run(update, {labels: [0, 1, 0, 1, 0]}) == pytest.approx(area, abs=1e-3)


def test_errors_of_areas(tf):
    with pytest.raises(ArgumentError, match=r"summation_method of tf.metrics.auc: .*got 'careful_interpolation'"):
        tf.metrics.auc([1.0], [0.5], summation_method="careful_interpolation")


def fitted(tf, metric):
    keras = tf.keras
    model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid", input_shape=(4,))])
    random = np.random.RandomState(7)
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    model.compile("sgd", "binary_crossentropy", metrics=[metric])
    history = model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, validation_data=(X[:6], Y[:6]), verbose=0).history
    name = metric.__name__
    return [*history[name], *history[f"val_{name}"], model.evaluate(X, Y, verbose=0)[1]]


def test_the_area_as_a_metric_of_compile_counts_all_batches(tf):
    def auc(y_true, y_pred):
        area = tf.metrics.auc(y_true, y_pred)[1]
        tf.keras.backend.get_session().run(tf.local_variables_initializer())
        return area

    expected = [0.609, 0.6189, 0.6162, 0.5972, 0.6048, 0.607, 0.6085]
    assert fitted(tf, auc) == pytest.approx(expected, abs=1e-4)


def test_a_mean_of_several_metrics_in_one_of_compile(tf):
    def mean_iou(y_true, y_pred):
        found = []
        for threshold in (0.3, 0.5):
            score, update = tf.metrics.mean_iou(y_true, tf.to_int32(y_pred > threshold), 2)
            tf.keras.backend.get_session().run(tf.local_variables_initializer())
            with tf.control_dependencies([update]):
                found.append(tf.identity(score))
        return tf.keras.backend.mean(tf.keras.backend.stack(found), axis=0)

    scores = fitted(tf, mean_iou)
    assert np.isfinite(scores).all()
    assert len(set(scores)) == len(scores)
