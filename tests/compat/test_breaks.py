"""Usage in programs for earlier Keras that Keras 3 refuses or interprets differently, one row each."""

import contextlib
import sys
import warnings

import numpy as np
import pytest

import gazelle
from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import settings

keras = root("keras")
layers = keras.layers

#: row -> (era, lines); they run with the names of Keras as `gazelle run` gives them, and assert by themselves
ROWS = {
    "arguments that only other engines had, without effect": (
        2,
        """
layers.LSTM(3, time_major=False)
layers.Bidirectional(layers.GRU(3, time_major=False))
layers.Input((3,), ragged=False, sparse=False)
try:
    layers.Dense(3, time_major=True)
except TypeError as error:
    assert "Unknown argument of Dense 'time_major'" in str(error), error
else:
    raise AssertionError("time_major")
""",
    ),
    "sequences with time first": (
        2,
        """
x, mask = np.random.rand(4, 5, 3).astype("float32"), np.arange(5)[None] < [[5], [4], [2], [1]]
for kind in layers.LSTM, layers.GRU, layers.SimpleRNN, lambda n, **k: layers.RNN(layers.LSTMCell(n), **k):
    for options in {}, {"return_sequences": True}, {"return_state": True, "return_sequences": True}:
        plain, turned = kind(2, **options), kind(2, time_major=True, **options)
        plain.build((None, 5, 3)), turned.build((5, None, 3))
        turned.set_weights(plain.get_weights())
        want, got = plain(x, mask=mask), turned(x.swapaxes(0, 1), mask=mask.T)
        want, got = (v if isinstance(v, (list, tuple)) else [v] for v in (want, got))
        assert len(want) == len(got)
        for a, b in zip(want, got):
            np.testing.assert_allclose(a, np.swapaxes(b, 0, 1) if b.ndim == 3 else b, atol=1e-6)
        again = type(turned).from_config(turned.get_config())
        assert again.time_major and not plain.time_major
i = layers.Input(batch_shape=(5, None, 3))
assert tuple(layers.LSTM(2, time_major=True)(i).shape) == (None, 2)
""",
    ),
    "the size of the input in front, as before Keras 0.3": (
        1,
        """
from keras import backend as K
from keras.layers.normalization import BatchNormalization
from keras.layers.advanced_activations import PReLU
K.set_image_dim_ordering('th')
m = keras.models.Sequential([
    layers.Convolution2D(4, 3, 3, 3, border_mode='full'), layers.Convolution2D(2, 4, 3, 2),
    layers.MaxPooling2D(poolsize=(2, 2)), layers.Flatten(), layers.Dense(24, 5), PReLU((5,)),
    BatchNormalization((5,)), layers.Dense(5, 2, activation='softmax')])
assert m.predict(np.ones((1, 3, 6, 6)), verbose=0).shape == (1, 2)
assert [w.shape for w in m.get_weights()][:4:2] == [(3, 3, 3, 4), (3, 2, 4, 2)]
m = keras.models.Sequential([layers.Embedding(9, 6), layers.Convolution1D(6, 5, 3)])
m.add(layers.LSTM(5, 7, truncate_gradient=-1))
assert m.predict(np.ones((2, 9)), verbose=0).shape == (2, 7) and m.get_weights()[1].shape == (3, 6, 5)
import warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter('always')
    layers.SimpleRNN(5, 7, truncate_gradient=3)
assert 'truncate_gradient=3 is ignored' in str(said[0].message), said""",
    ),
    "the order of the axes of images is not that of sequences": (
        2,
        """
keras.backend.set_image_data_format('channels_first')
for layer in layers.Conv1D(2, 1), layers.MaxPooling1D(2), layers.GlobalAveragePooling1D(), layers.SeparableConv1D(2, 1):
    assert layer.data_format == 'channels_last', layer
assert layers.Conv2D(2, 1).data_format == layers.Conv1D(2, 1, data_format='channels_first').data_format""",
    ),
    "sizes of a shape have the attribute value, as in TensorFlow 1": (
        1,
        """
x = layers.Input((4, 5))
_, rows, columns = x.get_shape()
assert (rows.value, columns.value, x.get_shape().as_list()) == (4, 5, [None, 4, 5])
assert layers.Reshape((rows.value * columns,))(x).shape[1] == 20""",
    ),
    "wrappers of programs that build the layer themselves": (
        1,
        """
class Residual(layers.Wrapper):
    def build(self, input_shape):
        self.layer.build(input_shape)
        super(Residual, self).build()
    def call(self, x, mask=None):
        return x + self.layer.call(x)
m = keras.models.Sequential([Residual(layers.Dense(3), input_shape=(3,))])
assert m.predict(np.ones((2, 3)), verbose=0).shape == (2, 3) and len(m.trainable_weights) == 2""",
    ),
    "fractions of steps": (
        2,
        """
pairs = lambda: iter([(X[:4], Y[:4])] * 100)
m = mlp()
assert m.fit_generator(pairs(), steps_per_epoch=8 / 3, epochs=2., verbose=0).params["steps"] == 3
m.fit_generator(pairs(), 8 / 3, validation_data=pairs(), validation_steps=np.ceil(1.5), verbose=0)
assert m.predict_generator(pairs(), steps=8 / 3).shape == (12, 1)
m.evaluate(pairs(), steps=np.float64(2.))""",
    ),
    "1 nb_epoch": (1, "h = mlp().fit(X, Y, nb_epoch=2, verbose=0); assert len(h.epoch) == 2"),
    "2 np_utils": (
        1,
        """
from keras.utils import np_utils
assert np_utils.to_categorical([1], nb_classes=3).shape == (1, 3)""",
    ),
    "3 lr": (
        2,
        "from keras.optimizers import SGD, Adam, RMSprop\n"
        "for kind in (SGD, Adam, RMSprop): assert abs(float(kind(lr=0.5).learning_rate) - 0.5) < 1e-7",
    ),
    "4 modules of layers": (
        1,
        """
from keras.layers.core import Dense, Activation
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.recurrent import LSTM
from keras.layers.embeddings import Embedding
from keras.layers.pooling import GlobalMaxPooling1D
from keras.layers.normalization import BatchNormalization
from keras.layers.advanced_activations import LeakyReLU, PReLU
from keras.layers.wrappers import TimeDistributed
from keras.layers.noise import GaussianNoise
from keras.layers.merge import Add, concatenate
from keras.layers.convolutional_recurrent import ConvLSTM2D
import keras
assert keras.layers.core.Activation is layers.Activation""",
    ),
    "5 image ordering": (
        1,
        """
from keras import backend as K
K.set_image_dim_ordering('th')
assert K.image_dim_ordering() == 'th'
assert layers.Convolution2D(4, 3, 3, input_shape=(3, 8, 8)).data_format == 'channels_first'
assert layers.MaxPooling2D(dim_ordering='tf').data_format == 'channels_last'""",
    ),
    "6 words of Dense": (
        1,
        """
from keras.regularizers import l2
d = layers.Dense(output_dim=3, init='he_normal', W_regularizer=l2(0.1), b_regularizer='l2', bias=True, input_dim=4)
assert d.units == 3 and type(d.kernel_initializer).__name__ == 'HeNormal' and d.kernel_regularizer.l2 == 0.1
assert d.use_bias and d.batch_shape == (None, 4) and d.output_dim == 3""",
    ),
    "7 words of windows": (
        1,
        """
c = layers.Convolution2D(nb_filter=4, nb_row=3, nb_col=2, border_mode='same', subsample=(2, 1))
assert (c.filters, c.kernel_size, c.padding, c.strides) == (4, (3, 2), 'same', (2, 1))
c = layers.Convolution1D(nb_filter=4, filter_length=5, subsample_length=2)
assert (c.filters, c.kernel_size, c.strides) == (4, (5,), (2,))
p = layers.MaxPooling1D(pool_length=3, stride=1, border_mode='same')
assert (p.pool_size, p.strides, p.padding) == ((3,), (1,), 'same')""",
    ),
    "8 tensor maths": (2, "from keras import backend as K; assert float(K.mean(K.square(K.constant([1., 3.])))) == 5"),
    "9 modules of utils": (
        1,
        """
from keras.utils.data_utils import get_file
from keras.utils.generic_utils import Progbar, get_custom_objects
from keras.utils.layer_utils import get_source_inputs
from keras.utils.vis_utils import plot_model
from keras.utils.visualize_util import plot
assert plot is plot_model""",
    ),
    "10 sides by position": (
        1,
        """
c = layers.Convolution2D(32, 3, 2)
assert c.kernel_size == (3, 2) and c.strides == (1, 1)""",
    ),
    "10 in Keras 2": (2, "c = layers.Conv2D(32, 3, 2); assert c.kernel_size == (3, 2) and c.strides == (1, 1)"),
    "10 by its other words": (3, "c = layers.Conv2D(32, 3, 2, border_mode='same'); assert c.kernel_size == (3, 2)"),
    "11 graph functions": (
        1,
        """
from keras import backend as K
x = K.placeholder(shape=(None, 2)); f = K.function([x], [K.sum(x * x)])
assert f([np.ones((3, 2))])[0] == 6
v = K.variable(np.zeros(2)); K.set_value(v, np.ones(2)); assert K.eval(v).sum() == 2""",
    ),
    "12 objectives, initializations, engine": (
        1,
        """
from keras.objectives import categorical_crossentropy, mse
from keras.initializations import normal, uniform
from keras.engine.topology import Layer, Input, InputSpec
from keras.engine import Model, merge
import keras.engine.training
assert Layer is layers.Layer and normal((2, 3), scale=0.1).shape == (2, 3)""",
    ),
    "13 merge": (
        1,
        """
from keras.layers import merge, Merge, Input
a, b = Input((2,)), Input((2,))
for mode, size in dict(sum=2, mul=2, concat=4, ave=2, max=2, dot=1, cos=1).items():
    assert merge([a, b], mode=mode, dot_axes=1).shape == (None, size), mode
assert merge([a, b], mode=lambda x: x[0] - x[1], output_shape=(2,)).shape == (None, 2)
assert Merge(mode='concat')([a, b]).shape == (None, 4)""",
    ),
    "14 Model(input=, output=)": (
        1,
        """
x = layers.Input((3,)); model = keras.Model(input=x, output=layers.Dense(2)(x))
assert model.output_shape == (None, 2)""",
    ),
    "15 decay": (
        2,
        """
from keras.optimizers import SGD
model = keras.Sequential([layers.Dense(1, input_dim=3)]); model.compile(SGD(lr=0.1, decay=1.0), 'mse')
deltas = []
for _ in range(3):
    before = model.get_weights()[-1]; model.train_on_batch(0 * X, Y * 0 + 1); after = model.get_weights()[-1]
    deltas.append(float(np.abs(after - before)[0] / (2 * np.abs(1 - before)[0])))
assert np.allclose(deltas, [0.1, 0.05, 0.1 / 3], atol=1e-4), deltas""",
    ),
    "15 results of single batches": (
        2,
        """
import warnings
model = keras.Sequential([layers.Dense(1, input_dim=3)]); model.compile('sgd', 'mse', metrics=['mae'])
for scale in (1, 5):
    wanted = float(np.mean(np.abs(model.predict(scale * X) - Y)))
    assert abs(model.train_on_batch(scale * X, Y)[1] - wanted) < 1e-4
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter('always')
    model.train_on_batch(X, Y, reset_metrics=False)
assert 'reset_metrics=False is ignored' in str(found[-1].message), found""",
    ),
    "16 weights under any name": (
        2,
        """
model = mlp()
for name in ('w.h5', 'w.hdf5', 'w'):
    model.save_weights(name); model.load_weights(name)""",
    ),
    "17 texts": (
        2,
        "from keras.preprocessing.text import Tokenizer; t = Tokenizer(5); t.fit_on_texts(['a b a'])\n"
        "assert t.word_index == {'a': 1, 'b': 2}",
    ),
    "18 generators": (
        2,
        """
def batches():
    while True:
        yield X[:4], Y[:4]
model = mlp()
assert len(model.fit_generator(batches(), steps_per_epoch=2, epochs=2, verbose=0).epoch) == 2
assert model.evaluate_generator(batches(), steps=2) >= 0
assert model.predict_generator(batches(), steps=2).shape == (8, 1)""",
    ),
    "19 functions of losses and metrics": (
        2,
        """
from keras.losses import mse, mean_squared_error, binary_crossentropy
from keras.metrics import mean_absolute_error, mae, categorical_accuracy
assert mse is mean_squared_error and mae is mean_absolute_error""",
    ),
    "20 history": (
        2,
        "h = mlp(metrics=['accuracy', 'mae']).fit(X, Y, validation_split=0.25, verbose=0).history\n"
        "assert len(h['acc']) == len(h['val_acc']) == len(h['val_mean_absolute_error']) == 1",
    ),
    "21 classes and modes": (
        1,
        """
from keras.layers import BatchNormalization, Deconvolution2D, AtrousConvolution1D
assert BatchNormalization(mode=2)(np.array([[1.], [3.]], 'float32')).shape == (2, 1)
d = Deconvolution2D(3, 2, 2, output_shape=(None, 8, 8, 3), subsample=(2, 2)); assert d.kernel_size == (2, 2)
a = AtrousConvolution1D(4, 3, atrous_rate=2); assert a.dilation_rate == (2,)
model = mlp(); h = model.fit(X, Y, show_accuracy=True, nb_epoch=1, verbose=0); assert 'acc' in h.history""",
    ),
    "22 batch_input_shape": (
        1,
        """
l = layers.LSTM(2, batch_input_shape=(4, 1, 3), stateful=True); assert l.batch_shape == (4, 1, 3)
assert layers.Dense(2, input_shape=(3,), batch_size=4).batch_shape == (4, 3)""",
    ),
    "23 words of recurrence": (
        1,
        """
e = layers.Embedding(9, 2, dropout=0.2); assert e.dropout == 0.2
l = layers.LSTM(3, dropout_W=0.1, dropout_U=0.2, consume_less='mem', inner_init='zero', forget_bias_init='zero')
assert (l.dropout, l.recurrent_dropout, l.unit_forget_bias) == (0.1, 0.2, False)
assert type(l.recurrent_initializer).__name__ == 'Zeros'""",
    ),
    "24 counts of samples": (
        1,
        """
def batches():
    while True:
        yield X[:4], Y[:4]
model = mlp()
h = model.fit_generator(batches(), samples_per_epoch=10, nb_epoch=2, validation_data=batches(), nb_val_samples=8,
                        nb_worker=2, max_q_size=3, pickle_safe=True, verbose=0)
assert len(h.history['val_loss']) == 2
assert model.predict_generator(batches(), val_samples=8).shape == (8, 1)""",
    ),
    "25 ImageDataGenerator": (
        1,
        """
from keras.preprocessing.image import ImageDataGenerator
ImageDataGenerator(rescale=1. / 255)""",
    ),
    "26 wrappers": (1, "from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor"),
    "27 get_output_shape_for": (
        1,
        """
class Twice(layers.Layer):
    def call(self, x, mask=None):
        return 2 * x
    def get_output_shape_for(self, input_shape):
        return input_shape
assert Twice()(layers.Input((3,))).shape == (None, 3)""",
    ),
    "28 predict_classes": (
        2,
        """
m = mlp()
assert m.predict_classes(X).shape == (16, 1) and m.predict_proba(X).shape == (16, 1)""",
    ),
    "29 reset_states": (
        2,
        """
model = keras.Sequential([layers.LSTM(2, batch_input_shape=(2, 1, 3), stateful=True)])
x = np.ones((2, 1, 3)); a = model.predict(x, batch_size=2); b = model.predict(x, batch_size=2); model.reset_states()
assert np.allclose(a, model.predict(x, batch_size=2)) and not np.allclose(a, b)""",
    ),
    "30 shapes of layers": (
        2,
        """
l = mlp().layers[0]
assert l.output_shape == (None, 4) and l.input_shape == (None, 3)""",
    ),
    "31 checkpoints": (
        2,
        """
from keras.callbacks import ModelCheckpoint; import os
mlp().fit(X, Y, verbose=0, callbacks=[
    ModelCheckpoint('a.hdf5'), ModelCheckpoint('b.h5', save_weights_only=True, period=1)])
assert os.path.exists('a.hdf5') and os.path.exists('b.h5')""",
    ),
    "32 weights": (
        1,
        """
W, b = np.ones((3, 2), 'float32'), np.zeros(2, 'float32')
assert layers.Dense(2, weights=[W, b])(np.ones((1, 3), 'float32')).tolist() == [[3, 3]]""",
    ),
    "33 add_loss": (
        2,
        """
x = layers.Input((3,)); model = keras.Model(x, layers.Dense(1)(x))
from keras import backend as K
model.add_loss(K.mean(K.square(model.output))); model.compile('sgd'); model.fit(X, verbose=0)""",
    ),
    "34 int_shape": (2, "from keras import backend as K; assert K.int_shape(layers.Input((3,))) == (None, 3)"),
    "35 learning_phase": (
        2,
        """
from keras import backend as K
K.learning_phase()
assert not mlp().uses_learning_phase""",
    ),
    "36 queues": (2, "mlp().fit(X, Y, workers=2, use_multiprocessing=True, max_queue_size=4, verbose=0)"),
    "37 name of a weight": (
        2,
        """
class Scale(layers.Layer):
    def build(self, input_shape):
        self.k = self.add_weight('kernel', shape=(input_shape[-1],), initializer='ones')
    def call(self, x):
        return x * self.k
s = Scale(); s(np.ones((1, 3), 'float32')); assert s.k.name.endswith('/kernel:0')""",
    ),
    "38 pooling without words": (
        2,
        """
assert layers.AveragePooling2D().pool_size == (2, 2) and layers.AveragePooling1D().pool_size == (2,)""",
    ),
    "lists": (2, "assert mlp().predict([[1., 2., 3.]]).shape == (1, 1)"),
    "input of a Sequential after fit": (
        2,
        """
model = keras.Sequential([layers.Dense(1)]); model.compile('sgd', 'mse'); model.fit(X, Y, verbose=0)
assert model.input.shape == (None, 3)""",
    ),
    "a folder": (
        2,
        """
m = mlp()
m.save('folder')
n = keras.models.load_model('folder')
assert np.allclose(m.predict(X), n.predict(X))""",
    ),
    "the rate of an optimizer": (
        2,
        """
from keras import backend as K
model = mlp('sgd'); K.set_value(model.optimizer.lr, 0.25); assert K.get_value(model.optimizer.lr) == 0.25
model.optimizer.lr = 0.5; assert float(model.optimizer.learning_rate) == 0.5""",
    ),
    "lower case and CuDNN": (
        2,
        """
from keras import optimizers
assert optimizers.adam(lr=0.1).lr is not None
layers.CuDNNLSTM(2)(np.ones((1, 2, 3), 'float32'))""",
    ),
    "words of compile and TensorBoard": (
        2,
        """
model = mlp(); model.compile('sgd', 'mse', ['mae'], None, 'temporal'); model.fit(X, Y, verbose=0)
from keras.callbacks import TensorBoard; TensorBoard(log_dir='logs', write_grads=True, batch_size=4)""",
    ),
    "pop": (
        2,
        """
x = layers.Input((3,)); h = layers.Dense(4)(x); model = keras.Model(x, layers.Dense(2)(h))
model.layers.pop(); model.outputs = [model.layers[-1].output]; assert model.predict(X).shape == (16, 4)""",
    ),
    "names of layers": (2, "assert [l.name for l in mlp().layers] == ['dense_1', 'dense_2']"),
    "hard_sigmoid by position": (
        2,
        """
from keras import activations
for given in ('hard_sigmoid', activations.hard_sigmoid):
    assert np.allclose(layers.Activation(given)(np.ones((1, 1), 'float32')), 0.7)
    assert np.allclose(layers.Dense(1, given, weights=[[[1.]], [0.]])(np.ones((1, 1), 'float32')), 0.7)""",
    ),
    "ordering by position": (
        1,
        """
assert layers.ZeroPadding2D((1, 1), 'th').data_format == 'channels_first'
assert layers.GlobalAveragePooling2D('th').data_format == 'channels_first'""",
    ),
    "patience before 1.1": (
        1,
        """
from keras.callbacks import EarlyStopping
assert EarlyStopping('val_loss', 2, 1, 'min').patience == EarlyStopping('val_loss', 0.0, 2).patience == 3""",
    ),
    "one start for both kernels": (
        1,
        """
c = layers.SeparableConvolution2D(4, 3, 3, init='zero')
assert type(c.depthwise_initializer).__name__ == type(c.pointwise_initializer).__name__ == 'Zeros'""",
    ),
    "windows of ConvLSTM2D": (
        1,
        """
c = layers.ConvLSTM2D(4, nb_row=3, nb_col=2, forget_bias_init='zero')
assert c.kernel_size == (3, 2) and not c.unit_forget_bias""",
    ),
    "several versions of l2": (
        1,
        """
from keras.regularizers import l2, l1l2, activity_l2, WeightRegularizer
assert l2(l=0.1).l2 == WeightRegularizer(l2=0.1).l2""",
    ),
    "an optimizer's own get_updates": (
        2,
        """
import keras
from keras import backend as K
from keras.optimizers import Optimizer, SGD
from keras.legacy import interfaces
class Momentum(Optimizer):
    def __init__(self, lr=0.01, momentum=0.9, **kwargs):
        super(Momentum, self).__init__(**kwargs)
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype='int64', name='iterations')
            self.lr = K.variable(lr, name='lr')
            self.momentum = K.variable(momentum, name='momentum')
    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        moments = [K.zeros(K.int_shape(p)) for p in params]
        self.weights = [self.iterations] + moments
        for p, g, m in zip(params, grads, moments):
            v = self.momentum * m - self.lr * g
            self.updates += [K.update(m, v), K.update(p, p + v)]
        return self.updates
    def get_config(self):
        config = {'lr': float(K.get_value(self.lr)), 'momentum': float(K.get_value(self.momentum))}
        return dict(list(super(Momentum, self).get_config().items()) + list(config.items()))
mine, theirs = mlp(Momentum(lr=0.1)), mlp(SGD(lr=0.1, momentum=0.9))
theirs.set_weights(mine.get_weights())
for model in (mine, theirs):
    model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0)
for a, b in zip(mine.get_weights(), theirs.get_weights()):
    assert np.allclose(a, b, atol=1e-6)
count, *moments = mine.optimizer.get_weights()
assert count == 6 and [m.shape for m in moments] == [(3, 4), (4,), (4, 1), (1,)] and moments[0].any()
K.set_value(mine.optimizer.lr, 0.0)
K.set_value(mine.optimizer.momentum, 0.0)
before = mine.get_weights()[0]; mine.fit(X, Y, verbose=0)
assert np.array_equal(before, mine.get_weights()[0])
mine.save('mine.h5')
again = keras.models.load_model('mine.h5', custom_objects={'Momentum': Momentum})
assert type(again.optimizer).__name__ == 'Momentum' and K.get_value(again.optimizer.lr) == 0""",
    ),
    "gradients in a layer": (
        2,
        """
from keras import backend as K
class Norm(layers.Layer):
    def call(self, inputs):
        target, wrt = inputs
        grads = K.gradients(target, wrt)
        return K.sqrt(K.sum(K.batch_flatten(K.square(grads[0])), axis=1, keepdims=True))
    def compute_output_shape(self, shapes):
        return (shapes[1][0], 1)
x = layers.Input((3,)); model = keras.Model(x, Norm()([x * x, x]))
assert np.allclose(model.predict(X, verbose=0)[:, 0], np.sqrt((4 * X ** 2).sum(1)))""",
    ),
    "an output's shape that the author tells": (
        2,
        """
from keras import backend as K
x = layers.Input((None, 3))
out = layers.Lambda(lambda x: K.reshape(K.dot(x, K.ones((3, 2))), (-1, 4, 2)), output_shape=(4, 2))(x)
assert out.shape == (None, 4, 2)""",
    ),
    "shapes compute": (
        2,
        """
from keras import backend as K
x = layers.Input((None, None, 3))
size = K.shape(x)[1:3] * 2
model = keras.Model(x, layers.Lambda(lambda x: K.tf.image.resize_images(x, K.shape(x)[1:3] * 2))(x))
assert model.predict(np.ones((1, 2, 5, 3)), verbose=0).shape == (1, 4, 10, 3)""",
    ),
    "tensors in the logs": (
        2,
        """
from keras import backend as K
x = layers.Input((3,)); out = layers.Dense(1)(x); size = K.mean(K.square(out))
model = keras.Model(x, out); model.compile('sgd', 'mse')
model.metrics_names.append('size'); model.metrics_tensors.append(size)
history = model.fit(X, Y, epochs=1, batch_size=16, verbose=0).history
assert history.keys() == {'loss', 'size'} and history['size'][0] > 0""",
    ),
    "what callbacks were given": (
        2,
        """
from keras.callbacks import Callback
class Seen(Callback):
    def on_train_begin(self, logs=None):
        x, y, weight = self.validation_data[:3]
        assert x.shape == (4, 3) and y.shape == (4, 1) and weight.tolist() == [1] * 4
        assert self.params['samples'] == 16 and self.params['batch_size'] == 8 and self.params['do_validation']
        self.began = True
seen = Seen(); mlp().fit(X, Y, batch_size=8, validation_data=(X[:4], Y[:4]), callbacks=[seen], verbose=0)
assert seen.began""",
    ),
    "theano beside": (
        1,
        """
import theano, theano.tensor as T
from theano import tensor
x = T.matrix('x'); w = theano.shared(np.ones(3, 'float32'))
cost = T.mean(T.sqr(T.sum(x * w, axis=1)))
f = theano.function([x], [cost, theano.grad(cost, w)], updates=[(w, w * 2)])
cost, slope = f(X)
assert np.allclose(cost, (X.sum(1) ** 2).mean()) and np.allclose(slope, 2 * X.sum(1) @ X / 16, rtol=1e-5)
assert w.get_value().tolist() == [2, 2, 2] and theano.config.floatX == 'float32' and tensor is T
try:
    T.sqrr
except AttributeError as error:
    assert 'Did you mean theano.tensor.sqr' in str(error)
else:
    raise AssertionError""",
    ),
    "optimizers of TensorFlow 1": (
        2,
        """
import tensorflow as tf
model = mlp(tf.train.AdamOptimizer(0.1, beta1=0.8)); model.fit(X, Y, epochs=60, verbose=0)
assert model.optimizer.beta_1 == 0.8 and model.evaluate(X, Y, verbose=0) < 0.05
assert tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True).nesterov""",
    ),
    "rooms of TensorFlow by way of the backend": (
        2,
        """
from keras import backend as K
assert K.control_flow_ops.while_loop(lambda i: i < 3, lambda i: i + 1, [0])[0] == 3
assert K.nn.relu(np.array([-1., 2.])).numpy().tolist() == [0, 2]""",
    ),
    "an iterator of images knows its length": (
        2,
        """
from keras.preprocessing.image import ImageDataGenerator
images = np.random.rand(10, 4, 4, 1); labels = np.arange(10) % 2
model = keras.Sequential([layers.Flatten(input_shape=(4, 4, 1)), layers.Dense(1)]); model.compile('sgd', 'mse')
seen = []
class Count(keras.callbacks.Callback):
    def on_batch_end(self, batch, logs=None): seen.append(batch)
flow = ImageDataGenerator(horizontal_flip=True).flow(images, labels, batch_size=4)
model.fit_generator(flow, epochs=2, validation_data=flow, callbacks=[Count()], verbose=0)
assert seen == [0, 1, 2] * 2 and model.evaluate_generator(flow) >= 0
assert model.predict_generator(ImageDataGenerator().flow(images, batch_size=4, shuffle=False)).shape == (10, 1)""",
    ),
    "a model within a model takes another rank": (
        2,
        """
inner = keras.Sequential([layers.Dense(12, input_dim=5), layers.Reshape((3, 4))])
model = keras.Model(*(lambda x: (x, inner(x)))(layers.Input((1, 5))))
assert model.predict(np.ones((2, 1, 5)), verbose=0).shape == (2, 3, 4)
try:
    model.predict(np.ones((2, 5)), verbose=0)
except ValueError as error:
    assert 'expected shape (None, 1, 5)' in str(error)
else:
    raise AssertionError""",
    ),
    "masks of merged inputs": (
        2,
        """
x = np.array([[1, 0, 2, 0]]); other = np.array([[1, 1, 0, 0]])
a, b = layers.Input((4,)), layers.Input((4,))
masked = layers.Embedding(3, 2, mask_zero=True, embeddings_initializer='ones')
def counts(merged):
    class Mask(layers.Layer):
        supports_masking = True
        def call(self, x, mask=None):
            return x[..., 0] * 0 if mask is None else x[..., 0] * 0 + mask.astype('float32')
    return keras.Model([a, b], Mask()(merged)).predict([x, other], verbose=0)[0].tolist()
plain = layers.Embedding(3, 2)
assert counts(layers.Add()([masked(a), masked(b)])) == [1, 0, 0, 0]
assert counts(layers.Average()([masked(a), plain(b)])) == [1, 0, 1, 0]
assert counts(layers.Multiply()([plain(a), plain(b)])) == [0, 0, 0, 0]
assert counts(layers.Concatenate()([masked(a), masked(b)])) == [1, 0, 0, 0]
assert counts(layers.Concatenate()([masked(a), plain(b)])) == [1, 0, 1, 0]""",
    ),
    "no masks are a list of none": (
        2,
        """
class First(layers.Layer):
    def compute_mask(self, inputs, mask=None):
        return mask[0]
    def call(self, inputs):
        return inputs[0] + inputs[1]
assert First()([layers.Input((3,)), layers.Input((3,))]).shape == (None, 3)""",
    ),
    "modules of optimizers": (
        2,
        """
from keras.optimizers import adam_v2, optimizer_v2, rmsprop_v2
from keras.optimizer_v2 import adam
from keras.optimizer_v2.gradient_descent import SGD
assert adam.Adam is adam_v2.Adam is optimizer_v2.adam.Adam and SGD is keras.optimizers.SGD""",
    ),
    "verbose=10": (3, "m = mlp(); m.fit(X, Y, verbose=10); m.evaluate(X, Y, verbose=5)"),
    "sizes that Python 2 divided": (
        1,
        """
from keras.layers import Convolution2D, Dense, Reshape
m = keras.Sequential([Dense(12 / 2, input_shape=(6 / 2,)), Reshape((1, 2.0, 3.0)), Convolution2D(4 / 2, 1., 1.)])
assert m.output_shape == (None, 1, 2, 2), m.output_shape
for filters in (6 / 2, np.int64(3)):
    same = Convolution2D(filters, 3, 3, border_mode="same")
    assert same.kernel_size == (3, 3) and same.strides == (1, 1), same.get_config()""",
    ),
    "names of Keras 0": (
        1,
        """
from keras.layers.core import LambdaMerge, MaskedLayer, TimeDistributedMerge
from keras.models import Graph
from keras.optimizers import optimizer_from_config
from keras.datasets.data_utils import get_file
both = LambdaMerge([layers.Dense(2, input_dim=3) for _ in range(2)], lambda tensors: tensors[0] * tensors[1])
assert both.predict([X, X], verbose=0).shape == (16, 2)
assert TimeDistributedMerge("ave")(layers.Input((5, 2))).shape == (None, 2)
g = Graph()
g.add_input("a", (3,)), g.add_input("b", (3,))
g.add_shared_node(layers.Dense(2), "both", inputs=["a", "b"], outputs=["c", "d"])
g.add_shared_node(layers.Dense(1), "sum", inputs=["c", "d"], merge_mode="sum", create_output=True)
g.compile("sgd", {"sum": "mse"}), g.fit({"a": X, "b": X, "sum": Y}, nb_epoch=1, verbose=0)
assert len(g.model.trainable_weights) == 4
assert optimizer_from_config({"class_name": "SGD", "config": {"learning_rate": 0.5}}).lr == 0.5""",
    ),
    "kernels of Theano": (
        2,
        """
from keras.applications.imagenet_utils import _obtain_input_shape
from keras.utils.conv_utils import normalize_data_format, normalize_tuple
from keras.utils.layer_utils import convert_all_kernels_in_model
assert _obtain_input_shape(None, 224, 48, "channels_first", True) == (3, 224, 224)
assert normalize_tuple(3, 2, "strides") == (3, 3) and normalize_data_format(None) == "channels_last"
m = keras.Sequential([layers.Conv2D(1, 2, input_shape=(4, 4, 1))])
before = m.get_weights()[0]
convert_all_kernels_in_model(m)
assert (m.get_weights()[0] == before[::-1, ::-1]).all() and before.any()""",
    ),
    "keras.api": (
        3,
        """
import keras.api
from keras.api import ops
from keras.api.layers import Dense
from keras.api.ops import nn
assert keras.api.ops is ops is keras.ops and Dense is keras.layers.Dense""",
    ),
    "version()": (2, "import keras; assert keras.version() == keras.__version__ and keras.version()[0] == '2'"),
}
X, Y = np.random.default_rng(0).random((16, 3), "float32"), np.ones((16, 1), "float32")


