"""Models of programs for tf.keras 2, and the script that records their configs with tf_keras 2.21.

`python former_models.py record` needs tf_keras and TF_USE_LEGACY_KERAS=1; `python former_models.py check FOLDER` opens
the files that `test_former_files.py` wrote into a folder (GAZELLE_FORMER_FILES) and compares predictions and a step.
"""

import json
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent


def cnn(k, tf):
    layers = k.layers
    return k.Sequential(
        [
            layers.Conv2D(2, 3, padding="same", activation="relu", kernel_regularizer="l2", input_shape=(6, 6, 1)),
            layers.BatchNormalization(),
            layers.LeakyReLU(alpha=0.2),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(2, 2),
            layers.Conv2DTranspose(1, 2),
            layers.Activation("hard_sigmoid"),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(2, kernel_constraint="non_neg"),
        ]
    )


def recurrent(k, tf):
    layers = k.layers
    return k.Sequential(
        [
            layers.Masking(0.0, input_shape=(4, 3)),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3)),
            layers.GRU(2, return_sequences=True),
            layers.RNN([layers.LSTMCell(2), layers.SimpleRNNCell(2)]),
            layers.Dense(2),
        ]
    )


def states(k, tf):
    layers = k.layers
    x = k.Input((4, 3))
    y, *state = layers.LSTM(2, return_sequences=True, return_state=True)(x)
    z = layers.LSTM(2, return_sequences=True)(x, initial_state=state)
    return k.Model(x, layers.Dense(2)(layers.Flatten()(layers.MultiHeadAttention(2, 3)(y, z))))


def nested(k, tf):
    layers = k.layers
    x = k.Input((3,))
    inner = k.Model(x, layers.Dense(3, activation="relu")(x), name="inner")
    chain = k.Sequential([layers.Dense(3, input_shape=(3,))], name="chain")
    a, b = k.Input((3,)), k.Input((3,))
    out = layers.Add()([chain(inner(a)), layers.Dropout(0.5)(inner(b), training=False)])
    return k.Model([a, b], layers.Dense(2)(out))


def two_outputs(k, tf):
    layers = k.layers
    inputs = {"a": k.Input((3,), name="a"), "b": k.Input((2,), name="b")}
    both = layers.Concatenate()([inputs["a"], inputs["b"]])
    return k.Model(inputs, [layers.Dense(2, name="one")(both), layers.Dense(1, name="two")(both)])


def operators(k, tf):
    a, b = k.Input((4,)), k.Input((4,))
    x = 2.0 - (a + b) * 3.0 / (b**2 + 1.0)
    return k.Model([a, b], k.layers.Dense(2)(k.layers.Concatenate()([-x, x[:, 1:3], x[:, None, 0]])))


def functions(k, tf):
    a = k.Input((4, 3))
    x = tf.concat([tf.reduce_mean(a, axis=1), tf.reduce_max(a, axis=-1)], axis=-1)
    y = tf.matmul(tf.reshape(a, (-1, 12)), np.full((12, 2), 0.1, "float32"))
    y = tf.squeeze(tf.expand_dims(tf.abs(y), 1), axis=1)
    z = tf.reduce_sum(tf.transpose(tf.nn.relu(a), perm=[0, 2, 1]), axis=[1, 2], keepdims=False)
    u = tf.where(y > 0.1, tf.exp(y), tf.clip_by_value(y, 0.0, 1.0))
    v = tf.gather(tf.cast(a, "float32"), [2, 0], axis=1)
    return k.Model(a, k.layers.Dense(2)(tf.concat([x, y, tf.stack([z, z], axis=1), u, tf.reshape(v, (-1, 6))], axis=1)))


MODELS = [cnn, recurrent, states, nested, two_outputs, operators, functions]
#: optimizers that have each kind of state
OPTIMIZERS = [("SGD", {}), ("Adam", {"amsgrad": True}), ("RMSprop", {"momentum": 0.5, "centered": True}), ("Nadam", {})]


def data_of(model):
    """Inputs and targets for a model, the same in every library."""
    numbers = np.random.RandomState(0)
    inputs = {t.name.partition(":")[0]: t.shape for t in model.inputs}
    x = [numbers.uniform(-1, 1, (4, *shape[1:])).astype("float32") for shape in inputs.values()]
    y = [numbers.uniform(-1, 1, (4, *t.shape[1:])).astype("float32") for t in model.outputs]
    if len(model.outputs) > 1:
        x = dict(zip(inputs, x, strict=True))
    return (x if len(x) > 1 else x[0]), (y if len(y) > 1 else y[0])


def _record():
    import tensorflow as tf

    found = {}
    for make in MODELS:
        tf.keras.backend.clear_session()
        found[make.__name__] = json.loads(make(tf.keras, tf).to_json())
    (HERE / "former_configs.json").write_text(json.dumps(found) + "\n")


def _check(folder):
    import tensorflow as tf

    for file in sorted(pathlib.Path(folder).iterdir()):
        if file.suffix == ".npz" or "Nadam" in file.name:  # another Nadam, whose argument tf.keras does not know
            continue
        data, model = np.load(f"{file}.npz"), tf.keras.models.load_model(file)
        x, y = data_of(model)
        before = model.predict(x, verbose=0)
        model.train_on_batch(x, y)
        found = {"before": before, "after": model.predict(x, verbose=0)}
        found = {key: value[0] if isinstance(value, list) else value for key, value in found.items()}
        gaps = [float(np.abs(np.ravel(value) - data[key]).max()) for key, value in found.items()]
        print(file.name, "equal" if max(gaps) < 5e-5 else f"DIFFERENT {gaps}")


if __name__ == "__main__":
    _record() if sys.argv[1] == "record" else _check(sys.argv[2])
