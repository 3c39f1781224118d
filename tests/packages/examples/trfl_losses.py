import numpy as np
import tensorflow.compat.v1 as tf
import trfl

tf.disable_eager_execution()
values = tf.get_variable("values", initializer=[[1.0, 1.0, 0.0], [1.0, 2.0, 0.0]])
actions, rewards, discounts = tf.constant([0, 1]), tf.constant([1.0, -1.0]), tf.constant([0.5, 0.9])
following = tf.constant([[0.0, 1.0, 0.0], [1.0, 2.0, 0.0]])
q = trfl.qlearning(values, actions, rewards, discounts, following)
logits = tf.constant(np.arange(12.0).reshape(3, 2, 2).astype("float32") / 10)
taken, ones = tf.constant([[0, 1], [1, 1], [0, 0]]), tf.ones((3, 2))
traces = trfl.vtrace_from_logits(logits, logits * 1.5, taken, 0.9 * ones, ones, ones, tf.ones((2,)))
actor, extra = trfl.sequence_advantage_actor_critic_loss(
    logits, ones, taken, ones, 0.9 * ones, tf.ones((2,)), entropy_cost=0.01, lambda_=0.9
)
target = tf.get_variable("target", initializer=tf.zeros((2, 3)))
update = trfl.periodic_target_update([target], [values], 2)
step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(q.loss))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    print(session.run([q.loss, q.extra.td_error, extra.entropy]))
    np.testing.assert_allclose(session.run(q.loss), [0.125, 0.72], rtol=1e-5)
    expected = [[3.3564649, 3.419892], [2.6887693, 2.688769], [1.8764102, 1.8764102]]  # of TensorFlow 2.15
    np.testing.assert_allclose(session.run(traces.vs), expected, rtol=1e-5)
    np.testing.assert_allclose(session.run(actor), [7.545991, 7.3240423], rtol=1e-5)
    session.run([update, step])
    first = session.run(target)
    session.run(step)
    session.run(update)
    np.testing.assert_array_equal(session.run(target), first)  # one call of two
