import numpy as np
import tensorflow as tf
from connectionist.data import ToyOP
from connectionist.models import PMSP

tf.keras.utils.set_random_seed(0)
data = ToyOP()
model = PMSP(tau=0.2, h_units=10, p_units=9, c_units=5)
model.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss=tf.keras.losses.BinaryCrossentropy())
losses = model.fit(data.x_train, data.y_train, epochs=5, batch_size=20, verbose=0).history["loss"]
print(losses)
assert np.isfinite(losses).all()
assert losses[-1] < losses[0]
