import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import neural_structured_learning as nsl
import numpy as np
import tensorflow as tf

inputs = tf.keras.Input((4,), name="feature")
base = tf.keras.Sequential([inputs, tf.keras.layers.Dense(3, activation="softmax")])
config = nsl.configs.make_adv_reg_config(multiplier=0.2, adv_step_size=0.05)
model = nsl.keras.AdversarialRegularization(base, adv_config=config)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
data = {"feature": np.random.rand(16, 4).astype("float32"), "label": np.random.randint(0, 3, 16)}
history = model.fit(data, batch_size=8, verbose=0).history
parts = history["sparse_categorical_crossentropy"][0] + history["scaled_adversarial_loss"][0]
np.testing.assert_allclose(history["loss"][0], parts, rtol=1e-3)
