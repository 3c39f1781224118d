"""Losses with inputs of their own, in Lambda layers, of mixtures, and an attack along the gradient of one."""
import numpy as np
import keras
import keras.backend as K
from keras.layers import Input, Dense, Lambda, Conv2D, Layer
from keras.models import Model, Sequential

np.random.seed(0)
X = np.random.rand(32, 6).astype('float32')
y = (X[:, 0] > 0.5).astype('float32')

ip = Input((6,))
w = Input((1,))
o = Dense(1, activation='sigmoid')(ip)


def weighted_loss(w):
    def loss(y_true, y_pred):
        return K.mean(w * K.binary_crossentropy(y_true, y_pred), axis=-1)
    return loss

m = Model([ip, w], o)
m.compile(keras.optimizers.Adam(lr=0.1), loss=weighted_loss(w))
h = m.fit([X, np.ones((32, 1))], y, epochs=10, verbose=0)
assert h.history['loss'][-1] < h.history['loss'][0]
zero = m.evaluate([X, np.zeros((32, 1))], y, verbose=0)
assert zero == 0

classifier = Sequential([Dense(3, activation='softmax', input_dim=6)])
classifier.compile('adam', 'categorical_crossentropy')
target = np.eye(3)[[1] * 32]
loss = keras.losses.categorical_crossentropy(K.constant(target), classifier.output)
delta = K.sign(K.gradients(loss, classifier.input)[0])
sess = K.get_session()
adversarial = X - 0.3 * sess.run(delta, feed_dict={classifier.input: X, K.learning_phase(): 0})
assert classifier.predict(adversarial)[:, 1].mean() > classifier.predict(X)[:, 1].mean() + 0.01

image, truth = Input((4, 4, 5)), Input((4, 4, 5))


def yolo_loss(args, anchors, ignore_thresh=.5):
    p, t = args
    m = K.cast(K.shape(p)[0], K.dtype(p))
    size = K.cast(K.shape(p)[1:3], K.dtype(t))
    grid_y = K.tile(K.reshape(K.arange(0, stop=K.shape(p)[1]), [-1, 1, 1, 1]), [1, K.shape(p)[2], 1, 1])
    grid_x = K.tile(K.reshape(K.arange(0, stop=K.shape(p)[2]), [1, -1, 1, 1]), [K.shape(p)[1], 1, 1, 1])
    grid = K.cast(K.concatenate([grid_x, grid_y]), K.dtype(p))
    xy = (K.sigmoid(p[..., :2]) + grid[..., 0, :]) / K.cast(size[::-1], K.dtype(p))
    wh = K.switch(t[..., 4:5], K.square(p[..., 2:4] - t[..., 2:4]), K.zeros_like(t[..., 2:4]))
    confidence = K.binary_crossentropy(t[..., 4:5], p[..., 4:5], from_logits=True)
    return (K.sum(K.square(xy - t[..., :2])) + K.sum(wh) + K.sum(confidence)) / m

out = Conv2D(5, (1, 1))(image)
detector = Model([image, truth], Lambda(yolo_loss, output_shape=(1,), name='yolo_loss',
                                        arguments={'anchors': [1], 'ignore_thresh': .5})([out, truth]))
detector.compile(keras.optimizers.Adam(lr=0.05), loss={'yolo_loss': lambda y_true, y_pred: y_pred})
boxes = np.random.rand(16, 4, 4, 5)
boxes[..., 4] = boxes[..., 4] > 0.5
h = detector.fit([boxes, boxes], np.zeros(16), batch_size=8, epochs=4, verbose=0)
assert h.history['loss'][-1] < h.history['loss'][0]


class Measured(Layer):
    def call(self, x):
        self.add_metric(K.sum(x), name='activity', aggregation='mean')
        self.add_loss(1e-3 * K.sum(K.abs(x)))
        return x

i = Input((6,))
model = Model(i, Dense(1)(Measured()(i)))
model.compile('adam', 'mse')
assert 'activity' in model.fit(X, y, verbose=0).history
