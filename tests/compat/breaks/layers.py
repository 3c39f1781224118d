"""Arguments, attributes and subclasses of layers: what programs for earlier Keras do differently from Keras 3."""

#: row -> (era, lines), as in `test_breaks`
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
    "6 words of Dense": (
        1,
        """
from keras.regularizers import l2
d = layers.Dense(output_dim=3, init='he_normal', W_regularizer=l2(0.1), b_regularizer='l2', bias=True, input_dim=4)
assert d.units == 3 and type(d.kernel_initializer).__name__ == 'HeNormal' and d.kernel_regularizer.l2 == 0.1
assert d.use_bias and d.batch_shape == (None, 4) and d.output_dim == 3""",
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
    "30 shapes of layers": (
        2,
        """
l = mlp().layers[0]
assert l.output_shape == (None, 4) and l.input_shape == (None, 3)""",
    ),
    "32 weights": (
        1,
        """
W, b = np.ones((3, 2), 'float32'), np.zeros(2, 'float32')
assert layers.Dense(2, weights=[W, b])(np.ones((1, 3), 'float32')).tolist() == [[3, 3]]""",
    ),
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
    "names of layers": (2, "assert [l.name for l in mlp().layers] == ['dense_1', 'dense_2']"),
    "hard_sigmoid by position": (
        2,
        """
from keras import activations
for given in ('hard_sigmoid', activations.hard_sigmoid):
    assert np.allclose(layers.Activation(given)(np.ones((1, 1), 'float32')), 0.7)
    assert np.allclose(layers.Dense(1, given, weights=[[[1.]], [0.]])(np.ones((1, 1), 'float32')), 0.7)""",
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
    "29 reset_states": (
        2,
        """
model = keras.Sequential([layers.LSTM(2, batch_input_shape=(2, 1, 3), stateful=True)])
x = np.ones((2, 1, 3)); a = model.predict(x, batch_size=2); b = model.predict(x, batch_size=2); model.reset_states()
assert np.allclose(a, model.predict(x, batch_size=2)) and not np.allclose(a, b)""",
    ),
    "AutoEncoder of Keras 0": (
        1,
        """
from keras.layers import containers
from keras.layers.core import AutoEncoder, Dense
for encoder, decoder in (
    (containers.Sequential([Dense(4, input_dim=3), Dense(2)]), containers.Sequential([Dense(3, input_dim=2)])),
    (Dense(2, input_dim=3), Dense(3)),
):
    m = keras.Sequential([AutoEncoder(encoder=encoder, decoder=decoder, output_reconstruction=True)])
    m.compile(loss="mse", optimizer="sgd"), m.fit(X, X, nb_epoch=1, verbose=0)
    assert len(m.get_weights()) == len(encoder.get_weights()) + 2
    m.layers[0].output_reconstruction = False
    m.compile(loss="mse", optimizer="sgd")
    np.testing.assert_allclose(m.predict(X), m.layers[0].encoder(X), atol=1e-6)
    m.layers[0].output_reconstruction = True
    m.compile(loss="mse", optimizer="sgd")
    assert m.predict(X).shape == X.shape
assert AutoEncoder(Dense(2, input_dim=3), Dense(3), output_reconstruction=False)(X).shape == (len(X), 2)""",
    ),
    "a model that starts with an Embedding is built at once": (
        2,
        """
from keras.layers import Embedding, LSTM
for options, steps in ({}, None), ({"input_length": 5}, 5), ({"batch_input_shape": (2, 4)}, 4):
    m = keras.Sequential([Embedding(9, 3, **options), LSTM(2)])
    assert m.input_shape[1] == steps and m.output_shape[1] == 2 and len(m.get_weights()) == 4
    assert m.predict(np.ones((2, steps or 7), int)).shape == (2, 2)
i = layers.Input((2, 3))
assert tuple(Embedding(9, 4)(i).shape) == (None, 2, 3, 4)""",
    ),
    "names of Keras 1 in subclasses of layers": (
        1,
        """
from keras import backend as K
from keras.layers import Convolution2D, Dense, LSTM
class Same(Dense):
    def call(self, x, mask=None):
        y = K.dot(x, self.W)
        return self.activation(y + self.b if self.bias else y)
    def get_output_shape_for(self, shape):
        return (shape[0], self.output_dim)
for bias in True, False:
    m = keras.Sequential([Same(2, bias=bias, activation="tanh", input_dim=3)])
    want = np.tanh(X @ m.get_weights()[0])
    np.testing.assert_allclose(m.predict(X), want, atol=1e-6)
conv, lstm = type("C", (Convolution2D,), {})(2, 3, 5, border_mode="same"), type("L", (LSTM,), {})(2, dropout_U=0.5)
assert (conv.nb_filter, conv.nb_row, conv.nb_col, conv.border_mode) == (2, 3, 5, "same")
assert (lstm.output_dim, lstm.dropout_U) == (2, 0.5)
assert not hasattr(type("Own", (layers.Layer,), {})(), "W")""",
    ),
    "step of recurrent layers": (
        1,
        """
from keras import backend as K
from keras.layers import GRU, LSTM, SimpleRNN
x = np.random.default_rng(0).random((4, 6, 3), "float32")
for kind, options in (LSTM, {}), (GRU, {"return_sequences": True}), (SimpleRNN, {"go_backwards": True}):
    class Same(kind):
        def step(self, x, states):
            return super(Same, self).step(x, states)
    plain = keras.Sequential([kind(2, input_shape=(6, 3), **options)])
    for mode in "cpu", "gpu", "mem":
        dropped = Same(2, input_shape=(6, 3), consume_less=mode, dropout_U=0.5, dropout_W=0.5, **options)
        same = keras.Sequential([dropped])
        same.set_weights(plain.get_weights())
        assert dropped.consume_less == mode
        np.testing.assert_allclose(same.predict(x), plain.predict(x), atol=1e-6)
        assert not np.allclose(dropped(x, training=True), dropped(x))
class Gates(GRU):
    def step(self, x, states):
        h, B_U, n = states[0], states[1], self.output_dim
        if self.consume_less == "cpu":
            x_z, x_r, x_h = x[:, :n], x[:, n:2 * n], x[:, 2 * n:]
        else:
            x_z, x_r = K.dot(x, self.W_z) + self.b_z, K.dot(x, self.W_r) + self.b_r
            x_h = K.dot(x, self.W_h) + self.b_h
        z = self.inner_activation(x_z + K.dot(h * B_U[0], self.U_z))
        r = self.inner_activation(x_r + K.dot(h * B_U[1], self.U_r))
        h = z * h + (1 - z) * self.activation(x_h + K.dot(r * h * B_U[2], self.U_h))
        return h, [h]
plain = keras.Sequential([GRU(2, input_shape=(6, 3))])
for mode in "cpu", "mem":
    own = keras.Sequential([Gates(2, input_shape=(6, 3), consume_less=mode)])
    own.set_weights(plain.get_weights())
    np.testing.assert_allclose(own.predict(x), plain.predict(x), atol=1e-6)""",
    ),
    "a recurrent layer with a tensor of the graph in its constants": (
        1,
        """
from keras import backend as K
from keras.layers import LSTM
class Attention(LSTM):
    def __init__(self, output_dim, vector, **kwargs):
        self.vector = vector
        super(Attention, self).__init__(output_dim, **kwargs)
    def build(self, input_shape):
        super(Attention, self).build(input_shape)
        self.U_m = self.inner_init((5, self.output_dim), name="U_m")
        self.trainable_weights += [self.U_m]
        assert self.initial_weights is None and self.init.__name__ == "glorot_uniform"
    def step(self, x, states):
        h, [h, c] = super(Attention, self).step(x, states)
        return h * states[4], [h * states[4], c]
    def get_constants(self, x):
        return super(Attention, self).get_constants(x) + [K.sigmoid(K.dot(self.vector, self.U_m))]
sequence, vector = layers.Input((6, 3)), layers.Input((5,))
out = Attention(4, vector, dropout_W=0.2, return_sequences=True)(sequence)
m = keras.Model(input=[sequence, vector], output=layers.Dense(1)(LSTM(2)(out)))
m.compile("adam", "mse")
data = [np.ones((8, 6, 3)), np.ones((8, 5))]
before = m.layers[2].U_m.numpy()
m.fit(data, np.ones((8, 1)), nb_epoch=1, verbose=0)
assert not np.allclose(before, m.layers[2].U_m.numpy())
assert not np.allclose(m.predict(data), m.predict([data[0], -data[1]]))""",
    ),
    "get_config of a subclass leaves out arguments": (
        2,
        """
from keras.utils.generic_utils import get_custom_objects
def start(shape, dtype=None):
    return np.ones(shape)
class Own(layers.Dense):
    def __init__(self, units, start=start, other=None, **kwargs):
        super(Own, self).__init__(units, **kwargs)
    def get_config(self):
        return dict(list(super(Own, self).get_config().items()) + [("units", self.units)])
get_custom_objects()["Own"] = Own
m = keras.Sequential([Own(2, other=lambda: 1, activation="tanh", input_shape=(3,))])
assert {"start", "other"}.isdisjoint(m.layers[0].get_config())
m.save("own.h5")
np.testing.assert_allclose(keras.models.load_model("own.h5").predict(X), m.predict(X), atol=1e-6)
del get_custom_objects()["Own"]""",
    ),
    "compute_output_shape in call": (
        2,
        """
class Rows(layers.Conv2D):
    def call(self, x):
        return super(Rows, self).call(x) * 0 + self.compute_output_shape(x.shape)[1]
class Columns(layers.Layer):
    def call(self, x):
        return x * self.compute_output_shape(x.shape)[1]
rows = Rows(2, 3)
i = layers.Input((8, 8, 1))
assert (keras.Model(i, rows(i)).predict(np.ones((1, 8, 8, 1))) == 6).all()
assert rows.compute_output_shape((None, 8, 8, 1)) == (None, 6, 6, 2)
np.testing.assert_allclose(Columns()(X), X * 3)""",
    ),
}
