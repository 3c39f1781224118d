"""A residual network in the words of raghakot's keras-resnet: merge sum, BatchNormalization(axis=1), th ordering."""
from __future__ import division
import numpy as np
from keras import backend as K
from keras.layers import Activation, AveragePooling2D, Convolution2D, Dense, Flatten, Input, MaxPooling2D, merge
from keras.layers.normalization import BatchNormalization
from keras.models import Model
from keras.regularizers import l2

K.set_image_dim_ordering('th')
ROW_AXIS, COL_AXIS, CHANNEL_AXIS = 2, 3, 1


def _bn_relu(input):
    norm = BatchNormalization(mode=0, axis=CHANNEL_AXIS)(input)
    return Activation("relu")(norm)


def _bn_relu_conv(nb_filter, nb_row, nb_col, subsample=(1, 1)):
    def f(input):
        activation = _bn_relu(input)
        return Convolution2D(nb_filter=nb_filter, nb_row=nb_row, nb_col=nb_col, subsample=subsample,
                             init="he_normal", border_mode="same", W_regularizer=l2(1e-4))(activation)
    return f


def _shortcut(input, residual):
    stride_width = int(round(K.int_shape(input)[ROW_AXIS] / K.int_shape(residual)[ROW_AXIS]))
    equal_channels = K.int_shape(residual)[CHANNEL_AXIS] == K.int_shape(input)[CHANNEL_AXIS]
    shortcut = input
    if stride_width > 1 or not equal_channels:
        shortcut = Convolution2D(nb_filter=residual._keras_shape[1], nb_row=1, nb_col=1,
                                 subsample=(stride_width, stride_width), init="he_normal", border_mode="valid")(input)
    return merge([shortcut, residual], mode="sum")


def basic_block(nb_filters, init_subsample=(1, 1)):
    def f(input):
        conv1 = _bn_relu_conv(nb_filters, 3, 3, subsample=init_subsample)(input)
        residual = _bn_relu_conv(nb_filters, 3, 3)(conv1)
        return _shortcut(input, residual)
    return f


np.random.seed(0)
input = Input(shape=(3, 16, 16))
conv1 = Convolution2D(nb_filter=8, nb_row=3, nb_col=3, subsample=(2, 2), init="he_normal", border_mode="same")(input)
block = basic_block(8)(conv1)
block = basic_block(12, init_subsample=(2, 2))(block)
block = _bn_relu(block)
pool2 = AveragePooling2D(pool_size=(block._keras_shape[ROW_AXIS], block._keras_shape[COL_AXIS]), strides=(1, 1))(block)
flatten1 = Flatten()(pool2)
dense = Dense(output_dim=3, init="he_normal", activation="softmax")(flatten1)
model = Model(input=input, output=dense)
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
model.summary()
y = np.arange(48) % 3
x = np.random.rand(48, 3, 16, 16)
x[np.arange(48), y] += 1
history = model.fit(x, np.eye(3)[y], nb_epoch=10, batch_size=8, verbose=0)
assert history.history['acc'][-1] > 0.9, history.history['acc']
model.save('resnet.h5')
