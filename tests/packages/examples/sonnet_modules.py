import numpy as np
import sonnet as snt
import tensorflow as tf

network = snt.Sequential([snt.Linear(16), tf.nn.relu, snt.Linear(3)])
optimizer = snt.optimizers.Adam(0.01)
x, y = tf.constant(np.random.rand(32, 4), tf.float32), tf.constant(np.random.randint(0, 3, 32))


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=network(x))
        loss = tf.reduce_mean(losses)
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


losses = [float(step(x, y)) for _ in range(10)]
assert losses[-1] < losses[0]
mlp = snt.nets.MLP([8, 2])
assert mlp(x).shape == (32, 2)
assert [v.name for v in mlp.variables][1] == "mlp/linear_0/w:0"
assert snt.Conv2D(4, 3)(tf.zeros([2, 8, 8, 1])).shape == (2, 8, 8, 4)
np.testing.assert_allclose(snt.BatchNorm(True, True)(x, is_training=True).numpy().mean(0), np.zeros(4), atol=1e-5)
cell = snt.LSTM(5)
outputs, _ = snt.dynamic_unroll(cell, tf.zeros([6, 2, 3]), cell.initial_state(2))
assert outputs.shape == (6, 2, 5)
checkpoint = tf.train.Checkpoint(network=network)
path = checkpoint.save("model")
before = network(x).numpy()
step(x, y)
checkpoint.restore(path)
np.testing.assert_array_equal(network(x), before)
