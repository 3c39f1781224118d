"""Layers as Keras 1 told people to write them, and what they can be asked afterwards."""
from __future__ import division
import numpy as np
from keras import backend as K
from keras.engine.topology import Layer, InputSpec
from keras.layers import Dense, Lambda, Input, LSTM, TimeDistributed, Wrapper
from keras.models import Sequential, Model
from keras import initializations, regularizers, activations
from keras.layers.recurrent import Recurrent, SimpleRNN


class MyLayer(Layer):
    def __init__(self, output_dim, init='glorot_uniform', W_regularizer=None, **kwargs):
        self.output_dim = output_dim
        self.init = initializations.get(init)
        self.W_regularizer = regularizers.get(W_regularizer)
        super(MyLayer, self).__init__(**kwargs)

    def build(self, input_shape):
        input_dim = input_shape[1]
        self.input_spec = [InputSpec(dtype=K.floatx(), shape=(None, input_dim))]
        initial_weight_value = np.random.random((input_dim, self.output_dim)) * 0.1
        self.W = K.variable(initial_weight_value, name='{}_W'.format(self.name))
        self.b = K.zeros((self.output_dim,), name='{}_b'.format(self.name))
        self.scale = K.variable(2.0)
        self.trainable_weights = [self.W, self.b]
        self.regularizers = []
        if self.W_regularizer:
            self.regularizers.append(self.W_regularizer)

    def call(self, x, mask=None):
        return self.scale * K.dot(x, self.W) + self.b

    def get_output_shape_for(self, input_shape):
        return (input_shape[0], self.output_dim)

    def get_config(self):
        config = {'output_dim': self.output_dim}
        base_config = super(MyLayer, self).get_config()
        return dict(list(base_config.items()) + list(config.items()))


class Minimal(Recurrent):
    def __init__(self, output_dim, **kwargs):
        self.output_dim = output_dim
        self.init = initializations.get('glorot_uniform')
        self.inner_init = initializations.get('orthogonal')
        self.activation = activations.get('tanh')
        super(Minimal, self).__init__(**kwargs)

    def build(self, input_shape):
        self.input_spec = [InputSpec(shape=input_shape)]
        self.input_dim = input_shape[2]
        self.states = [None]
        self.W = self.init((self.input_dim, self.output_dim), name='{}_W'.format(self.name))
        self.U = self.inner_init((self.output_dim, self.output_dim), name='{}_U'.format(self.name))
        self.trainable_weights = [self.W, self.U]

    def step(self, x, states):
        h = self.activation(K.dot(x, self.W) + K.dot(states[0], self.U))
        return h, [h]


def antirectifier(x):
    x -= K.mean(x, axis=1, keepdims=True)
    x = K.l2_normalize(x, axis=1)
    pos = K.relu(x)
    neg = K.relu(-x)
    return K.concatenate([pos, neg], axis=1)


def antirectifier_output_shape(input_shape):
    shape = list(input_shape)
    assert len(shape) == 2
    shape[-1] *= 2
    return tuple(shape)

np.random.seed(0)
X = np.random.randn(120, 6, 3)
y = (X[:, -1, 0] > 0).astype(int)
model = Sequential()
model.add(Minimal(8, input_shape=(6, 3), return_sequences=False))
model.add(MyLayer(8, W_regularizer='l2'))
model.add(Lambda(antirectifier, output_shape=antirectifier_output_shape))
model.add(Dense(1, activation='sigmoid'))
model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])
K.set_value(model.optimizer.lr, 0.02)
model.summary()
before = K.get_value(model.layers[1].scale)
h = model.fit(X, y, nb_epoch=10, batch_size=20, verbose=0)
print(h.history['acc'])
assert h.history['acc'][-1] > 0.85, h.history['acc']
assert K.get_value(model.layers[1].scale) == before
assert len(model.layers[1].trainable_weights) == 2 and model.layers[1].output_shape == (None, 8)
assert len(model.layers[0].get_weights()) == 2
get_1st = K.function([model.layers[0].input, K.learning_phase()], [model.layers[1].output])
assert get_1st([X[:4], 0])[0].shape == (4, 8)
inter = Model(input=model.input, output=model.layers[2].get_output_at(0))
assert inter.predict(X[:2]).shape == (2, 16)
