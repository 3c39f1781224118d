import numpy as np
import tensorflow as tf
import tf_extra
import tf_levenberg_marquardt as lm
from gradient_accumulator import GradientAccumulateModel
from simplemaml import MAML

tf.keras.utils.set_random_seed(0)
x, y = np.random.rand(64, 4).astype("float32"), np.random.rand(64, 1).astype("float32")
inputs = tf.keras.Input((4,))
hidden = tf.keras.layers.Dense(8, activation="relu")(inputs)
model = GradientAccumulateModel(accum_steps=4, inputs=inputs, outputs=tf.keras.layers.Dense(1)(hidden))
model.compile("sgd", "mse")
model.fit(x, y, batch_size=4, verbose=0)

images = tf.keras.Input((8, 8, 3))
states = tf_extra.layers.CBAM(reduction_ratio=4)(tf.keras.layers.Conv2D(8, 3)(images))
model = tf.keras.Model(images, tf.keras.layers.Dense(1)(tf.keras.layers.GlobalAveragePooling2D()(states)))
optimizers = [(tf.keras.optimizers.Adam(1e-3), model.layers[:-1]), (tf.keras.optimizers.SGD(1e-2), model.layers[-1])]
model.compile(tf_extra.optimizers.MultiOptimizer(optimizers), tf.keras.losses.BinaryCrossentropy(from_logits=True))
schedule = tf_extra.callbacks.CosineAnnealingScheduler(eta_min=1e-7, eta_max=1e-3, T_0=10, T_mult=2)
model.fit(np.random.rand(16, 8, 8, 3), np.random.randint(0, 2, (16, 1)), epochs=2, verbose=0, callbacks=[schedule])

wave = np.linspace(-1, 1, 200, dtype="float32")[:, None]
network = tf.keras.Sequential(
    [tf.keras.Input((1,)), tf.keras.layers.Dense(10, activation="tanh"), tf.keras.layers.Dense(1)]
)
wrapper = lm.model.ModelWrapper(network)
wrapper.compile(optimizer=tf.keras.optimizers.SGD(learning_rate=1.0), loss=lm.loss.MeanSquaredError())
data = tf.data.Dataset.from_tensor_slices((wave, np.sinc(5 * wave))).batch(200)
losses = wrapper.fit(data, epochs=40, verbose=0).history["loss"]
assert losses[-1] < losses[0] / 3

tasks = [{"inputs": x[n::4, :1], "target": y[n::4]} for n in range(4)]
model = tf.keras.Sequential([tf.keras.layers.Dense(4, activation="relu", input_shape=(1,)), tf.keras.layers.Dense(1)])
_, losses = MAML(
    model=model,
    optimizer=tf.keras.optimizers.Adam,
    meta_epochs=2,
    meta_tasks_per_epoch=[2, 4],
    validation_split=0.2,
    k_folds=0,
    tasks=tasks,
    cumul=False,
)
assert np.isfinite(losses).all()
