import numpy as np
import tensorflow as tf
from keras_crf import CRFModel
from tf2crf import CRF, ModelWithCRFLoss

words, tags = np.random.randint(1, 10, (16, 6)), np.random.randint(0, 5, (16, 6))
inputs = tf.keras.Input((6,), dtype="int32")
states = tf.keras.layers.GRU(8, return_sequences=True)(tf.keras.layers.Embedding(10, 8, mask_zero=True)(inputs))
crf = CRF(units=5, dtype="float32")
model = ModelWithCRFLoss(tf.keras.Model(inputs, crf(tf.keras.layers.Dense(5)(states))), sparse_target=True)
model.compile(optimizer="adam")
model.fit(words, tags, verbose=0)
assert np.shape(model.predict(words)) == (16, 6)

model = CRFModel(tf.keras.Model(inputs, states), 5)
model.compile("adam", metrics=["acc"])
model.fit(words, tags, verbose=0)
assert model.predict(words)[0].shape == (16, 6)
