"""Convolutions, pooling and the order of the axes of images: what earlier Keras did differently from Keras 3."""

#: row -> (era, lines), as in `test_breaks`
ROWS = {
    "the size of the input in front, as before Keras 0.3": (
        1,
        """
from keras import backend as K
from keras.layers.normalization import BatchNormalization
from keras.layers.advanced_activations import PReLU
K.set_image_dim_ordering('th')
m = keras.models.Sequential([
    layers.Convolution2D(4, 3, 3, 3, border_mode='full'), layers.Convolution2D(2, 4, 3, 2),
    layers.MaxPooling2D(poolsize=(2, 2)), layers.Reshape(6, 3), layers.Flatten(18), layers.Dense(18, 5), PReLU((5,)),
    BatchNormalization((5,)), layers.Dense(5, 2, activation='softmax')])
assert m.predict(np.ones((1, 3, 6, 6)), verbose=0).shape == (1, 2)
assert [w.shape for w in m.get_weights()][:4:2] == [(4, 3, 3, 3), (2, 4, 3, 2)]
m = keras.models.Sequential([layers.Embedding(9, 6), layers.Convolution1D(6, 5, 3)])
m.add(layers.LSTM(5, 7, truncate_gradient=-1))
assert m.predict(np.ones((2, 9)), verbose=0).shape == (2, 7) and m.get_weights()[1].shape == (3, 1, 6, 5)
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
    "5 image ordering": (
        1,
        """
from keras import backend as K
K.set_image_dim_ordering('th')
assert K.image_dim_ordering() == 'th'
assert layers.Convolution2D(4, 3, 3, input_shape=(3, 8, 8)).data_format == 'channels_first'
assert layers.MaxPooling2D(dim_ordering='tf').data_format == 'channels_last'""",
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
    "10 sides by position": (
        1,
        """
c = layers.Convolution2D(32, 3, 2)
assert c.kernel_size == (3, 2) and c.strides == (1, 1)""",
    ),
    "10 in Keras 2": (2, "c = layers.Conv2D(32, 3, 2); assert c.kernel_size == (3, 2) and c.strides == (1, 1)"),
    "10 by its other words": (3, "c = layers.Conv2D(32, 3, 2, border_mode='same'); assert c.kernel_size == (3, 2)"),
    "38 pooling without words": (
        2,
        """
assert layers.AveragePooling2D().pool_size == (2, 2) and layers.AveragePooling1D().pool_size == (2,)""",
    ),
    "ordering by position": (
        1,
        """
assert layers.ZeroPadding2D((1, 1), 'th').data_format == 'channels_first'
assert layers.GlobalAveragePooling2D('th').data_format == 'channels_first'""",
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
assert (m.get_weights()[0] == before[::-1, ::-1]).all() and before.any()
from keras.utils.layer_utils import convert_dense_weights_data_format
for target, shape in (("channels_first", (2, 3, 4)), ("channels_last", (3, 4, 2))):
    dense = layers.Dense(5); dense.build((None, 24))
    other = np.random.rand(3, 4, 2) if target == "channels_first" else np.random.rand(2, 3, 4)
    order = (2, 0, 1) if target == "channels_first" else (1, 2, 0)
    expected = other.reshape(-1) @ dense.get_weights()[0]
    convert_dense_weights_data_format(dense, shape, target)
    assert np.allclose(other.transpose(order).reshape(-1) @ dense.get_weights()[0], expected)""",
    ),
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
}
