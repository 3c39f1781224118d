import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

np.set_printoptions(precision=3, suppress=True)

import tensorflow as tf

from tensorflow import keras
from tensorflow.keras import layers

rng = np.random.RandomState(1)
n = 300
raw_dataset = pd.DataFrame({
    'Cylinders': rng.choice([4, 6, 8], n), 'Displacement': rng.uniform(70, 450, n),
    'Horsepower': rng.uniform(50, 220, n), 'Weight': rng.uniform(1600, 5000, n), 'Origin': rng.choice([1, 2, 3], n)})
raw_dataset['MPG'] = 50 - raw_dataset.Weight / 150 - raw_dataset.Horsepower / 20 + rng.randn(n)
dataset = raw_dataset.copy().dropna()
dataset['Origin'] = dataset['Origin'].map({1: 'USA', 2: 'Europe', 3: 'Japan'})
dataset = pd.get_dummies(dataset, columns=['Origin'], prefix='', prefix_sep='')

train_dataset = dataset.sample(frac=0.8, random_state=0)
test_dataset = dataset.drop(train_dataset.index)
train_features = train_dataset.copy()
test_features = test_dataset.copy()
train_labels = train_features.pop('MPG')
test_labels = test_features.pop('MPG')

normalizer = tf.keras.layers.Normalization(axis=-1)
normalizer.adapt(np.array(train_features).astype('float32'))
print(normalizer.mean.numpy())
first = np.array(train_features[:1]).astype('float32')
with np.printoptions(precision=2, suppress=True):
  print('First example:', first)
  print('Normalized:', normalizer(first).numpy())

horsepower = np.array(train_features['Horsepower'])
horsepower_normalizer = layers.Normalization(input_shape=[1,], axis=None)
horsepower_normalizer.adapt(horsepower)
horsepower_model = tf.keras.Sequential([horsepower_normalizer, layers.Dense(units=1)])
horsepower_model.summary()
horsepower_model.predict(horsepower[:10])
horsepower_model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=0.1), loss='mean_absolute_error')
history = horsepower_model.fit(train_features['Horsepower'], train_labels, epochs=5, verbose=0, validation_split=0.2)
hist = pd.DataFrame(history.history)
hist['epoch'] = history.epoch
print(hist.tail())


def plot_loss(history):
  plt.plot(history.history['loss'], label='loss')
  plt.plot(history.history['val_loss'], label='val_loss')
  plt.legend()
  plt.close()


plot_loss(history)
test_results = {}
test_results['horsepower_model'] = horsepower_model.evaluate(test_features['Horsepower'], test_labels, verbose=0)
x = tf.linspace(0.0, 250, 251)
y = horsepower_model.predict(x)


def build_and_compile_model(norm):
  model = keras.Sequential([
      norm,
      layers.Dense(64, activation='relu'),
      layers.Dense(64, activation='relu'),
      layers.Dense(1)
  ])
  model.compile(loss='mean_absolute_error', optimizer=tf.keras.optimizers.Adam(0.003))
  return model


dnn_model = build_and_compile_model(normalizer)
history = dnn_model.fit(train_features.astype('float32'), train_labels, validation_split=0.2, verbose=0, epochs=60)
test_results['dnn_model'] = dnn_model.evaluate(test_features.astype('float32'), test_labels, verbose=0)
print(pd.DataFrame(test_results, index=['Mean absolute error [MPG]']).T)
test_predictions = dnn_model.predict(test_features.astype('float32')).flatten()
error = test_predictions - test_labels
dnn_model.save('dnn_model.keras')
reloaded = tf.keras.models.load_model('dnn_model.keras')
again = reloaded.evaluate(test_features.astype('float32'), test_labels, verbose=0)
assert abs(again - test_results['dnn_model']) < 1e-4
assert test_results['dnn_model'] < 5 and np.isfinite(y).all()
