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
OF_UPDATES = {"mean_iou": [[3, 2], [1, 4]], "mean_per_class_accuracy": [0.6, 0.8]}  # of TensorFlow 1.15


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
        assert updated == pytest.approx(np.array(OF_UPDATES.get(name, EXPECTED[name])), abs=1e-4)
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


@pytest.mark.parametrize(
    ("curve", "method", "area"),
    [("ROC", "minoring", 0.6667), ("PR", "trapezoidal", 0.7083), ("PR", "careful_interpolation", 0.7123)],
)
def test_areas_under_curves(tf, curve, method, area):
    labels = tf.placeholder(tf.float32, [None])
    _, update = tf.metrics.auc(labels, [0.1, 0.8, 0.6, 0.3, 0.7], curve=curve, summation_method=method)
    assert tf.Session().run(update, {labels: [0, 1, 0, 1, 0]}) == pytest.approx(area, abs=1e-3)


def test_errors_of_areas(tf):
    with pytest.raises(ArgumentError, match=r"summation_method of tf.metrics.auc: .*got 'linear'"):
        tf.metrics.auc([1.0], [0.5], summation_method="linear")


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


def test_a_variable_that_may_be_a_size_is_not_read_if_nothing_depends_on_it(tf):
    """Its value is unknown in a compiled step."""
    tf.Session()
    count = tf.train.get_or_create_global_step() + 1

    def accuracy(y_true, y_pred):
        update = tf.metrics.accuracy(y_true, tf.round(y_pred))[1]
        tf.keras.backend.get_session().run(tf.local_variables_initializer())
        return update

    assert np.isfinite(fitted(tf, accuracy)).all()
    assert tf.Session().run(count) == 1


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


LABELS, ONE = np.array([[0, 2], [3, 1], [1, 1]]), np.array([2, 3, 0])
SCORES = np.array([[0.1, 0.5, 0.3, 0.9, 0.2], [0.8, 0.7, 0.1, 0.2, 0.3], [0.3, 0.9, 0.2, 0.1, 0.8]], "float32")
WEIGHTS, TRUE = np.array([1.0, 2.0, 0.5], "float32"), np.array([True, False, True])
NUMBERS, LIKELY = np.array([1.0, 2.0, 3.0], "float32"), np.array([0.3, 0.6, 0.95], "float32")
VECTORS = np.array([[1.0, 0.0], [0.6, 0.8]], "float32"), np.array([[0.0, 1.0], [0.6, 0.8]], "float32")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("recall_at_k", (LABELS, SCORES, 3), 0.6),
        ("recall_at_k", (ONE, SCORES, 3, None, WEIGHTS), 0.428571),
        ("recall_at_k", (LABELS, SCORES, 3, 1), 1.0),
        ("precision_at_k", (LABELS, SCORES, 3), 0.333333),
        ("precision_at_k", (ONE, SCORES, 3, 2, WEIGHTS), 1.0),
        ("sparse_precision_at_k", (LABELS, SCORES, 2, 1), 0.666667),
        ("average_precision_at_k", (LABELS, SCORES, 3), 0.305556),
        ("average_precision_at_k", (ONE, SCORES, 3, WEIGHTS), 0.142857),
        ("recall_at_top_k", (LABELS, np.array([[0, 1, 4], [1, 2, 3], [0, 2, 1]]), 3), 0.8),
        ("precision_at_thresholds", (TRUE, LIKELY, [0.2, 0.5]), [0.666667, 0.5]),
        ("false_negatives_at_thresholds", (TRUE, LIKELY, [0.2, 0.5], WEIGHTS), [0.0, 1.0]),
        ("mean_cosine_distance", (*VECTORS, 1), 0.5),
        ("mean_relative_error", (NUMBERS, NUMBERS[::-1].copy(), np.array([1.0, 0.0, 4.0], "float32")), 0.833333),
        ("mean_tensor", (NUMBERS, WEIGHTS), [1.0, 2.0, 3.0]),
        ("percentage_below", (NUMBERS, 2.5, WEIGHTS), 0.857143),
    ],
)
def test_further_metrics(tf, name, given, expected):
    value, update = getattr(tf.metrics, name)(*(tf.constant(v) if isinstance(v, np.ndarray) else v for v in given))
    sess = tf.Session()
    sess.run(tf.local_variables_initializer())
    sess.run(update)
    np.testing.assert_allclose(sess.run(value), expected, atol=1e-5)
