"""Building autoencoders in Keras (the blog post of 2016)."""
from keras.layers import Input, Dense, Convolution2D, MaxPooling2D, UpSampling2D
from keras.models import Model
from keras import regularizers
from keras.datasets import mnist
from keras.callbacks import TensorBoard
import numpy as np

encoding_dim = 16
input_img = Input(shape=(784,))
encoded = Dense(encoding_dim, activation='relu',
                activity_regularizer=regularizers.activity_l1(10e-7))(input_img)
decoded = Dense(784, activation='sigmoid')(encoded)

autoencoder = Model(input=input_img, output=decoded)
encoder = Model(input=input_img, output=encoded)
encoded_input = Input(shape=(encoding_dim,))
decoder_layer = autoencoder.layers[-1]
decoder = Model(input=encoded_input, output=decoder_layer(encoded_input))
autoencoder.compile(optimizer='adadelta', loss='binary_crossentropy')

(x_train, _), (x_test, _) = mnist.load_data()
x_train = x_train.astype('float32') / 255.
x_test = x_test.astype('float32') / 255.
x_train = x_train.reshape((len(x_train), np.prod(x_train.shape[1:])))
x_test = x_test.reshape((len(x_test), np.prod(x_test.shape[1:])))

history = autoencoder.fit(x_train, x_train,
                          nb_epoch=6,
                          batch_size=50,
                          shuffle=True,
                          validation_data=(x_test, x_test))
assert history.history['val_loss'][-1] < history.history['val_loss'][0]
decoded_imgs = decoder.predict(encoder.predict(x_test))
assert decoded_imgs.shape == x_test.shape

input_img = Input(shape=(28, 28, 1))
x = Convolution2D(4, 3, 3, activation='relu', border_mode='same')(input_img)
x = MaxPooling2D((2, 2), border_mode='same')(x)
encoded = Convolution2D(4, 3, 3, activation='relu', border_mode='same')(x)
x = UpSampling2D((2, 2))(encoded)
decoded = Convolution2D(1, 3, 3, activation='sigmoid', border_mode='same')(x)
autoencoder = Model(input_img, decoded)
autoencoder.compile(optimizer='adam', loss='binary_crossentropy')
x = x_train[:100].reshape(-1, 28, 28, 1)
noisy = np.clip(x + 0.3 * np.random.normal(size=x.shape), 0., 1.)
h = autoencoder.fit(noisy, x, nb_epoch=3, batch_size=25, verbose=0)
assert h.history['loss'][-1] < h.history['loss'][0]
