"""A GAN of 2016: BatchNormalization(mode=2), frozen parts, train_on_batch, Deconvolution2D."""
import numpy as np
from keras.layers import Input, Reshape, Dense, Dropout, Activation, Flatten
from keras.layers.advanced_activations import LeakyReLU
from keras.layers.convolutional import Convolution2D, UpSampling2D, Deconvolution2D
from keras.layers.normalization import BatchNormalization
from keras.models import Model
from keras.optimizers import Adam

np.random.seed(0)


def make_trainable(net, val):
    net.trainable = val
    for l in net.layers:
        l.trainable = val


opt = Adam(lr=1e-3)
dopt = Adam(lr=2e-3)
nch = 8
g_input = Input(shape=[10])
H = Dense(nch * 4 * 4, init='glorot_normal')(g_input)
H = BatchNormalization(mode=2)(H)
H = Activation('relu')(H)
H = Reshape([4, 4, nch])(H)
H = UpSampling2D(size=(2, 2))(H)
H = Convolution2D(nch // 2, 3, 3, border_mode='same', init='glorot_uniform')(H)
H = BatchNormalization(mode=2)(H)
H = Activation('relu')(H)
H = Deconvolution2D(1, 3, 3, output_shape=(None, 16, 16, 1), subsample=(2, 2), border_mode='same')(H)
g_V = Activation('sigmoid')(H)
generator = Model(g_input, g_V)
generator.compile(loss='binary_crossentropy', optimizer=opt)
assert generator.output_shape == (None, 16, 16, 1)

d_input = Input(shape=(16, 16, 1))
H = Convolution2D(8, 5, 5, subsample=(2, 2), border_mode='same')(d_input)
H = LeakyReLU(0.2)(H)
H = Dropout(0.1)(H)
H = Flatten()(H)
H = Dense(8)(H)
H = LeakyReLU(0.2)(H)
d_V = Dense(2, activation='softmax')(H)
discriminator = Model(d_input, d_V)
discriminator.compile(loss='categorical_crossentropy', optimizer=dopt)

make_trainable(discriminator, False)
gan_input = Input(shape=[10])
gan_V = discriminator(generator(gan_input))
GAN = Model(gan_input, gan_V)
GAN.compile(loss='categorical_crossentropy', optimizer=opt)

real = np.zeros((64, 16, 16, 1))
real[:, 4:12, 4:12] = 0.9
losses = {"d": [], "g": []}
frozen = discriminator.get_weights()
for e in range(20):
    noise = np.random.uniform(0, 1, size=[16, 10])
    fake = generator.predict(noise)
    X = np.concatenate((real[:16], fake))
    y = np.zeros([32, 2])
    y[0:16, 1] = 1
    y[16:, 0] = 1
    make_trainable(discriminator, True)
    losses["d"].append(float(discriminator.train_on_batch(X, y)))
    noise_tr = np.random.uniform(0, 1, size=[16, 10])
    y2 = np.zeros([16, 2])
    y2[:, 1] = 1
    make_trainable(discriminator, False)
    before = discriminator.get_weights()
    losses["g"].append(float(GAN.train_on_batch(noise_tr, y2)))
    assert all(np.array_equal(a, b) for a, b in zip(before, discriminator.get_weights()))
assert min(losses["d"]) < losses["d"][0] / 2, losses["d"]
