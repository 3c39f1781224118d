"""Sessions with hooks and supervisors of TensorFlow 1; the numbers are those of 1.15."""

import numpy as np
import pytest

X = np.arange(8, dtype="float32").reshape(4, 2)


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


@pytest.fixture
def steps(tf):
    tf.Session()
    w = tf.get_variable("w", initializer=[[1.0], [2.0]])
    loss = tf.reduce_mean(tf.square(tf.matmul(X, w) - 1.0))
    count = tf.train.get_or_create_global_step()
    rate = tf.train.polynomial_decay(0.01, count, 10, 0.001)
    return tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=count), loss, count


def test_hooks_of_a_session(tf, steps, tmp_path):
    train, loss, count = steps
    events = []

    class Log(tf.train.SessionRunHook):
        def begin(self):
            events.append("begin")

        def after_create_session(self, session, coord):
            events.append(float(session.run(loss)))

        def before_run(self, run_context):
            return tf.train.SessionRunArgs({"count": count})

        def after_run(self, run_context, run_values):
            events.append(int(run_values.results["count"]))

        def end(self, session):
            events.append("end")

    hooks = [tf.train.StopAtStepHook(last_step=3), Log(), tf.train.NanTensorHook(loss)]
    losses = []
    with tf.train.MonitoredTrainingSession(str(tmp_path), hooks=hooks, save_checkpoint_steps=2) as session:
        while not session.should_stop():
            losses.append(session.run([train, loss])[1])
    np.testing.assert_allclose(losses, LOSSES, rtol=1e-5)
    assert events == ["begin", losses[0], 1, 2, 3, "end"]
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-3")
    with tf.train.MonitoredTrainingSession(str(tmp_path), hooks=[tf.train.StopAtStepHook(num_steps=2)]) as session:
        found = []
        while not session.should_stop():
            found.append(int(session.run([train, count])[1]))
    assert found == [4, 5]


def test_the_end_of_data_ends_a_session(tf):
    element = tf.data.Dataset.range(2).make_one_shot_iterator().get_next() if tf.Session() else None
    found = []
    with tf.train.SingularMonitoredSession() as session:
        while True:
            found.append(int(session.run(element)))
    assert found == [0, 1]


def test_not_a_number_is_an_error(tf):
    x = tf.placeholder(tf.float32, [])
    with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(tf.log(x))]) as session:
        assert session.run(x, {x: 1.0}) == 1
        with pytest.raises(tf.train.NanLossDuringTrainingError):
            session.run(x, {x: -1.0})
    with pytest.raises(ValueError, match="either num_steps or last_step"):
        tf.train.StopAtStepHook()


def test_a_supervisor_continues(tf, steps, tmp_path):
    train, _, count = steps
    for expected in (2, 4):
        supervisor = tf.train.Supervisor(str(tmp_path), global_step=count)
        with supervisor.managed_session() as session:
            for _ in range(2):
                session.run(train)
            assert session.run(count) == expected
        supervisor.stop()
        assert supervisor.should_stop()


LOSSES = [145.0, 13.41, 1.89613]


def test_slim_trains_from_the_last_checkpoint_on(tf, tmp_path):
    learning = tf.contrib.slim.learning
    w = tf.get_variable("w", initializer=1.0)
    reset = w.assign(2.0)
    step = learning.create_train_op(w * w, tf.train.GradientDescentOptimizer(0.25))
    options = {"init_fn": lambda session: session.run(reset), "log_every_n_steps": 1}
    assert learning.train(step, str(tmp_path), number_of_steps=2, **options) == 1  # of w = 1, the half of 2
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-2")
    assert learning.train(step, str(tmp_path), number_of_steps=3, **options) == 0.25
    custom = lambda session, *given: (learning.train_step(session, *given)[0], True)  # noqa: E731
    assert learning.train(step, None, custom) == 1


def test_listeners_of_a_saver_and_values_after_the_last_run(tf, tmp_path):
    called = []

    class Listener(tf.train.CheckpointSaverListener):
        def after_save(self, session, global_step_value):
            called.append(global_step_value)
            return global_step_value == 4

        def end(self, session, global_step_value):
            called.append("end")

    x, count = tf.placeholder(tf.float32, []), tf.train.get_or_create_global_step()
    step = tf.assign_add(count, 1)
    last = tf.train.FinalOpsHook([count, x * 2], {x: 3.0})
    saver = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=2, listeners=[Listener()])
    hooks = [tf.train.FeedFnHook(lambda: {x: 5.0}), saver, last, tf.train.StopAtStepHook(9)]
    with tf.train.MonitoredTrainingSession(hooks=hooks) as session:
        while not session.should_stop():
            assert session.run([x, step])[0] == 5
    assert called == [0, 2, 4, "end"]
    assert last.final_ops_values == [4, 6]


def test_session_manager(tf, steps, tmp_path):
    train, loss, _ = steps
    w = tf.trainable_variables()[0]
    manager = tf.train.SessionManager()
    with manager.prepare_session("", init_fn=lambda session: session.run(w.assign([[3.0], [4.0]]))) as session:
        np.testing.assert_array_equal(session.run(w), [[3.0], [4.0]])
        session.run(train)
        after = session.run(w)
        tf.train.Saver().save(session, str(tmp_path / "model"))
    restored, is_restored = tf.train.SessionManager().recover_session("", tf.train.Saver(), str(tmp_path))
    assert is_restored
    np.testing.assert_array_equal(restored.run(w), after)
    assert manager.recover_session("")[1] is False
    assert np.isfinite(manager.wait_for_session("").run(loss))
