"""Metrics that Keras 1 had, weights of classes and samples, losses by function."""
import numpy as np
from keras import backend as K
from keras import initializations, metrics, objectives
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import Adagrad, Adamax, Nadam
from keras.regularizers import WeightRegularizer, l1l2

np.random.seed(0)
X = np.random.rand(200, 5)
y = (X[:, 0] + 0.1 * np.random.rand(200) > 0.6).astype('float32')


def my_init(shape, name=None):
    return initializations.normal(shape, scale=0.1, name=name)


def mean_pred(y_true, y_pred):
    return K.mean(y_pred)


def false_rates(y_true, y_pred):
    return {'false': K.mean(K.abs(y_true - K.round(y_pred)))}['false']


def loss(y_true, y_pred):
    return objectives.binary_crossentropy(y_true, y_pred) + 0.01 * objectives.mean_squared_error(y_true, y_pred)


model = Sequential()
model.add(Dense(8, input_dim=5, init=my_init, activation='relu', W_regularizer=l1l2(l1=1e-5, l2=1e-5)))
model.add(Dense(1, init=lambda shape, name: K.variable(np.zeros(shape)), activation='sigmoid',
                b_regularizer=WeightRegularizer(l2=1e-5)))
model.compile(Adamax(lr=0.02), loss, ['accuracy', 'precision', 'recall', 'fmeasure', mean_pred, false_rates])
h = model.fit(X, y, 16, 40, verbose=0, class_weight={0: 1., 1: 2.}, sample_weight=np.ones(200), validation_split=0.2)
assert h.history['acc'][-1] > 0.8, h.history['acc'][-1]
assert h.history['precision'][-1] > 0.7 and h.history['recall'][-1] > 0.7 and 0 < h.history['val_mean_pred'][-1] < 1
for optimizer in (Adagrad(lr=0.05, epsilon=1e-8), Nadam(lr=0.01, schedule_decay=0.004), 'adadelta', 'RMSprop'):
    model.compile(loss='mean_absolute_error', optimizer=optimizer)
    first = model.train_on_batch(X, y)
    for _ in range(20):
        last = model.train_on_batch(X, y)
    assert last < first, optimizer
