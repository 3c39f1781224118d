"""Center loss on MNIST: a layer whose centers move by add_update."""
import os
import numpy as np
from keras.datasets import mnist
from keras.layers import Conv2D, Dense, Flatten, Input, Lambda, MaxPooling2D, Embedding, PReLU
from keras.engine.topology import Layer
from keras import backend as K, initializers, losses, optimizers, utils
from keras.models import Model

lambda_centerloss = 0.1


class CenterLossLayer(Layer):

    def __init__(self, alpha=0.5, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha

    def build(self, input_shape):
        self.centers = self.add_weight(name='centers',
                                       shape=(10, 2),
                                       initializer='uniform',
                                       trainable=False)
        super().build(input_shape)

    def call(self, x, mask=None):
        delta_centers = K.dot(K.transpose(x[1]), (K.dot(x[1], self.centers) - x[0]))
        center_counts = K.sum(K.transpose(x[1]), axis=1, keepdims=True) + 1
        delta_centers /= center_counts
        new_centers = self.centers - self.alpha * delta_centers
        self.add_update((self.centers, new_centers), x)
        self.result = x[0] - K.dot(x[1], self.centers)
        self.result = K.sum(self.result ** 2, axis=1, keepdims=True)
        return self.result

    def compute_output_shape(self, input_shape):
        return K.int_shape(self.result)


def zero_loss(y_true, y_pred):
    return 0.5 * K.sum(y_pred, axis=0)


def my_model(x, labels):
    x = Conv2D(8, (5, 5), strides=2, padding='same', activation='relu')(x)
    x = MaxPooling2D()(x)
    x = Flatten()(x)
    x = Dense(2, name='side_out')(x)
    x = PReLU()(x)
    main = Dense(10, activation='softmax', name='main_out')(x)
    side = CenterLossLayer(alpha=0.5, name='centerlosslayer')([x, labels])
    return main, side

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape(-1, 28, 28, 1) / 255.
y_train_onehot = utils.to_categorical(y_train, 10)

main_input = Input((28, 28, 1))
aux_input = Input((10,))
final_output, side_output = my_model(main_input, aux_input)
model = Model(inputs=[main_input, aux_input], outputs=[final_output, side_output])
model.summary()
optim = optimizers.Adam(lr=1e-2, decay=1e-3)
model.compile(optimizer=optim,
              loss=[losses.categorical_crossentropy, zero_loss],
              loss_weights=[1, lambda_centerloss])
before = model.get_layer('centerlosslayer').get_weights()[0]
dummy1 = np.zeros((x_train.shape[0], 1))
h = model.fit([x_train, y_train_onehot], [y_train_onehot, dummy1], batch_size=50, epochs=4, verbose=2)
after = model.get_layer('centerlosslayer').get_weights()[0]
assert np.abs(after - before).max() > 0.05
assert h.history['main_out_loss'][-1] < h.history['main_out_loss'][0]
reduced_model = Model(inputs=model.input[0], outputs=model.get_layer('side_out').output)
assert reduced_model.predict(x_train[:5]).shape == (5, 2)
