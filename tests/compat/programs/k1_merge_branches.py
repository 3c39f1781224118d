"""Two branches merged in a Sequential, as the getting-started guide of Keras 1 had it."""
import numpy as np
from keras.models import Sequential
from keras.layers import Merge, Dense, Dropout, Activation, Embedding, LSTM, Lambda
from keras.layers.core import Reshape, Permute, RepeatVector

np.random.seed(3)
left = Sequential()
left.add(Dense(8, input_dim=10, activation='relu'))
right = Sequential()
right.add(Embedding(20, 8, input_length=6))
right.add(LSTM(output_dim=8, activation='tanh', inner_activation='hard_sigmoid'))

merged = Sequential()
merged.add(Merge([left, right], mode='concat', concat_axis=-1))
merged.add(Dropout(0.1))
merged.add(Dense(2, activation='softmax'))
merged.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
merged.summary()

data_1 = np.random.random((160, 10))
data_2 = np.random.randint(0, 20, size=(160, 6))
labels = (data_1[:, 0] + 0.01 * data_2[:, -1] > 0.6).astype(int)
onehot = np.eye(2)[labels]
merged.fit([data_1, data_2], onehot, nb_epoch=40, batch_size=16, verbose=0)
assert merged.evaluate([data_1, data_2], onehot, verbose=0)[1] > 0.85

for mode in ('sum', 'mul', 'ave', 'max', 'dot', 'cos'):
    a = Sequential([Dense(4, input_shape=(5,))])
    b = Sequential([Dense(4, input_shape=(3,))])
    model = Sequential([Merge([a, b], mode=mode, dot_axes=1)])
    model.add(Dense(1))
    model.compile('sgd', 'mse')
    x = [np.random.rand(16, 5), np.random.rand(16, 3)]
    before = model.evaluate(x, np.ones((16, 1)), verbose=0)
    model.fit(x, np.ones((16, 1)), nb_epoch=5, verbose=0)
    assert model.evaluate(x, np.ones((16, 1)), verbose=0) < before, mode

difference = Sequential()
difference.add(Merge([Sequential([Dense(4, input_dim=5)]), Sequential([Dense(4, input_dim=5)])],
                     mode=lambda x: x[0] - x[1], output_shape=lambda shapes: shapes[0]))
assert difference.predict([np.ones((2, 5))] * 2).shape == (2, 4)
