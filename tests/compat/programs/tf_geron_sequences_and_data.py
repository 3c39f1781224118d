"""Hands-On Machine Learning, chapters 10, 13, 15, 16, 17."""
import os

import numpy as np
import tensorflow as tf
from tensorflow import keras

np.random.seed(42)
tf.random.set_seed(42)

X = tf.range(10)
dataset = tf.data.Dataset.from_tensor_slices(X)
dataset = dataset.repeat(3).batch(7)
assert [len(item) for item in dataset] == [7, 7, 7, 7, 2]
dataset = dataset.map(lambda x: x * 2)
dataset = dataset.unbatch()
dataset = dataset.filter(lambda x: x < 10)
for item in dataset.take(3):
    print(item)
dataset = tf.data.Dataset.range(10).repeat(3)
dataset = dataset.shuffle(buffer_size=3, seed=42).batch(7)
os.makedirs("datasets", exist_ok=True)
rng = np.random.RandomState(0)
data = rng.randn(60, 3)
data[:, 2] = data[:, 0] * 2 - data[:, 1]
paths = []
for k in range(3):
    paths.append(f"datasets/my_train_{k:02d}.csv")
    with open(paths[-1], "w") as f:
        f.write("a,b,target\n")
        for row in data[k * 20:(k + 1) * 20]:
            f.write(",".join(map(repr, map(float, row))) + "\n")
filepath_dataset = tf.data.Dataset.list_files(paths, seed=42)
n_readers = 3
dataset = filepath_dataset.interleave(
    lambda filepath: tf.data.TextLineDataset(filepath).skip(1), cycle_length=n_readers)
for line in dataset.take(2):
    print(line.numpy())
n_inputs = 2
X_mean, X_std = data[:, :2].mean(0).astype("float32"), data[:, :2].std(0).astype("float32")


@tf.function
def preprocess(line):
    defs = [0.] * n_inputs + [tf.constant([], dtype=tf.float32)]
    fields = tf.io.decode_csv(line, record_defaults=defs)
    x = tf.stack(fields[:-1])
    y = tf.stack(fields[-1:])
    return (x - X_mean) / X_std, y


def csv_reader_dataset(filepaths, repeat=1, n_readers=5, n_read_threads=None, shuffle_buffer_size=10000,
                       n_parse_threads=5, batch_size=32):
    dataset = tf.data.Dataset.list_files(filepaths).repeat(repeat)
    dataset = dataset.interleave(lambda filepath: tf.data.TextLineDataset(filepath).skip(1),
                                 cycle_length=n_readers, num_parallel_calls=n_read_threads)
    dataset = dataset.shuffle(shuffle_buffer_size)
    dataset = dataset.map(preprocess, num_parallel_calls=n_parse_threads)
    dataset = dataset.batch(batch_size)
    return dataset.prefetch(1)


train_set = csv_reader_dataset(paths, repeat=None, batch_size=20)
valid_set = csv_reader_dataset(paths, batch_size=20)
keras.backend.clear_session()
model = keras.models.Sequential([
    keras.layers.Dense(30, activation="relu", input_shape=[2]),
    keras.layers.Dense(1),
])
model.compile(loss="mse", optimizer=keras.optimizers.SGD(learning_rate=0.05))
h = model.fit(train_set, steps_per_epoch=60 // 20, epochs=10, validation_data=valid_set)
assert h.history["val_loss"][-1] < h.history["val_loss"][0]
model.evaluate(valid_set, steps=2)
new_set = valid_set.map(lambda X, y: X)
model.predict(new_set, steps=3)

n_steps = 20


def generate_time_series(batch_size, n_steps):
    freq1, freq2, offsets1, offsets2 = np.random.rand(4, batch_size, 1)
    time = np.linspace(0, 1, n_steps)
    series = 0.5 * np.sin((time - offsets1) * (freq1 * 10 + 10))
    series += 0.2 * np.sin((time - offsets2) * (freq2 * 20 + 20))
    series += 0.1 * (np.random.rand(batch_size, n_steps) - 0.5)
    return series[..., np.newaxis].astype(np.float32)


series = generate_time_series(300, n_steps + 10)
Y = np.empty((300, n_steps, 10))
for step_ahead in range(1, 10 + 1):
    Y[..., step_ahead - 1] = series[..., step_ahead:step_ahead + n_steps, 0]
X_train, Y_train = series[:200, :n_steps], Y[:200]
X_valid, Y_valid = series[200:, :n_steps], Y[200:]


def last_time_step_mse(Y_true, Y_pred):
    return keras.metrics.mean_squared_error(Y_true[:, -1], Y_pred[:, -1])


class LNSimpleRNNCell(keras.layers.Layer):
    def __init__(self, units, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.state_size = units
        self.output_size = units
        self.simple_rnn_cell = keras.layers.SimpleRNNCell(units, activation=None)
        self.layer_norm = keras.layers.LayerNormalization()
        self.activation = keras.activations.get(activation)

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        if inputs is not None:
            batch_size = tf.shape(inputs)[0]
            dtype = inputs.dtype
        return [tf.zeros([batch_size, self.state_size], dtype=dtype)]

    def call(self, inputs, states):
        outputs, new_states = self.simple_rnn_cell(inputs, states)
        norm_outputs = self.activation(self.layer_norm(outputs))
        return norm_outputs, [norm_outputs]


model = keras.models.Sequential([
    keras.layers.RNN(LNSimpleRNNCell(16), return_sequences=True, input_shape=[None, 1]),
    keras.layers.TimeDistributed(keras.layers.Dense(10))
])
model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01), metrics=[last_time_step_mse])
history = model.fit(X_train, Y_train, epochs=4, validation_data=(X_valid, Y_valid))
assert history.history["last_time_step_mse"][-1] < history.history["last_time_step_mse"][0]

