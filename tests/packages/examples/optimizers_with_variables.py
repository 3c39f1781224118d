import os

os.environ["TF_KERAS"] = "1"  # before these packages are imported

import numpy as np
import tensorflow as tf
from adabelief_tf import AdaBeliefOptimizer
from ga_optimizer import make_ga_optimizer
from keras_adamw import AdamW
from keras_lookahead import Lookahead

x = np.random.default_rng(0).random((64, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)


def trained(make_optimizer, batch_size=16):
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Dense(4, "tanh", kernel_initializer="ones", input_shape=(4,)), layers.Dense(1)])
    model.layers[1].set_weights([np.ones((4, 1)), np.zeros(1)])
    optimizer = make_optimizer(model)
    model.compile(optimizer, "mse")
    losses = model.fit(x, y, batch_size=batch_size, epochs=5, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    return optimizer, model.get_weights()


trained(lambda model: AdaBeliefOptimizer(learning_rate=0.01, epsilon=1e-14, rectify=False, print_change_log=False))
annealed, _ = trained(lambda model: AdamW(lr=0.01, model=model, use_cosine_annealing=True, total_iterations=40))
assert tf.keras.backend.get_value(annealed.t_cur) == 20
assert 0 < tf.keras.backend.get_value(annealed.eta_t) < 1

_, whole = trained(lambda model: tf.keras.optimizers.Adam(0.01), 16)
_, parts = trained(lambda model: make_ga_optimizer(16, 4, tf.keras.optimizers.Adam(0.01)), 4)
for expected, found in zip(whole, parts, strict=True):  # a batch in four parts
    np.testing.assert_allclose(found, expected, rtol=0.05)  # it counts each step twice

_, fast = trained(lambda model: tf.keras.optimizers.Adam(0.01))
_, slow = trained(lambda model: Lookahead(tf.keras.optimizers.Adam(0.01), sync_period=20, slow_step=0.5))
np.testing.assert_allclose(slow[0], (1 + fast[0]) / 2, rtol=0.01)  # halfway back to the first weights
