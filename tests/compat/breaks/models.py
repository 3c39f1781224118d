"""Models: their graphs, training, callbacks and files: what programs for earlier Keras do differently from Keras 3."""

#: row -> (era, lines), as in `test_breaks`
ROWS = {
    "fractions of steps": (
        2,
        """
pairs = lambda: iter([(X[:4], Y[:4])] * 100)
m = mlp()
assert m.fit_generator(pairs(), steps_per_epoch=8 / 3, epochs=2., verbose=0).params["steps"] == 3
m.fit_generator(pairs(), 8 / 3, validation_data=pairs(), validation_steps=np.ceil(1.5), verbose=0)
assert m.predict_generator(pairs(), steps=8 / 3).shape == (12, 1)
m.evaluate(pairs(), steps=np.float64(2.))""",
    ),
    "1 nb_epoch": (1, "h = mlp().fit(X, Y, nb_epoch=2, verbose=0); assert len(h.epoch) == 2"),
    "14 Model(input=, output=)": (
        1,
        """
x = layers.Input((3,)); model = keras.Model(input=x, output=layers.Dense(2)(x))
assert model.output_shape == (None, 2)""",
    ),
    "15 results of single batches": (
        2,
        """
model = keras.Sequential([layers.Dense(1, input_dim=3)]); model.compile('sgd', 'mse', metrics=['mae'])
for scale in (1, 5):
    wanted = float(np.mean(np.abs(model.predict(scale * X) - Y)))
    assert abs(model.train_on_batch(scale * X, Y)[1] - wanted) < 1e-4
first, y = model.test_on_batch(X, Y), Y + 1
(loss, mae), alone = model.test_on_batch(X, y, reset_metrics=False), model.test_on_batch(X, y)
assert abs(loss - alone[0]) < 1e-4 and abs(mae - (first[1] + alone[1]) / 2) < 1e-4""",
    ),
    "16 weights under any name": (
        2,
        """
model = mlp()
for name in ('w.h5', 'w.hdf5', 'w'):
    model.save_weights(name); model.load_weights(name)""",
    ),
    "18 generators": (
        2,
        """
def batches():
    while True:
        yield X[:4], Y[:4]
model = mlp()
assert len(model.fit_generator(batches(), steps_per_epoch=2, epochs=2, verbose=0).epoch) == 2
assert model.evaluate_generator(batches(), steps=2) >= 0
assert model.predict_generator(batches(), steps=2).shape == (8, 1)""",
    ),
    "19 generators of several inputs": (
        2,
        """
import keras
from keras.layers import Input
from keras.layers.merge import concatenate
a, b = Input((2,)), Input((3,))
model = keras.models.Model([a, b], keras.layers.Dense(1)(concatenate([a, b])))
class Inputs(keras.utils.Sequence):
    def __len__(self): return 2
    def __getitem__(self, index): return [np.ones((4, 2)), np.ones((4, 3))]
inputs = Inputs()
assert model.predict_generator(inputs).shape == (8, 1)
assert model.predict_generator(iter([inputs[0], inputs[1]]), steps=2).shape == (8, 1)
assert model.predict_generator(iter([(inputs[0], np.ones(4))]), steps=1).shape == (4, 1)""",
    ),
    "20 history": (
        2,
        "h = mlp(metrics=['accuracy', 'mae']).fit(X, Y, validation_split=0.25, verbose=0).history\n"
        "assert len(h['acc']) == len(h['val_acc']) == len(h['val_mean_absolute_error']) == 1",
    ),
    "24 counts of samples": (
        1,
        """
def batches():
    while True:
        yield X[:4], Y[:4]
model = mlp()
h = model.fit_generator(batches(), samples_per_epoch=10, nb_epoch=2, validation_data=batches(), nb_val_samples=8,
                        nb_worker=2, max_q_size=3, pickle_safe=True, verbose=0)
assert len(h.history['val_loss']) == 2
assert model.predict_generator(batches(), val_samples=8).shape == (8, 1)""",
    ),
    "25 ImageDataGenerator": (
        1,
        """
from keras.preprocessing.image import ImageDataGenerator
ImageDataGenerator(rescale=1. / 255)""",
    ),
    "28 predict_classes": (
        2,
        """
m = mlp()
assert m.predict_classes(X).shape == (16, 1) and m.predict_proba(X).shape == (16, 1)""",
    ),
    "31 checkpoints": (
        2,
        """
from keras.callbacks import ModelCheckpoint; import os
mlp().fit(X, Y, verbose=0, callbacks=[
    ModelCheckpoint('a.hdf5'), ModelCheckpoint('b.h5', save_weights_only=True, period=1)])
assert os.path.exists('a.hdf5') and os.path.exists('b.h5')""",
    ),
    "33 add_loss": (
        2,
        """
x = layers.Input((3,)); model = keras.Model(x, layers.Dense(1)(x))
from keras import backend as K
model.add_loss(K.mean(K.square(model.output))); model.compile('sgd'); model.fit(X, verbose=0)""",
    ),
    "36 queues": (2, "mlp().fit(X, Y, workers=2, use_multiprocessing=True, max_queue_size=4, verbose=0)"),
    "lists": (2, "assert mlp().predict([[1., 2., 3.]]).shape == (1, 1)"),
    "input of a Sequential after fit": (
        2,
        """
model = keras.Sequential([layers.Dense(1)]); model.compile('sgd', 'mse'); model.fit(X, Y, verbose=0)
assert model.input.shape == (None, 3)""",
    ),
    "a folder": (
        2,
        """
m = mlp()
m.save('folder')
n = keras.models.load_model('folder')
assert np.allclose(m.predict(X), n.predict(X))""",
    ),
    "words of compile and TensorBoard": (
        2,
        """
model = mlp(); model.compile('sgd', 'mse', ['mae'], None, 'temporal'); model.fit(X, Y, verbose=0)
from keras.callbacks import TensorBoard; TensorBoard(log_dir='logs', write_grads=True, batch_size=4)""",
    ),
    "pop": (
        2,
        """
x = layers.Input((3,)); h = layers.Dense(4)(x); model = keras.Model(x, layers.Dense(2)(h))
model.layers.pop(); model.outputs = [model.layers[-1].output]; assert model.predict(X).shape == (16, 4)""",
    ),
    "patience before 1.1": (
        1,
        """
from keras.callbacks import EarlyStopping
assert EarlyStopping('val_loss', 2, 1, 'min').patience == EarlyStopping('val_loss', 0.0, 2).patience == 3""",
    ),
    "tensors in the logs": (
        2,
        """
from keras import backend as K
x = layers.Input((3,)); out = layers.Dense(1)(x); size = K.mean(K.square(out))
model = keras.Model(x, out); model.compile('sgd', 'mse')
model.metrics_names.append('size'); model.metrics_tensors.append(size)
history = model.fit(X, Y, epochs=1, batch_size=16, verbose=0).history
assert history.keys() == {'loss', 'size'} and history['size'][0] > 0""",
    ),
    "what callbacks were given": (
        2,
        """
from keras.callbacks import Callback
class Seen(Callback):
    def on_train_begin(self, logs=None):
        x, y, weight = self.validation_data[:3]
        assert x.shape == (4, 3) and y.shape == (4, 1) and weight.tolist() == [1] * 4
        assert self.params['samples'] == 16 and self.params['batch_size'] == 8 and self.params['do_validation']
        self.began = True
seen = Seen(); mlp().fit(X, Y, batch_size=8, validation_data=(X[:4], Y[:4]), callbacks=[seen], verbose=0)
assert seen.began""",
    ),
    "an iterator of images knows its length": (
        2,
        """
from keras.preprocessing.image import ImageDataGenerator
images = np.random.rand(10, 4, 4, 1); labels = np.arange(10) % 2
model = keras.Sequential([layers.Flatten(input_shape=(4, 4, 1)), layers.Dense(1)]); model.compile('sgd', 'mse')
seen = []
class Count(keras.callbacks.Callback):
    def on_batch_end(self, batch, logs=None): seen.append(batch)
flow = ImageDataGenerator(horizontal_flip=True).flow(images, labels, batch_size=4)
model.fit_generator(flow, epochs=2, validation_data=flow, callbacks=[Count()], verbose=0)
assert seen == [0, 1, 2] * 2 and model.evaluate_generator(flow) >= 0
assert model.predict_generator(ImageDataGenerator().flow(images, batch_size=4, shuffle=False)).shape == (10, 1)""",
    ),
    "verbose=10": (3, "m = mlp(); m.fit(X, Y, verbose=10); m.evaluate(X, Y, verbose=5)"),
    "arguments of the base class of losses by position": (
        2,
        """
import tensorflow as tf
class Own(tf.keras.losses.Loss):
    def __init__(self, *args): super().__init__(*args)
    def call(self, y_true, y_pred): return tf.reduce_mean(tf.square(y_true - y_pred), -1)
for kind, shape in ((tf.keras.losses.Reduction.NONE, (2,)), (tf.keras.losses.Reduction.SUM, ())):
    assert tuple(Own(kind)(tf.ones((2, 3)), tf.zeros((2, 3))).shape) == shape
assert Own("auto", "my_loss").name == "my_loss" """,
    ),
}