shakespeare_text = "to be or not to be that is the question " * 12
tokenizer = keras.preprocessing.text.Tokenizer(char_level=True)
tokenizer.fit_on_texts(shakespeare_text)
max_id = len(tokenizer.word_index)
[encoded] = np.array(tokenizer.texts_to_sequences([shakespeare_text])) - 1
dataset = tf.data.Dataset.from_tensor_slices(encoded)
n_steps = 20
window_length = n_steps + 1
dataset = dataset.window(window_length, shift=1, drop_remainder=True)
dataset = dataset.flat_map(lambda window: window.batch(window_length))
batch_size = 32
dataset = dataset.shuffle(10000).batch(batch_size)
dataset = dataset.map(lambda windows: (windows[:, :-1], windows[:, 1:]))
dataset = dataset.map(lambda X_batch, Y_batch: (tf.one_hot(X_batch, depth=max_id), Y_batch))
dataset = dataset.prefetch(1)
for X_batch, Y_batch in dataset.take(1):
    assert X_batch.shape == (32, 20, max_id) and Y_batch.shape == (32, 20)
model = keras.models.Sequential([
    keras.layers.GRU(24, return_sequences=True, input_shape=[None, max_id]),
    keras.layers.TimeDistributed(keras.layers.Dense(max_id, activation="softmax"))
])
model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.Adam(0.02))
history = model.fit(dataset, epochs=3)
assert history.history["loss"][-1] < history.history["loss"][0]


def preprocess_text(texts):
    X = np.array(tokenizer.texts_to_sequences(texts)) - 1
    return tf.one_hot(X, max_id)


def next_char(text, temperature=1):
    X_new = preprocess_text([text])
    y_proba = model(X_new)[0, -1:, :]
    rescaled_logits = tf.math.log(y_proba) / temperature
    char_id = tf.random.categorical(rescaled_logits, num_samples=1) + 1
    return tokenizer.sequences_to_texts(char_id.numpy())[0]


assert len(next_char("to be", temperature=0.2)) == 1

(X_train, y_train), (X_test, y_test) = keras.datasets.fashion_mnist.load_data()
X_train = X_train[:256].astype(np.float32) / 255


def rounded_accuracy(y_true, y_pred):
    return keras.metrics.binary_accuracy(tf.round(y_true), tf.round(y_pred))


class DenseTranspose(keras.layers.Layer):
    def __init__(self, dense, activation=None, **kwargs):
        self.dense = dense
        self.activation = keras.activations.get(activation)
        super().__init__(**kwargs)

    def build(self, batch_input_shape):
        self.biases = self.add_weight(name="bias", shape=[self.dense.input_shape[-1]], initializer="zeros")
        super().build(batch_input_shape)

    def call(self, inputs):
        z = tf.matmul(inputs, self.dense.weights[0], transpose_b=True)
        return self.activation(z + self.biases)


dense_1 = keras.layers.Dense(30, activation="selu")
tied_encoder = keras.models.Sequential([keras.layers.Flatten(input_shape=[28, 28]), dense_1])
tied_decoder = keras.models.Sequential([DenseTranspose(dense_1, activation="sigmoid"),
                                        keras.layers.Reshape([28, 28])])
tied_ae = keras.models.Sequential([tied_encoder, tied_decoder])
tied_ae.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=[rounded_accuracy])
history = tied_ae.fit(X_train, X_train, epochs=4)
assert history.history["loss"][-1] < history.history["loss"][0]
K = keras.backend
kl_divergence = keras.losses.kullback_leibler_divergence


class KLDivergenceRegularizer(keras.regularizers.Regularizer):
    def __init__(self, weight, target=0.1):
        self.weight = weight
        self.target = target

    def __call__(self, inputs):
        mean_activities = K.mean(inputs, axis=0)
        return self.weight * (
            kl_divergence(self.target, mean_activities) + kl_divergence(1. - self.target, 1. - mean_activities))


encoder = keras.models.Sequential([
    keras.layers.Flatten(input_shape=[28, 28]),
    keras.layers.Dense(20, activation="sigmoid", activity_regularizer=KLDivergenceRegularizer(weight=0.05)),
])
decoder = keras.models.Sequential([keras.layers.Dense(28 * 28, activation="sigmoid", input_shape=[20]),
                                   keras.layers.Reshape([28, 28])])
sparse = keras.models.Sequential([encoder, decoder])
sparse.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=1.0))
history = sparse.fit(X_train, X_train, epochs=4)
assert history.history["loss"][-1] < history.history["loss"][0]
