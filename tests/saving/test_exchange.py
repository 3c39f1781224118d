"""Exchange of files with Keras 3.15: architecture, weights and optimizer state."""

import types

import keras
import numpy as np
import pytest

import gazelle
from gazelle import models, optimizers
from gazelle.core import registry
from gazelle.core.registry import REGISTRY
from gazelle.layers import bidirectional, embedding, gru, lstm, multi_head_attention, rnn, simple_rnn, wrappers  # noqa: F401
from gazelle.layers.base import Layer
from gazelle.models import load_model, model_from_json

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras asks NumPy for copies in an old way


class _Layers:
    def __getattr__(self, name):
        return Layer if name == "Layer" else REGISTRY["layers"][name]


OURS = types.SimpleNamespace(
    layers=_Layers(), Sequential=models.Sequential, Model=models.Model, Input=models.Input, optimizers=optimizers
)
THEIRS = keras


def mlp(k):
    return k.Sequential(
        [
            k.Input((5,)),
            k.layers.Dense(4, activation="relu", kernel_regularizer="l2"),
            k.layers.Dense(2, use_bias=False),
        ]
    )


def batchnorm_first(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((5,)),
            layers.BatchNormalization(momentum=0.8),
            layers.Dense(3, "tanh"),
            layers.LayerNormalization(),
            layers.Dense(2),
        ]
    )


def cnn(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((6, 6, 1)),
            layers.Conv2D(2, 3, activation="relu", padding="same"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.DepthwiseConv2D(2),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def recurrent(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((4,), dtype="int32"),
            layers.Embedding(7, 3),
            layers.LSTM(3, return_sequences=True),
            layers.GRU(2, return_sequences=True),
            layers.SimpleRNN(3),
            layers.Dense(2),
        ]
    )


def both_ways(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((4, 3)),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3)),
            layers.Bidirectional(layers.GRU(2), merge_mode="sum"),
            layers.Dense(2),
        ]
    )


def cells(k):
    layers = k.layers
    stack = layers.RNN([layers.LSTMCell(2), layers.GRUCell(3)])
    return k.Sequential([k.Input((4, 3)), stack, layers.Dense(2)])


def attention(k):
    layers = k.layers
    x = k.Input((4, 6))
    y = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)]))
    return k.Model(x, layers.Dense(2)(layers.Flatten()(y)))


def two_by_two(k):
    layers = k.layers
    a, b = k.Input((5,), name="a"), k.Input((3,), name="b")
    both = layers.Concatenate()([layers.Dense(3, name="left")(a), layers.Dense(2)(b)])
    return k.Model([a, b], [layers.Dense(2, name="one")(both), layers.Dense(1, name="two")(both)])


def shared(k):
    layers = k.layers
    a, b = k.Input((4,)), k.Input((4,))
    tower = layers.Dense(3, "tanh")
    return k.Model([a, b], layers.Dense(2)(layers.Subtract()([tower(a), tower(b)])))


def nested(k):
    layers = k.layers
    inner = k.Sequential([k.Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="inner")
    x = k.Input((4,))
    y = layers.Dense(4)(x)
    deep = k.Model(x, y, name="deep")
    z = k.Input((4,))
    return k.Model(z, layers.Dense(2)(layers.Add()([inner(deep(z)), inner(z)])))


def initial_states(k):
    layers = k.layers
    x, other = k.Input((4, 3)), k.Input((4, 3))
    states = [layers.LSTM(2, return_state=True)(x)[1:], layers.GRU(2, return_state=True)(x)[1:]]
    states = [list(s) for s in states]
    y = layers.LSTM(2, return_sequences=True)(other, initial_state=states[0])
    z = layers.Bidirectional(layers.GRU(2))(y, initial_state=states[1] * 2)
    return k.Model([x, other], layers.Dense(2)(z))


BUILDERS = [
    mlp,
    batchnorm_first,
    cnn,
    recurrent,
    both_ways,
    cells,
    attention,
    two_by_two,
    shared,
    nested,
    initial_states,
]


def data(model, rows=6):
    """Random inputs and targets for a model of either library."""
    generator = np.random.default_rng(0)

    def make(tensor):
        if "int" in str(tensor.dtype):
            return generator.integers(0, 7, (rows, *tensor.shape[1:])).astype("int32")
        return generator.normal(size=(rows, *tensor.shape[1:])).astype("float32")

    x, y = [make(t) for t in model.inputs], [make(t) for t in model.outputs]
    return (x if len(x) > 1 else x[0]), (y if len(y) > 1 else y[0])


def _equal(ours, theirs, tolerance=5e-6):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1, np.abs(b).max(initial=0)))


