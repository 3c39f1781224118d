from keras.preprocessing.sequence import TimeseriesGenerator
from keras.models import Sequential
from keras.layers import LSTM, Dense
from keras import regularizers
import numpy as np

series = np.sin(np.arange(200) / 5.).reshape(-1, 1)
n_input, n_features = 5, 1
generator = TimeseriesGenerator(series, series, length=n_input, batch_size=16)
print('Samples: %d' % len(generator))
x, y = generator[0]
assert x.shape == (16, 5, 1) and y.shape == (16, 1) and np.allclose(y[0], series[5])
model = Sequential()
model.add(LSTM(8, activation='relu', input_shape=(n_input, n_features), kernel_regularizer=regularizers.l2(1e-5)))
model.add(Dense(1))
model.compile(optimizer='adam', loss='mse')
h = model.fit_generator(generator, steps_per_epoch=len(generator), epochs=10, verbose=0)
assert h.history['loss'][-1] < 0.5 * h.history['loss'][0]
x_input = np.array(series[-5:]).reshape((1, n_input, n_features))
yhat = model.predict(x_input, verbose=0)
print(yhat, model.evaluate_generator(generator))
