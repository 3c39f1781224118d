"""Layers that only Keras 1 had, in one stack after the other."""
import numpy as np
from keras.layers.advanced_activations import ELU, ParametricSoftplus, PReLU, SReLU, ThresholdedReLU
from keras.layers.convolutional import AtrousConvolution1D, AtrousConvolution2D, Cropping1D, UpSampling1D, ZeroPadding1D
from keras.layers.core import (Activation, ActivityRegularization, Dense, Flatten, Highway, MaxoutDense, Permute,
                               RepeatVector, Reshape, TimeDistributedDense)
from keras.layers.local import LocallyConnected1D, LocallyConnected2D
from keras.layers.noise import GaussianDropout, GaussianNoise
from keras.layers.normalization import BatchNormalization
from keras.layers.pooling import AveragePooling1D, GlobalAveragePooling2D, MaxPooling1D
from keras.layers.recurrent import GRU, SimpleRNN
from keras.models import Sequential

np.random.seed(2)


def trains(model, x, y, epochs=8):
    model.compile(loss='mse', optimizer='adam')
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, nb_epoch=epochs, batch_size=16, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before, model.layers


x = np.random.rand(64, 10)
y = x[:, :1] - x[:, 1:2]
model = Sequential()
model.add(GaussianNoise(sigma=0.01, input_shape=(10,)))
model.add(MaxoutDense(8, nb_feature=3))
model.add(Highway(activation='tanh'))
model.add(BatchNormalization(epsilon=1e-5, mode=1, momentum=0.9))
model.add(SReLU())
model.add(GaussianDropout(p=0.01))
model.add(Dense(output_dim=6, init='lecun_uniform', bias=False))
model.add(PReLU(init='zero'))
model.add(ActivityRegularization(l2=1e-6))
model.add(ParametricSoftplus(alpha_init=0.2, beta_init=5.0))
model.add(Dense(1))
trains(model, x, y)
assert model.layers[1].W.shape == (3, 10, 8)

s = np.random.rand(64, 12, 3)
y = s.mean(axis=(1, 2), keepdims=False)[:, None]
model = Sequential()
model.add(TimeDistributedDense(6, input_shape=(12, 3)))
model.add(ZeroPadding1D(1))
model.add(AtrousConvolution1D(4, 3, atrous_rate=2, border_mode='same', activation='relu'))
model.add(MaxPooling1D(pool_length=2, stride=2))
model.add(LocallyConnected1D(4, 3, subsample_length=1))
model.add(UpSampling1D(length=2))
model.add(AveragePooling1D(pool_length=2))
model.add(GRU(output_dim=5, init='glorot_uniform', inner_init='orthogonal', return_sequences=True))
model.add(SimpleRNN(4, unroll=False))
model.add(RepeatVector(3))
model.add(Permute((2, 1)))
model.add(Reshape((12,)))
model.add(ELU(alpha=1.0))
model.add(Dense(1))
trains(model, s, y)

i = np.random.rand(64, 8, 8, 2)
y = i.mean(axis=(1, 2, 3))[:, None]
model = Sequential()
model.add(AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2), border_mode='same', input_shape=(8, 8, 2)))
model.add(ThresholdedReLU(theta=0.01))
model.add(LocallyConnected2D(3, 3, 3, border_mode='valid', activation='tanh', subsample=(1, 1)))
model.add(GlobalAveragePooling2D())
model.add(Dense(1))
trains(model, i, y)
