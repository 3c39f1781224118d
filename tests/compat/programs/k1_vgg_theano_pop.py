"""A small VGG in Theano's order, loaded from its weights, its last layer taken off, another one trained on top."""
from keras.models import Sequential
from keras.layers.core import Flatten, Dense, Dropout
from keras.layers.convolutional import Convolution2D, MaxPooling2D, ZeroPadding2D
from keras.optimizers import SGD
import numpy as np


def VGG_8(weights_path=None):
    model = Sequential()
    model.add(ZeroPadding2D((1, 1), input_shape=(3, 16, 16)))
    model.add(Convolution2D(8, 3, 3, activation='relu'))
    model.add(ZeroPadding2D((1, 1)))
    model.add(Convolution2D(8, 3, 3, activation='relu'))
    model.add(MaxPooling2D((2, 2), strides=(2, 2)))

    model.add(ZeroPadding2D((1, 1)))
    model.add(Convolution2D(12, 3, 3, activation='relu'))
    model.add(MaxPooling2D((2, 2), strides=(2, 2)))

    model.add(Flatten())
    model.add(Dense(24, activation='relu'))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation='softmax'))

    if weights_path:
        model.load_weights(weights_path)

    return model


if __name__ == "__main__":
    np.random.seed(0)
    first = VGG_8()
    first.save_weights('vgg_weights.h5', overwrite=True)
    model = VGG_8('vgg_weights.h5')
    assert model.layers[1].output_shape == (None, 8, 16, 16), model.layers[1].output_shape
    sgd = SGD(lr=0.1, decay=1e-6, momentum=0.9, nesterov=True)
    model.compile(optimizer=sgd, loss='categorical_crossentropy')
    im = np.random.rand(12, 3, 16, 16).astype(np.float32)
    out = model.predict(im)
    assert np.allclose(out, first.predict(im), atol=1e-6) and out.shape == (12, 10)
    print(np.argmax(out, axis=1))

    model.layers.pop()
    model.outputs = [model.layers[-1].output]
    model.layers[-1].outbound_nodes = []
    for layer in model.layers[:5]:
        layer.trainable = False
    model.add(Dense(2, activation='softmax'))
    model.compile(optimizer=SGD(lr=0.05, momentum=0.9), loss='categorical_crossentropy', metrics=['accuracy'])
    y = np.eye(2)[np.arange(12) % 2]
    im[::2, 0] += 1
    history = model.fit(im, y, nb_epoch=25, batch_size=4, verbose=0)
    assert model.output_shape == (None, 2)
    assert history.history['loss'][-1] < history.history['loss'][0] * 0.8, history.history['loss']
