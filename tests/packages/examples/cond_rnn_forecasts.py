import numpy as np
from cond_rnn import ConditionalRecurrent
from tensorflow.keras import Input, Model
from tensorflow.keras.layers import GRU, LSTM, Dense, concatenate

series, condition = Input((10, 3)), Input((4,))
states = [ConditionalRecurrent(layer)([series, condition]) for layer in (LSTM(6), GRU(5))]
model = Model([series, condition], Dense(1)(concatenate(states)))
model.compile("adam", "mse")
model.fit([np.random.rand(32, 10, 3), np.random.rand(32, 4)], np.random.rand(32, 1), verbose=0)