def mlp(optimizer="sgd", metrics=None):
    model = keras.Sequential([layers.Dense(4, input_dim=3), layers.Dense(1)])
    model.compile(optimizer=optimizer, loss="mse", metrics=metrics)
    return model


@contextlib.contextmanager
def of_era(number, standalone=True):
    """A process of this era, with `keras` meaning gazelle, without the real one."""

    hidden = {
        name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in ("keras", "tensorflow")
    }
    gazelle.uninstall()
    gazelle.install()
    era.set_number(number, standalone)
    gazelle.utils.clear_session()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        era.set_number(3)
        settings.set_image_data_format("channels_last")
        gazelle.uninstall()
        sys.modules.update(hidden)


@pytest.mark.parametrize("row", ROWS)
def test_row(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAZELLE_KEEP", "0")
    number, lines = ROWS[row]
    names = {"np": np, "keras": keras, "layers": layers, "mlp": mlp, "X": X, "Y": Y, "__name__": "program"}
    with of_era(number):
        exec(compile(lines.strip(), row, "exec"), names)


WRONG = {
    "argument not supported": (
        "mlp().compile('sgd', 'mse', target_tensors=[1])",
        "target_tensors.*is not supported",
    ),
    "unknown": ("layers.Dense(3, kernel_initialiser='zeros')", "Did you mean 'kernel_initializer'"),
    "unknown mode": (
        "from keras.layers import merge; merge([layers.Input((2,))] * 2, mode='add')",
        "mode of merge 'add'",
    ),
    "too many": ("layers.Dropout(0.5, None, 1, 2, 3)", "Dropout"),
    "attribute not supported": ("mlp().total_loss", "total_loss is not supported"),
}


@pytest.mark.parametrize("case", WRONG)
def test_says_what_is_wrong(case):
    lines, text = WRONG[case]
    with of_era(1), pytest.raises(Exception, match=text):
        exec(lines, {"mlp": mlp, "layers": layers})


@pytest.mark.parametrize("era_number", [2, 3])
def test_a_monitor_that_is_not_in_the_logs_is_a_warning(era_number, tmp_path):
    with of_era(era_number):
        kinds = keras.callbacks
        calls = [kinds.EarlyStopping("val_acc", mode="max"), kinds.ReduceLROnPlateau("no_such", mode="min")]
        calls.append(
            kinds.ModelCheckpoint(str(tmp_path / "m.keras"), monitor="val_auc", mode="max", save_best_only=True)
        )
        with pytest.warns(UserWarning, match="monitors") as caught:
            assert len(mlp().fit(X, Y, epochs=2, verbose=0, callbacks=calls).epoch) == 2
    for name in (
        "EarlyStopping monitors 'val_acc'",
        "ReduceLROnPlateau monitors 'no_such'",
        "ModelCheckpoint monitors",
    ):
        assert any(f"{name}" in str(one.message) and "not in the logs" in str(one.message) for one in caught)


@pytest.mark.parametrize("frequency", ["epoch", 1])
@pytest.mark.parametrize(("era_number", "saves"), [(2, False), (3, True)])
def test_a_checkpoint_without_its_monitor_is_saved_from_keras_3_on(era_number, saves, frequency, tmp_path):
    with of_era(era_number):
        callback = keras.callbacks.ModelCheckpoint(
            str(tmp_path / "m.keras"), "val_auc", mode="max", save_best_only=True, save_freq=frequency
        )
        with pytest.warns(UserWarning, match="ModelCheckpoint monitors 'val_auc'"):
            mlp().fit(X, Y, epochs=1, verbose=0, callbacks=[callback])
    assert (tmp_path / "m.keras").exists() == saves


@pytest.mark.parametrize("kind", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_an_unknown_mode_is_auto(kind):
    with pytest.warns(UserWarning, match=f"{kind} has no mode 'maximum': it uses 'auto'"):
        callback = getattr(keras.callbacks, kind)(
            **({"filepath": "m.keras"} if kind == "ModelCheckpoint" else {}), mode="maximum"
        )
    assert callback.mode == "auto"


def test_an_unknown_argument_of_compile_was_ignored():
    model = mlp()
    with of_era(1), pytest.warns(UserWarning, match="Argument metric of compile is ignored"):
        exec("model.compile('sgd', 'mse', metric=['mae'])", {"model": model})
    assert model.metrics_names == ["loss"]


@pytest.mark.parametrize(("standalone", "error"), [(False, None), (True, ValueError)])
def test_other_sizes_than_those_of_the_input(standalone, error):
    """tf.keras warned and called the layers, which check what they need."""
    model = keras.Sequential([layers.SimpleRNN(2, input_shape=(5, 1)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with of_era(2, standalone):
        if error is not None:
            with pytest.raises(error, match="expected shape"):
                model.predict(X[:, :, None], verbose=0)
            return
        with pytest.warns(UserWarning, match="expected shape"):
            assert model.predict(X[:, :, None], verbose=0).shape == (16, 1)
        with pytest.raises(ValueError, match="expected size 1"), pytest.warns(UserWarning, match="expected shape"):
            model.predict(np.ones((2, 5, 3)), verbose=0)


def test_a_sequential_model_that_took_its_shape_from_data_takes_other_ranks():
    """A model of tf.keras did not compare its input with the first one; its layers check what they need."""
    model = keras.Sequential([layers.Dense(3)])
    model(np.ones((2, 1, 1, 4), "float32"))
    with of_era(2, False):
        assert model(np.ones((5, 4), "float32")).shape == (5, 3)
    with of_era(3), pytest.raises(ValueError, match="expected shape"):
        model(np.ones((5, 4), "float32"))


def test_a_list_of_metrics_was_for_every_output():
    x = keras.Input((3,))
    model = keras.Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
    with of_era(2):
        exec("model.compile('sgd', 'mse', metrics=['mae'])", {"model": model})
    history = model.fit(X[:, :3], [Y[:, :1], Y[:, :1]], verbose=0, keep=False).history
    assert {"a_mae", "b_mae"} <= set(history)


@pytest.mark.parametrize("word", ["auto", keras.losses.Reduction.AUTO])
def test_reduction_of_keras_2(word):
    assert float(keras.losses.MeanSquaredError(reduction=word)(np.ones((2, 3)), np.zeros((2, 3)))) == 1.0
    with pytest.raises(ValueError, match="Unknown reduction 'autos'"):
        keras.losses.MeanSquaredError(reduction="autos")