def _outputs(model, x):
    out = model.predict(x, verbose=0)
    return out if isinstance(out, (list, tuple)) else [out]


def _same_step(ours, theirs, x, y, tolerance=2e-6):
    """One more update of each: equal weights need equal weights, slots, steps and rates."""
    ours.train_on_batch(x, y)
    theirs.train_on_batch(x, y)
    _equal(ours.get_weights(), theirs.get_weights(), tolerance)


@pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)
def test_there_and_back(tmp_path, build):
    ours = build(OURS)
    x, y = data(ours)
    loss = "mse" if not isinstance(y, list) else ["mse", "mae"]
    ours.compile(OURS.optimizers.SGD(0.1, momentum=0.9), loss)  # Adam would make steps of zero gradients' rounding
    ours.train_on_batch(x, y)

    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    assert [v.path.split("/")[-1] for v in theirs.weights] == [v.name for v in ours.weights]
    _equal(_outputs(ours, x), _outputs(theirs, x))
    _same_step(ours, theirs, x, y)

    theirs.save(tmp_path / "theirs.keras")
    again = load_model(tmp_path / "theirs.keras")
    _equal(_outputs(again, x), _outputs(theirs, x))
    _same_step(again, theirs, x, y)


@pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)
def test_weights_alone(tmp_path, build):
    ours, theirs = build(OURS), build(THEIRS)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    _equal(ours.get_weights(), theirs.get_weights(), 0)
    ours.set_weights([w + 1 for w in ours.get_weights()])
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    _equal(ours.get_weights(), theirs.get_weights(), 0)


OPTIMIZERS = {
    "sgd": lambda o: o.SGD(0.1),
    "momentum": lambda o: o.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda o: o.RMSprop(0.01, momentum=0.5, centered=True),
    "adagrad": lambda o: o.Adagrad(0.1),
    "adadelta": lambda o: o.Adadelta(1.0),
    "adamax": lambda o: o.Adamax(0.01),
    "nadam": lambda o: o.Nadam(0.01),
    "amsgrad": lambda o: o.Adam(0.01, amsgrad=True),
    "adamw": lambda o: o.AdamW(0.01, weight_decay=0.1),
    "ftrl": lambda o: o.Ftrl(0.1),
    "lion": lambda o: o.Lion(0.01),
    "clipped": lambda o: o.Adam(0.01, global_clipnorm=0.5),
    "average": lambda o: o.SGD(0.1, momentum=0.9, use_ema=True),
    "gathered": lambda o: o.Adam(0.01, gradient_accumulation_steps=2),
    "schedule": lambda o: o.SGD(o.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on(tmp_path, name):
    ours = mlp(OURS)
    x, y = data(ours)
    ours.compile(OPTIMIZERS[name](OURS.optimizers), "mse")
    for _ in range(3):
        ours.train_on_batch(x, y)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    assert type(theirs.optimizer).__name__ == type(ours.optimizer).__name__
    _same_step(ours, theirs, x, y, 1e-5)
    theirs.save(tmp_path / "theirs.keras")
    _same_step(load_model(tmp_path / "theirs.keras"), theirs, x, y, 1e-5)


def _custom(k):
    """Children in attributes, lists, dicts and lists of lists, in an order other than the alphabet's."""
    layers = k.layers

    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.second = layers.Dense(4)
            self.first = layers.Dense(4)
            self._hidden = layers.Dense(4)

        def build(self, input_shape):
            for layer in (self.first, self.second, self._hidden):
                layer.build(input_shape)
            self.scale = self.add_weight(name="scale", shape=(4,), initializer="ones")
            self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)
            self.shift = self.add_weight(name="shift", shape=(4,), initializer="zeros")

        def call(self, x):
            return self._hidden(self.second(self.first(x))) * self.scale + self.shift

    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.zeta = layers.Dense(4)
            self.blocks = [Block(), Block()]
            self.heads = {"b": layers.Dense(2), "a": layers.Dense(3)}
            self.grid = [[layers.Dense(4)], [layers.Dense(4), layers.Dense(4)]]
            self.alpha = layers.Dense(4)
            self.twice = self.alpha

        def call(self, x):
            x = self.zeta(self.alpha(x))
            for layer in [*self.blocks, *self.grid[0], *self.grid[1]]:
                x = layer(x)
            return self.heads["a"](x) + self.heads["b"](x)[..., :1]

    return Net()


def _functional_subclass(k):
    class Encoder(k.Model):
        def __init__(self):
            first, second = k.layers.Dense(4), k.layers.Dense(4)
            self.before = first
            x = k.Input((4,))
            super().__init__(x, second(first(x)))
            self.after = [second]
            self.another = k.layers.Dense(2)
            self.another.build((None, 4))

    return Encoder()


@pytest.mark.parametrize("build", [_custom, _functional_subclass])
def test_a_subclassed_model_has_its_weights_in_the_same_places(tmp_path, build):
    ours, theirs = build(OURS), build(THEIRS)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    ours(x), theirs(x)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)
    for variable in ours.weights:
        variable.assign(variable.value + 1)
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(tmp_path, dtype):
    def build(k):
        return k.Sequential([k.Input((3,)), k.layers.Dense(2, dtype=dtype)])

    ours = build(OURS)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        assert str(b.dtype) == a.dtype == dtype
        np.testing.assert_array_equal(np.asarray(a.value, "float32"), np.asarray(b.value, "float32"))
    theirs.save(tmp_path / "theirs.keras")
    again = load_model(tmp_path / "theirs.keras")
    np.testing.assert_array_equal(np.asarray(again.weights[0].value), np.asarray(ours.weights[0].value))


