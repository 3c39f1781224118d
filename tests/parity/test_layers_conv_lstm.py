"""ConvLSTM1D, 2D and 3D against Keras 3.15."""

import keras
import numpy as np
import pytest

from gazelle import layers

RNG = np.random.default_rng(5)
SHAPES = {1: (2, 3, 6, 2), 2: (2, 3, 5, 4, 2), 3: (1, 2, 3, 3, 2, 2)}
FLAT = [
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"padding": "same", "strides": 2, "unit_forget_bias": False},
    {"dilation_rate": 2, "activation": "relu", "recurrent_activation": "hard_sigmoid", "use_bias": False},
    {"data_format": "channels_first", "return_sequences": True, "kernel_size": (2, 3), "padding": "same"},
]
CASES = [*((2, kwargs) for kwargs in FLAT), (1, {"return_sequences": True}), (3, {"data_format": "channels_first"})]


def both(rank, kwargs):
    name = f"ConvLSTM{rank}D"
    kwargs = {"filters": 3, "kernel_size": 2, **kwargs}
    return getattr(keras.layers, name)(**kwargs), getattr(layers, name)(**kwargs)


def placed(rank, kwargs):
    shape = SHAPES[rank]
    return (*shape[:2], shape[-1], *shape[2:-1]) if kwargs.get("data_format") == "channels_first" else shape


@pytest.mark.parametrize(("rank", "kwargs"), CASES, ids=str)
def test_conv_lstm(rank, kwargs, same_call):
    theirs, ours = both(rank, kwargs)
    same_call(theirs, ours, [RNG.normal(size=placed(rank, kwargs)).astype("float32")])


@pytest.mark.parametrize("zero", [False, True])
def test_conv_lstm_skips_masked_steps(zero):
    """Keras on JAX fails on a mask here; what is right is the sequence without the masked steps."""
    layer = layers.ConvLSTM2D(3, 2, return_sequences=True, zero_output_for_mask=zero)
    x = RNG.normal(size=(1, *SHAPES[2][1:])).astype("float32")
    y = layer(x, mask=np.array([[True, False, True]]))
    np.testing.assert_allclose(y[:, [0, 2]], layer(x[:, [0, 2]]), atol=1e-6)
    np.testing.assert_allclose(y[:, 1], np.zeros_like(y[:, 0]) if zero else y[:, 0])


@pytest.mark.parametrize(
    "kwargs", [{}, {"dropout": 0.2, "recurrent_dropout": 0.1, "seed": 3}, {"stateful": True}, FLAT[2], FLAT[3]], ids=str
)
def test_conv_lstm_config(kwargs):
    theirs, ours = both(2, {"name": "c", **kwargs})
    wanted, got = theirs.get_config(), ours.get_config()
    for key, value in wanted.items():
        assert key in got
        if isinstance(value, (list, tuple)):
            assert list(got[key]) == list(value), key
        elif not isinstance(value, dict):
            assert got[key] == value, key
    again = layers.ConvLSTM2D.from_config(got)
    assert again.get_config() == got


def test_conv_lstm_starts_at_given_states():
    theirs, ours = both(2, {"padding": "same"})
    x = RNG.normal(size=SHAPES[2]).astype("float32")
    states = [RNG.normal(size=(2, 5, 4, 3)).astype("float32") for _ in range(2)]
    theirs(x), ours(x)
    ours.set_weights(theirs.get_weights())
    wanted = theirs(x, initial_state=states)
    np.testing.assert_allclose(ours(x, initial_state=states), wanted, atol=1e-5)


def test_conv_lstm_goes_on_where_it_ended():
    theirs, ours = both(1, {"stateful": True})
    x = RNG.normal(size=SHAPES[1]).astype("float32")
    theirs(x), ours(x)
    ours.set_weights(theirs.get_weights())
    theirs.reset_state(), ours.reset_state()
    for _ in range(2):
        np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def test_conv_lstm_drops_the_same_places_at_all_steps():
    layer = layers.ConvLSTM1D(3, 2, dropout=0.5, recurrent_dropout=0.5)
    x = RNG.normal(size=SHAPES[1]).astype("float32")
    assert not np.allclose(layer(x, training=True), layer(x))
    np.testing.assert_array_equal(layer(x), layer(x))
    kept, _ = layer.cell._masks(2, 6, True)
    assert kept.shape == (4, 2, 6, 2)
    assert set(np.unique(kept)) == {0.0, 2.0}
