import keras_lmu
import numpy as np
import tensorflow as tf

x, y = np.random.rand(32, 20, 1).astype("float32"), np.random.randint(0, 3, 32)
inputs = tf.keras.Input((20, 1))
cell = tf.keras.layers.SimpleRNNCell(8)
memory = keras_lmu.LMU(
    memory_d=1, order=16, theta=20, hidden_cell=cell, input_to_hidden=True, kernel_initializer="ones"
)
model = tf.keras.Model(inputs, tf.keras.layers.Dense(3)(memory(inputs)))
model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x, y, epochs=2, verbose=0)
model.save("lmu.h5")
again = tf.keras.models.load_model("lmu.h5", custom_objects={"LMU": keras_lmu.LMU})
np.testing.assert_allclose(again.predict(x), model.predict(x), atol=1e-5)
