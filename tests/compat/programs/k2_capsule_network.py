"""Capsules with dynamic routing, after XifengGuo and bojone."""
import numpy as np
from keras import backend as K
from keras import activations, initializers, layers, models, optimizers, callbacks
from keras.layers import Layer, InputSpec
from keras.datasets import mnist
from keras.utils import to_categorical


class Length(layers.Layer):
    def call(self, inputs, **kwargs):
        return K.sqrt(K.sum(K.square(inputs), -1) + K.epsilon())

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]

    def get_config(self):
        config = super(Length, self).get_config()
        return config


class Mask(layers.Layer):
    def call(self, inputs, **kwargs):
        if type(inputs) is list:
            assert len(inputs) == 2
            inputs, mask = inputs
        else:
            x = K.sqrt(K.sum(K.square(inputs), -1))
            mask = K.one_hot(indices=K.argmax(x, 1), num_classes=K.int_shape(x)[1])
        masked = K.batch_flatten(inputs * K.expand_dims(mask, -1))
        return masked


def squash(vectors, axis=-1):
    s_squared_norm = K.sum(K.square(vectors), axis, keepdims=True)
    scale = s_squared_norm / (1 + s_squared_norm) / K.sqrt(s_squared_norm + K.epsilon())
    return scale * vectors


class CapsuleLayer(layers.Layer):
    def __init__(self, num_capsule, dim_capsule, routings=3, kernel_initializer='glorot_uniform', **kwargs):
        super(CapsuleLayer, self).__init__(**kwargs)
        self.num_capsule = num_capsule
        self.dim_capsule = dim_capsule
        self.routings = routings
        self.kernel_initializer = initializers.get(kernel_initializer)

    def build(self, input_shape):
        assert len(input_shape) >= 3
        self.input_num_capsule = input_shape[1]
        self.input_dim_capsule = input_shape[2]
        self.W = self.add_weight(shape=[self.num_capsule, self.input_num_capsule,
                                        self.dim_capsule, self.input_dim_capsule],
                                 initializer=self.kernel_initializer,
                                 name='W')
        self.built = True

    def call(self, inputs, training=None):
        inputs_expand = K.expand_dims(inputs, 1)
        inputs_tiled = K.tile(inputs_expand, [1, self.num_capsule, 1, 1])
        inputs_hat = K.map_fn(lambda x: K.batch_dot(x, self.W, [2, 3]), elems=inputs_tiled)
        b = K.zeros(shape=[K.shape(inputs_hat)[0], self.num_capsule, self.input_num_capsule])
        assert self.routings > 0, 'The routings should be > 0.'
        for i in range(self.routings):
            c = K.softmax(b, axis=1)
            outputs = squash(K.batch_dot(c, inputs_hat, [2, 2]))
            if i < self.routings - 1:
                b += K.batch_dot(outputs, inputs_hat, [2, 3])
        return outputs

    def compute_output_shape(self, input_shape):
        return tuple([None, self.num_capsule, self.dim_capsule])


def margin_loss(y_true, y_pred):
    L = y_true * K.square(K.maximum(0., 0.9 - y_pred)) + \
        0.5 * (1 - y_true) * K.square(K.maximum(0., y_pred - 0.1))
    return K.mean(K.sum(L, 1))

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train[:200, ::2, ::2].reshape(-1, 14, 14, 1).astype('float32') / 255.
y_train = to_categorical(y_train[:200].astype('float32'))

x = layers.Input(shape=(14, 14, 1))
conv1 = layers.Conv2D(filters=8, kernel_size=5, strides=1, padding='valid', activation='relu', name='conv1')(x)
primary = layers.Conv2D(filters=16, kernel_size=5, strides=2, padding='valid', name='primarycap_conv2d')(conv1)
primary = layers.Reshape(target_shape=[-1, 4], name='primarycap_reshape')(primary)
primary = layers.Lambda(squash, name='primarycap_squash')(primary)
digitcaps = CapsuleLayer(num_capsule=10, dim_capsule=4, routings=2, name='digitcaps')(primary)
out_caps = Length(name='capsnet')(digitcaps)
y = layers.Input(shape=(10,))
masked_by_y = Mask()([digitcaps, y])
masked = Mask()(digitcaps)
decoder = models.Sequential(name='decoder')
decoder.add(layers.Dense(16, activation='relu', input_dim=4 * 10))
decoder.add(layers.Dense(14 * 14, activation='sigmoid'))
decoder.add(layers.Reshape(target_shape=(14, 14, 1), name='out_recon'))
train_model = models.Model([x, y], [out_caps, decoder(masked_by_y)])
eval_model = models.Model(x, [out_caps, decoder(masked)])
train_model.summary()
lr_decay = callbacks.LearningRateScheduler(schedule=lambda epoch: 0.02 * (0.95 ** epoch))
train_model.compile(optimizer=optimizers.Adam(lr=0.01), loss=[margin_loss, 'mse'], loss_weights=[1., 0.392],
                    metrics={'capsnet': 'accuracy'})
h = train_model.fit([x_train, y_train], [y_train, x_train], batch_size=20, epochs=8, verbose=0, callbacks=[lr_decay])
print(h.history)
key = 'capsnet_acc' if 'capsnet_acc' in h.history else 'capsnet_accuracy'
assert key in h.history and h.history["loss"][-1] < 0.75 * h.history["loss"][0]
assert eval_model.predict(x_train[:3])[1].shape == (3, 14, 14, 1)