def test_bfloat16_in_hdf5(tmp_path):
    """Keras too writes such a file, but reads neither."""
    ours = OURS.Sequential([OURS.Input((3,)), OURS.layers.Dense(2, dtype="bfloat16")])
    ours.save(tmp_path / "ours.h5")
    again = load_model(tmp_path / "ours.h5")
    assert again.weights[0].dtype == "bfloat16"
    np.testing.assert_array_equal(np.asarray(again.weights[0].value), np.asarray(ours.weights[0].value))


def test_layers_of_training_alone_are_quiet_after_the_journey(tmp_path):
    """Keras writes training=True into every call of an image layer; its spatial dropout takes no `trainable`."""
    ours = OURS.Sequential([OURS.Input((4, 4, 1)), OURS.layers.RandomFlip(), OURS.layers.SpatialDropout2D(0.5)])
    ours.save(tmp_path / "ours.keras")
    keras.models.load_model(tmp_path / "ours.keras")
    image = THEIRS.Input((4, 4, 1))
    theirs = THEIRS.Model(image, THEIRS.layers.RandomInvert(1.0, (0, 1))(image))
    theirs.save(tmp_path / "theirs.keras")
    x = np.full((1, 4, 4, 1), 0.25, "float32")
    np.testing.assert_array_equal(load_model(tmp_path / "theirs.keras")(x, training=False), x)


def test_a_model_saved_before_its_first_step(tmp_path):
    ours = mlp(OURS)
    x, y = data(ours)
    ours.compile("adam", "mse", metrics=["mae"])
    ours.save(tmp_path / "ours.keras")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        theirs = keras.models.load_model(tmp_path / "ours.keras")
    _same_step(ours, theirs, x, y)
    fresh = mlp(THEIRS)
    fresh.compile("adam", "mse")
    fresh.save(tmp_path / "theirs.keras")  # Keras too writes no slots then, and warns when it reads such a file
    _same_step(load_model(tmp_path / "theirs.keras"), fresh, x, y)


def test_a_frozen_layer_stays_frozen(tmp_path):
    ours = mlp(OURS)
    ours.layers[0].trainable = False
    x, y = data(ours)
    ours.compile("adam", "mse")
    ours.train_on_batch(x, y)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    assert not theirs.layers[0].trainable
    _same_step(ours, theirs, x, y)
    again = load_model(tmp_path / "ours.keras")
    assert not again.layers[0].trainable
    assert len(again.trainable_weights) == 1


def test_json_goes_both_ways():
    ours = mlp(OURS)
    theirs = keras.models.model_from_json(ours.to_json())
    assert [w.shape for w in theirs.weights] == [w.shape for w in ours.weights]
    again = model_from_json(theirs.to_json())
    assert [w.shape for w in again.weights] == [w.shape for w in ours.weights]
    assert again.layers[0].name == ours.layers[0].name


def test_functions_are_found_by_the_names_they_are_registered_under(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "CUSTOM", registry.CUSTOM.copy())

    def doubled(k):
        def double(x):
            return 2 * x

        return k.saving.register_keras_serializable("exchange", name="twice")(double)

    both = {k: k.Sequential([k.Input((3,)), k.layers.Dense(2, activation=doubled(k))]) for k in (gazelle, keras)}
    for k, other in ((gazelle, keras), (keras, gazelle)):
        both[k].save(tmp_path / "m.keras")
        again = other.models.load_model(tmp_path / "m.keras")
        _equal(_outputs(again, np.ones((1, 3))), _outputs(both[k], np.ones((1, 3))))
