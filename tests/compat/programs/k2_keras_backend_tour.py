"""Small things of keras.backend that programs did at their edges."""
import os
import numpy as np
import keras
from keras import backend as K
from keras.backend.tensorflow_backend import set_session
from keras.backend import tensorflow_backend as KTF
from keras.layers import Dense, Dropout, Input, BatchNormalization, GaussianNoise
from keras.models import Model, Sequential, clone_model
from keras.callbacks import Callback, LambdaCallback
from keras.utils.generic_utils import get_custom_objects, CustomObjectScope
from keras.layers import Activation
from keras.utils import multi_gpu_model

assert K.backend() in ('tensorflow', 'jax')
assert K.floatx() == 'float32' and K.epsilon() == 1e-7
if K.backend() == 'tensorflow':
    import tensorflow as tf
    config = tf.ConfigProto()
    config.gpu_options.allow_growth = True
    set_session(tf.Session(config=config))


def swish(x):
    return K.sigmoid(x) * x


def mish(x):
    return x * K.tanh(K.softplus(x))

get_custom_objects().update({'swish_old': Activation(swish)})
get_custom_objects().update({'mish_old': mish})


def weighted_categorical_crossentropy(weights):
    weights = K.variable(weights)

    def loss(y_true, y_pred):
        y_pred /= K.sum(y_pred, axis=-1, keepdims=True)
        y_pred = K.clip(y_pred, K.epsilon(), 1 - K.epsilon())
        loss = y_true * K.log(y_pred) * weights
        loss = -K.sum(loss, -1)
        return loss

    return loss


def focal_loss(gamma=2., alpha=.25):
    def focal_loss_fixed(y_true, y_pred):
        pt_1 = K.switch(K.equal(y_true, 1), y_pred, K.ones_like(y_pred))
        pt_0 = K.switch(K.equal(y_true, 0), y_pred, K.zeros_like(y_pred))
        return -K.mean(alpha * K.pow(1. - pt_1, gamma) * K.log(pt_1 + K.epsilon())) \
            - K.mean((1 - alpha) * K.pow(pt_0, gamma) * K.log(1. - pt_0 + K.epsilon()))
    return focal_loss_fixed


class AnnealingCallback(Callback):
    def __init__(self, weight):
        self.weight = weight

    def on_epoch_end(self, epoch, logs={}):
        K.set_value(self.weight, K.get_value(self.weight) * 0.5)


class Swa(Callback):
    def on_epoch_begin(self, epoch, logs=None):
        lr = float(K.get_value(self.model.optimizer.lr))
        K.set_value(self.model.optimizer.lr, lr * 0.9)

rng = np.random.RandomState(0)
X = rng.randn(80, 5)
Y = np.eye(3)[np.argmax(X[:, :3], 1)]
for loss in (weighted_categorical_crossentropy(np.array([0.5, 2, 1])), focal_loss(gamma=1.)):
    model = Sequential([Dense(16, activation='swish_old', input_shape=(5,)), Dropout(0.1), Activation(mish), Dense(3, activation='softmax')])
    model.compile(keras.optimizers.Adam(lr=0.02), loss, metrics=['categorical_accuracy'])
    h = model.fit(X, Y, epochs=8, verbose=0, callbacks=[Swa()])
    assert h.history['categorical_accuracy'][-1] > 0.6, h.history
assert abs(K.eval(model.optimizer.lr) - 0.02 * 0.9 ** 8) < 1e-6

alpha = K.variable(1.0)
inp = Input((5,))
hidden = Dense(4, activation='tanh')(inp)
out = Dense(3, activation='softmax')(hidden)
m = Model(inp, out)


def custom(layer):
    def loss(y_true, y_pred):
        return K.mean(K.square(y_pred - y_true), axis=-1) + alpha * 0.1 * K.mean(K.square(layer), axis=-1)
    return loss

m.compile('adam', custom(hidden))
h = m.fit(X, Y, epochs=4, verbose=0, callbacks=[AnnealingCallback(alpha)])
assert K.get_value(alpha) == 0.0625
assert h.history['loss'][-1] < h.history['loss'][0]

f = K.function([model.layers[0].input, K.learning_phase()], [model.layers[-1].output])
runs = np.stack([f((X[:2], 1))[0] for _ in range(10)])
assert runs.std(0).max() > 0
assert np.allclose(f([X[:2], 0])[0], model.predict(X[:2]), atol=1e-5)
sess = K.get_session()
value = sess.run(m.output, feed_dict={m.input: X[:3]})
assert np.allclose(value, m.predict(X[:3]), atol=1e-5)
grads = K.gradients(K.sum(m.output[:, 0]), m.trainable_weights)
values = sess.run(grads, feed_dict={m.input: X[:3]})
assert [v.shape for v in values] == [w.shape for w in m.get_weights()]
a = K.placeholder(shape=(None, 4))
b = K.batch_dot(a, a, axes=1)
assert K.int_shape(b) == (None, 1) and K.ndim(b) == 2 and K.is_keras_tensor(b)
assert K.function([a], [b])([np.ones((2, 4))])[0].tolist() == [[4.0], [4.0]]
print(K.eval(K.dot(K.ones((2, 3)), K.variable(np.ones((3, 2))))))
x = K.variable(np.array([[1., 2.], [3., 4.]]))
upd = K.function([], [K.sum(x)], updates=[K.update_add(x, K.ones_like(x))])
assert upd([])[0] == 10 and K.get_value(x).sum() == 14
parallel = multi_gpu_model(m, gpus=2)
assert parallel.predict(X[:2]).shape == (2, 3)
K.clear_session()
