import keras
import numpy as np
from keras_multi_head import MultiHead, MultiHeadAttention
from keras_pos_embd import PositionEmbedding, TrigPosEmbedding

inputs = keras.layers.Input((6,))
x = keras.layers.Embedding(20, 8)(inputs)
x = TrigPosEmbedding(mode=TrigPosEmbedding.MODE_ADD)(PositionEmbedding(6, 8, mode=PositionEmbedding.MODE_ADD)(x))
x = MultiHeadAttention(head_num=2)(x)
x = MultiHead(keras.layers.LSTM(4), layer_num=3)(x)
model = keras.models.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
model.compile("adam", "mse")
model.fit(np.random.randint(0, 20, (8, 6)), np.random.rand(8, 2), verbose=0)
