"""`tf.estimator` of TensorFlow 1; the values are those of TensorFlow 1.15."""

import numpy as np
import pytest

X = np.arange(8, dtype="float32").reshape(4, 2) / 8
Y = X.sum(1)


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def model_fn_of(tf):
    def model_fn(features, labels, mode, params):
        x = features["x"] if isinstance(features, dict) else features
        out = tf.squeeze(tf.layers.dense(x, 1, kernel_initializer=tf.ones_initializer(), name="fc"), 1)
        if mode == tf.estimator.ModeKeys.PREDICT:
            return tf.estimator.EstimatorSpec(mode, predictions={"out": out, "twice": out * 2})
        loss = tf.losses.mean_squared_error(labels, out + 1)
        train = tf.train.GradientDescentOptimizer(params["rate"]).minimize(loss, tf.train.get_global_step())
        metrics = {"mae": tf.metrics.mean_absolute_error(labels, out), "big": tf.metrics.mean(out)}
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train, eval_metric_ops=metrics)

    return model_fn


def arrays(tf, **options):
    return tf.estimator.inputs.numpy_input_fn({"x": X}, Y, batch_size=3, shuffle=False, **options)


def test_an_estimator_trains_evaluates_and_predicts(tf, tmp_path):
    made = tf.estimator.Estimator(model_fn_of(tf), str(tmp_path), params={"rate": 0.5})
    assert made.train(arrays(tf, num_epochs=None), steps=3) is made
    found = made.evaluate(arrays(tf))
    assert list(found) == ["big", "loss", "mae", "global_step"]
    np.testing.assert_allclose([*found.values()], [-0.1316214, 0.012281863, 1.0066214, 3], rtol=1e-5)
    rows = list(made.predict(arrays(tf)))
    assert [sorted(row) for row in rows] == [["out", "twice"]] * 4
    np.testing.assert_allclose([row["out"] for row in rows], [-0.75285, -0.3387, 0.07545, 0.4896], rtol=1e-4)


def test_checkpoints_of_estimators(tf, tmp_path):
    def make(rate):
        return tf.estimator.Estimator(model_fn_of(tf), str(tmp_path), params={"rate": rate})

    kernel = make(0.5).train(arrays(tf, num_epochs=None), steps=3).get_variable_value("fc/kernel")
    again = make(0.0)
    again.train(arrays(tf)).train(arrays(tf), max_steps=4)  # two steps until the data end, and none
    assert again.latest_checkpoint() == str(tmp_path / "model.ckpt-5")
    assert sorted(again.get_variable_names()) == ["fc/bias", "fc/kernel", "global_step"]
    np.testing.assert_array_equal(again.get_variable_value("fc/kernel"), kernel)
    data = lambda: tf.data.Dataset.from_tensors(X)  # noqa: E731
    path = str(tmp_path / "model.ckpt-0")
    (batch,) = again.predict(data, "out", checkpoint_path=path, yield_single_examples=False)
    np.testing.assert_allclose(batch["out"], Y)


def test_train_and_evaluate_with_hooks(tf, tmp_path):
    called = []

    class Hook(tf.train.SessionRunHook):
        def begin(self):
            called.append("begin")

        def before_run(self, run_context):
            return tf.train.SessionRunArgs(tf.train.get_global_step())

        def after_run(self, run_context, run_values):
            called.append(int(run_values.results))

    config = tf.estimator.RunConfig(model_dir=str(tmp_path), save_checkpoints_steps=2, keep_checkpoint_max=2)
    assert (config.save_checkpoints_secs, config.replace(tf_random_seed=1).tf_random_seed) == (None, 1)
    hyper = tf.contrib.training.HParams(rate=0.5, sizes=[3]).parse("rate=0.25,sizes=[4,5]")
    assert (hyper.rate, hyper.sizes) == (0.25, [4, 5])

    def model_fn(features, labels, mode, params):
        return model_fn_of(tf)(features, labels, mode, params.values())

    made = tf.estimator.Estimator(model_fn, config=config, params=hyper)
    training = tf.estimator.TrainSpec(lambda: tf.data.Dataset.from_tensors((X, Y)).repeat(), 5, [Hook()])
    testing = tf.estimator.EvalSpec(lambda: (tf.constant(X), tf.constant(Y)), steps=1, throttle_secs=0)
    found, exports = tf.estimator.train_and_evaluate(made, training, testing)
    assert (int(found["global_step"]), exports, called) == (5, [], ["begin", 1, 2, 3, 4, 5])
    paths = tf.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_paths
    assert [path[-6:] for path in paths] == ["ckpt-4", "ckpt-5"]


