"""Thirteen small models in the words of tf.keras of TensorFlow 2; data are functions of a seed."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers, losses, optimizers, regularizers


def attention():
    x = inputs = keras.Input((6, 4))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(num_heads=2, key_dim=2)(x, x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def classifier(shape, *inner, **first):
    return keras.Sequential([keras.Input(shape, **first), *inner, layers.Dense(3, activation="softmax")])


def mlp():
    hidden = layers.Dense(6, activation="tanh", kernel_regularizer=regularizers.l2(0.01))
    return classifier((5,), hidden, layers.BatchNormalization())


def text():
    inner = layers.Embedding(12, 4), layers.Conv1D(4, 3, padding="same", activation="relu"), layers.Flatten()
    return classifier((7,), *inner, dtype="int32")


_OLD = optimizers.legacy
_SLOWER = optimizers.schedules.ExponentialDecay(0.05, decay_steps=5, decay_rate=0.7)
_SMOOTH = losses.CategoricalCrossentropy(label_smoothing=0.1)
#: name -> the model, its optimizer, its loss
_MODELS = {
    "adam": lambda: (mlp(), "adam", "categorical_crossentropy"),
    "adam_old": lambda: (mlp(), _OLD.Adam(learning_rate=0.01, decay=0.01, epsilon=1e-3), "mse"),
    "adamw": lambda: (mlp(), optimizers.AdamW(0.01, weight_decay=0.1), _SMOOTH),
    "attention": lambda: (attention(), optimizers.Adam(0.01, amsgrad=True), "categorical_crossentropy"),
    "convolution": lambda: (
        classifier(
            (8, 8, 2),
            layers.SeparableConv2D(4, 3, activation="elu"),
            layers.MaxPooling2D(),
            layers.Conv2DTranspose(3, 2, strides=2),
            layers.BatchNormalization(),
            layers.Flatten(),
        ),
        optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        "categorical_crossentropy",
    ),
    "convlstm": lambda: (classifier((3, 4, 4, 2), layers.ConvLSTM2D(2, 2), layers.Flatten()), "adadelta", "kld"),
    "ftrl": lambda: (mlp(), optimizers.Ftrl(0.1), losses.Huber()),
    "gru": lambda: (classifier((6, 3), layers.GRU(4)), optimizers.SGD(_SLOWER), "categorical_crossentropy"),
    "lstm": lambda: (classifier((6, 3), layers.Bidirectional(layers.LSTM(4))), "adamax", "categorical_crossentropy"),
    "nadam_old": lambda: (mlp(), _OLD.Nadam(0.01), "categorical_crossentropy"),
    "rmsprop": lambda: (mlp(), optimizers.RMSprop(0.01, centered=True, momentum=0.5), "categorical_crossentropy"),
    "sgd_old": lambda: (mlp(), _OLD.SGD(0.1, momentum=0.9, decay=0.01), "categorical_crossentropy"),
    "text": lambda: (text(), optimizers.Adagrad(0.05, clipnorm=0.5), "categorical_crossentropy"),
}
NAMES = sorted(_MODELS)


def make(name):
    """(model, x, y)."""
    rng = np.random.RandomState(7)
    keras.utils.set_random_seed(5)
    model, optimizer, loss = _MODELS[name]()
    model.compile(optimizer=optimizer, loss=loss)
    shape = model.input_shape[1:]
    x = rng.randint(0, 12, (16, *shape)) if name == "text" else rng.rand(16, *shape).astype("float32")
    return model, x, np.eye(3)[np.arange(16) % 3].astype("float32")
