"""Optimizers and their learning rates: what programs for earlier Keras do differently from Keras 3."""

#: row -> (era, lines), as in `test_breaks`
ROWS = {
    "3 lr": (
        2,
        "from keras.optimizers import SGD, Adam, RMSprop\n"
        "for kind in (SGD, Adam, RMSprop): assert abs(float(kind(lr=0.5).learning_rate) - 0.5) < 1e-7",
    ),
    "15 decay": (
        2,
        """
from keras.optimizers import SGD
model = keras.Sequential([layers.Dense(1, input_dim=3)]); model.compile(SGD(lr=0.1, decay=1.0), 'mse')
deltas = []
for _ in range(3):
    before = model.get_weights()[-1]; model.train_on_batch(0 * X, Y * 0 + 1); after = model.get_weights()[-1]
    deltas.append(float(np.abs(after - before)[0] / (2 * np.abs(1 - before)[0])))
assert np.allclose(deltas, [0.1, 0.05, 0.1 / 3], atol=1e-4), deltas""",
    ),
    "the rate of an optimizer": (
        2,
        """
from keras import backend as K
model = mlp('sgd'); K.set_value(model.optimizer.lr, 0.25); assert K.get_value(model.optimizer.lr) == 0.25
model.optimizer.lr = 0.5; assert float(model.optimizer.learning_rate) == 0.5""",
    ),
    "an optimizer's own get_updates": (
        2,
        """
import keras
from keras import backend as K
from keras.optimizers import Optimizer, SGD
from keras.legacy import interfaces
class Momentum(Optimizer):
    def __init__(self, lr=0.01, momentum=0.9, **kwargs):
        super(Momentum, self).__init__(**kwargs)
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype='int64', name='iterations')
            self.lr = K.variable(lr, name='lr')
            self.momentum = K.variable(momentum, name='momentum')
    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        moments = [K.zeros(K.int_shape(p)) for p in params]
        self.weights = [self.iterations] + moments
        for p, g, m in zip(params, grads, moments):
            v = self.momentum * m - self.lr * g
            self.updates += [K.update(m, v), K.update(p, p + v)]
        return self.updates
    def get_config(self):
        config = {'lr': float(K.get_value(self.lr)), 'momentum': float(K.get_value(self.momentum))}
        return dict(list(super(Momentum, self).get_config().items()) + list(config.items()))
mine, theirs = mlp(Momentum(lr=0.1)), mlp(SGD(lr=0.1, momentum=0.9))
theirs.set_weights(mine.get_weights())
for model in (mine, theirs):
    model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0)
for a, b in zip(mine.get_weights(), theirs.get_weights()):
    assert np.allclose(a, b, atol=1e-6)
count, *moments = mine.optimizer.get_weights()
assert count == 6 and [m.shape for m in moments] == [(3, 4), (4,), (4, 1), (1,)] and moments[0].any()
K.set_value(mine.optimizer.lr, 0.0)
K.set_value(mine.optimizer.momentum, 0.0)
before = mine.get_weights()[0]; mine.fit(X, Y, verbose=0)
assert np.array_equal(before, mine.get_weights()[0])
mine.save('mine.h5')
again = keras.models.load_model('mine.h5', custom_objects={'Momentum': Momentum})
assert type(again.optimizer).__name__ == 'Momentum' and K.get_value(again.optimizer.lr) == 0""",
    ),
    "optimizers of TensorFlow 1": (
        2,
        """
import tensorflow as tf
model = mlp(tf.train.AdamOptimizer(0.1, beta1=0.8)); model.fit(X, Y, epochs=60, verbose=0)
assert model.optimizer.beta_1 == 0.8 and model.evaluate(X, Y, verbose=0) < 0.05
assert tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True).nesterov""",
    ),
    "lists of weights that programs assign": (
        1,
        """
from keras import backend as K
from keras.layers import Convolution2D
from keras.optimizers import Optimizer
class Sum(Optimizer):
    def get_updates(self, params, constraints, loss):
        sums = [K.zeros(K.get_variable_shape(p)) for p in params]
        self.weights = sums
        self.updates = []
        for p, g, s in zip(params, self.get_gradients(loss, params), sums):
            self.updates += [K.update(s, s + g), K.update(p, p - 0.1 * (s + g))]
        return self.updates
m = mlp(Sum())
before = m.get_weights()[0]
m.fit(X, Y, nb_epoch=1, verbose=0, class_weight="auto")
assert not np.allclose(before, m.get_weights()[0])
class Counted(Convolution2D):
    def build(self, shape):
        super(Counted, self).build(shape)
        self.count = K.ones((1, 1))
        self.non_trainable_weights = [self.count]
counted = Counted(3, 3, 3, input_shape=(8, 8, 2))
keras.Sequential([counted])
assert [w.shape for w in counted.get_weights()] == [(3, 3, 2, 3), (3,), (1, 1)]
assert len(counted.trainable_weights) == 2
assert counted.dim_ordering == "tf" and Convolution2D(3, 3, 3, dim_ordering="th").dim_ordering in ("th",)""",
    ),
    "an optimizer around another one, whose gradients it replaces": (  # the values are those of Keras 2.3.1
        2,
        """
from keras import backend as K, optimizers
class Normalized(optimizers.Optimizer):
    def __init__(self, optimizer):  # the base constructor is not called
        self.optimizer = optimizers.get(optimizer)
        self.gradients_of = self.optimizer.get_gradients
    def get_gradients(self, loss, params):
        return [g / (K.sqrt(K.sum(K.square(g))) + K.epsilon()) for g in self.gradients_of(loss, params)]
    def get_updates(self, loss, params):
        self.optimizer.get_gradients = self.get_gradients
        self.optimizer.get_updates(loss, params)
        self.optimizer.get_gradients = self.gradients_of
        return self.updates
    @property
    def updates(self):
        return self.optimizer.updates
m = keras.Sequential([layers.Dense(3, input_shape=(4,))])
m.set_weights([np.ones((4, 3), "float32") / 4, np.zeros(3, "float32")])
m.compile(Normalized("sgd"), "mse")
x = np.random.RandomState(0).randn(8, 4).astype("float32")
m.fit(x, x[:, :3], batch_size=8, epochs=2, verbose=0)
kernel, bias = m.get_weights()
assert np.allclose(kernel[0], [0.2653, 0.2403, 0.2462], atol=6e-5), kernel
assert np.allclose(bias, [0.0152, -0.0129, 0.0019], atol=6e-5), bias""",
    ),
}