def test_layers_of_keras_and_columns_have_the_same_names_in_each_graph(tf, tmp_path):
    zone = tf.feature_column.categorical_column_with_identity("zone", 3)
    table = tf.feature_column.embedding_column(zone, 2, initializer=tf.constant_initializer(np.arange(6.0)))
    columns = [tf.feature_column.numeric_column("age"), table]

    def model_fn(features, labels, mode):
        inner = tf.feature_column.input_layer(features, columns)
        loss = tf.reduce_mean(tf.keras.layers.Dense(1, kernel_initializer="ones")(inner))
        train = tf.train.GradientDescentOptimizer(0.5).minimize(loss, tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, {"inner": inner}, loss, train)

    made = tf.estimator.Estimator(model_fn, str(tmp_path))
    data = tf.estimator.inputs.pandas_input_fn({"age": [1.0, 2.0], "zone": [2, 0]}, shuffle=False)
    made.train(data)
    rows = [row["inner"].tolist() for row in made.predict(data)]
    assert rows == [[1, 3.75, 4.75], [2, -0.25, 0.75]]
    names = ["dense/bias", "dense/kernel", "global_step", "input_layer/zone_embedding/embedding_weights"]
    assert sorted(made.get_variable_names()) == names


def test_errors_of_estimators(tf):
    spec = tf.estimator.EstimatorSpec
    with pytest.raises(ValueError, match="Missing train_op"):
        spec("train", loss=tf.constant(1.0))
    with pytest.raises(TypeError, match="as tf"):
        spec("eval", loss=tf.constant(1.0), eval_metric_ops={"m": tf.constant(1.0)})
    with pytest.raises(ValueError, match="argument 'params'"):
        tf.estimator.Estimator(lambda features: None, params={"a": 1})
    with pytest.raises(ValueError, match="arguments"):
        tf.estimator.Estimator(lambda x: None)
    made = tf.estimator.Estimator(model_fn_of(tf), params={"rate": 1.0})
    with pytest.raises(ValueError, match="max_steps"):
        made.train(arrays(tf), steps=1, max_steps=1)
    with pytest.raises(ValueError, match="shuffle"):
        tf.estimator.inputs.numpy_input_fn(X)()
    with pytest.raises(ValueError, match="SavedModel"):
        made.export_savedmodel("folder", None)


def columns_of(tf):
    number = tf.feature_column.numeric_column("x", shape=[2])
    zone = tf.feature_column.categorical_column_with_identity("zone", 3)
    return number, zone


def test_a_linear_classifier(tf, tmp_path):
    made = tf.estimator.LinearClassifier(columns_of(tf), str(tmp_path), loss_reduction="weighted_sum")
    zones, labels = np.array([0, 1, 2, 1]), np.array([1, 0, 1, 0])
    data = tf.estimator.inputs.numpy_input_fn({"x": X, "zone": zones}, labels, 4, 3, shuffle=False)
    found = made.train(data).evaluate(data)
    expected = {"accuracy": 1.0, "average_loss": 0.489, "loss": 1.9561, "prediction/mean": 0.4758}
    assert {name: round(float(found[name]), 4) for name in expected} == expected
    row = next(made.predict(data))
    assert (row["classes"].tolist(), row["all_class_ids"].tolist()) == ([b"1"], [0, 1])
    names = ["bias_weights", "x/weights", "zone/weights"]
    assert [n for n in sorted(made.get_variable_names()) if "Ftrl" not in n][1:] == [
        f"linear/linear_model/{n}" for n in names
    ]


def test_a_network_next_to_a_linear_model(tf):
    number, zone = columns_of(tf)
    made = tf.estimator.DNNLinearCombinedRegressor(
        linear_feature_columns=[zone],
        dnn_feature_columns=[number],
        dnn_hidden_units=[2],
        dnn_optimizer=tf.train.GradientDescentOptimizer(0.1),
        loss_reduction="weighted_mean",
    )

    class Ones(tf.train.SessionRunHook):
        def begin(self):
            self.ones = [v.assign(np.ones(v.shape.as_list())) for v in tf.trainable_variables()]

        def after_create_session(self, session, coord):
            session.run(self.ones)

    data = tf.estimator.inputs.numpy_input_fn({"x": X, "zone": np.array([0, 1, 2, 1])}, Y, 4, 2, shuffle=False)
    found = made.train(data, [Ones()]).evaluate(data)
    assert list(found) == ["average_loss", "label/mean", "loss", "prediction/mean", "global_step"]
    np.testing.assert_allclose([*found.values()], [1.047745, 0.875, 1.047745, 1.26503, 2], rtol=1e-5)
