import keras
import numpy as np
from keras_ordered_neurons import ONLSTM

model = keras.models.Sequential()
model.add(keras.layers.Embedding(10, 12))
model.add(ONLSTM(units=16, chunk_size=4, dropout=0.2, recurrent_dropconnect=0.2, return_sequences=True))
model.add(ONLSTM(8, chunk_size=4))
model.add(keras.layers.Dense(2, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy")
x, y = np.random.randint(0, 10, (32, 7)), np.random.randint(0, 2, 32)
history = model.fit(x, y, epochs=2, verbose=0).history
assert np.isfinite(history["loss"]).all()
