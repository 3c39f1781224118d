"""Rescaling, Normalization, Discretization, CategoryEncoding and the spectrograms against Keras 3.15."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from deviations import same

import gazelle
from gazelle import layers

RNG = np.random.default_rng(7)
ROW, STEPS, IMAGE = (3, 4), (3, 5, 4), (2, 4, 5, 3)


def words_id(kwargs):
    return "-".join(f"{k}={v}" for k, v in kwargs.items()).replace(" ", "") or "plain"


# Rescaling and Normalization ------------------------------------------------------------------------------------------

RESCALING = [
    {"scale": 1 / 255},
    {"scale": 2, "offset": -1},
    {"scale": -0.5, "offset": 0.25},
    {"scale": [1.0, 2.0, 3.0, 4.0]},
    {"scale": [1.0, 2.0, 3.0, 4.0], "offset": [0.5, 0.25, 0.0, -1.0]},
    {"scale": 1.5, "dtype": "bfloat16"},
]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("kwargs", RESCALING, ids=words_id)
def test_rescaling(kwargs, dtype, same_layer):
    same_layer("Rescaling", kwargs, ROW, dtype=dtype, apart=("dtype",) if "dtype" in kwargs else ())


GIVEN = [
    ({"mean": 1.5, "variance": 4.0, "axis": None}, STEPS),
    ({"mean": 1.5, "variance": 4.0}, STEPS),
    ({"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 9.0, 16.0]}, ROW),
    ({"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 0.0, 16.0]}, STEPS),
    ({"mean": [1.0, 2.0, 3.0], "variance": [2.0, 2.0, 3.0], "invert": True}, IMAGE),
    ({"mean": RNG.normal(size=(5, 4)).tolist(), "variance": RNG.uniform(1, 2, (5, 4)).tolist(), "axis": (1, 2)}, STEPS),
    ({"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 9.0, 16.0], "axis": (1, 2)}, STEPS),
    ({"mean": [1.0, 2.0, 3.0, 4.0, 5.0], "variance": [1.0, 4.0, 9.0, 16.0, 25.0], "axis": 1}, STEPS),
]


@pytest.mark.parametrize(("kwargs", "shape"), GIVEN, ids=str)
def test_normalization_with_given_numbers(kwargs, shape, same_layer):
    same_layer("Normalization", kwargs, shape)


@pytest.mark.parametrize("kwargs", [{}, {"axis": 1}, {"axis": (1, -1)}, {"axis": None}, {"invert": True}], ids=words_id)
def test_normalization_weights(kwargs):
    theirs, ours = keras.layers.Normalization(**kwargs), layers.Normalization(**kwargs)
    theirs.build(STEPS), ours.build(STEPS)
    for part in ("weights", "trainable_weights", "non_trainable_weights"):
        mine, other = getattr(ours, part), getattr(theirs, part)
        assert [(w.name, w.shape, str(w.dtype)) for w in mine] == [(w.name, tuple(w.shape), w.dtype) for w in other]
    wanted, got = theirs.get_config(), ours.get_config()
    assert got.keys() == wanted.keys()
    assert [list(wanted["axis"]), wanted["mean"]] == [got["axis"], got["mean"]]


@pytest.fixture
def adapting(monkeypatch):
    """Keras asks TensorFlow whether data is a dataset of its own; here nothing is."""
    nothing = SimpleNamespace(data=SimpleNamespace(Dataset=type("Dataset", (), {})), is_tensor=lambda _: False)
    for namespace in ("normalization", "discretization"):
        monkeypatch.setattr(f"keras.src.layers.preprocessing.{namespace}.tf", nothing)


def _batches(data):
    return [data[:2], data[2:3], data[3:]]


WAYS = {
    "array": lambda data: data,
    "batches": _batches,
    "generator": lambda data: iter(_batches(data)),
    "pairs": lambda data: [(batch, np.zeros(len(batch))) for batch in _batches(data)],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kwargs", [{}, {"axis": 1}, {"axis": (1, 2)}, {"axis": None}, {"invert": True}], ids=words_id)
def test_normalization_adapts(kwargs, way, adapting):
    data = RNG.normal(2, 3, (7, 5, 4)).astype("float32")
    theirs, ours = keras.layers.Normalization(**kwargs), layers.Normalization(**kwargs)
    theirs.adapt(WAYS[way](data)), ours.adapt(WAYS[way](data))
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    same(ours(data), theirs(data), 2e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_normalization_adapts_again_from_nothing():
    layer = layers.Normalization()
    layer.adapt(np.ones((4, 2)) * 9)
    layer.adapt(np.array([[0.0, 1.0], [2.0, 3.0]]))
    np.testing.assert_allclose(layer.mean, [[1.0, 2.0]])
    np.testing.assert_allclose(layer.variance, [[1.0, 1.0]])


# Discretization and CategoryEncoding ----------------------------------------------------------------------------------

EDGES = [-1.0, 0.0, 0.5, 2.0]


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 4), (2, 3, 4)], ids=str)
def test_discretization(mode, shape):
    kwargs = {"bin_boundaries": EDGES, "output_mode": mode}
    x = RNG.normal(size=shape).astype("float32")
    x.flat[:4] = EDGES  # the edges themselves
    theirs, ours = keras.layers.Discretization(**kwargs), layers.Discretization(**kwargs)
    wanted, got = np.asarray(theirs(x)), ours(x)
    np.testing.assert_array_equal(got, wanted)
    assert got.dtype == wanted.dtype == ours.output_dtype == theirs.output_dtype
    assert ours.get_config().keys() == theirs.get_config().keys()
    spec = ours(layers.Input(shape[1:]))
    assert spec.shape == (None, *wanted.shape[1:]) or len(shape) == 1
    assert str(spec.dtype) == str(wanted.dtype)


@pytest.mark.parametrize(
    "kwargs", [{"bin_boundaries": EDGES[::-1]}, {"bin_boundaries": EDGES, "output_mode": "count", "dtype": "int32"}]
)
def test_discretization_backwards_and_into_whole_numbers(kwargs):
    x = RNG.normal(size=(3, 4)).astype("float32")
    same(*(k.layers.Discretization(**kwargs)(x) for k in (gazelle, keras)), 0)


@pytest.mark.parametrize("bins", [2, 5, 11])
@pytest.mark.parametrize("epsilon", [0.01, 0.1])
@pytest.mark.parametrize("size", [7, 1000])
def test_discretization_adapts(bins, epsilon, size, adapting):
    data = RNG.gamma(2, size=(size, 1)).astype("float32")
    kwargs = {"num_bins": bins, "epsilon": epsilon}
    theirs, ours = keras.layers.Discretization(**kwargs), layers.Discretization(**kwargs)
    for way in (data, [data[: size // 3], data[size // 3 :]]):
        theirs.adapt(way), ours.adapt(way)
        np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-6)
        assert ours.bin_boundaries == pytest.approx(theirs.get_config()["bin_boundaries"])
    again = layers.Discretization.from_config(ours.get_config())
    np.testing.assert_array_equal(again(data), np.asarray(theirs(data)))
    read = keras.layers.Discretization.from_config(ours.get_config())
    np.testing.assert_array_equal(np.asarray(read(data)), ours(data))


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3), (2, 3, 4)], ids=str)
def test_category_encoding(mode, shape):
    x = RNG.integers(0, 6, shape).astype("int32")
    kwargs = {"num_tokens": 6, "output_mode": mode}
    theirs, ours = keras.layers.CategoryEncoding(**kwargs), layers.CategoryEncoding(**kwargs)
    wanted, got = np.asarray(theirs(x)), ours(x)
    np.testing.assert_array_equal(got, wanted)
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(ours(x.tolist()), wanted)
    wanted = theirs.get_config()
    assert {k: v for k, v in ours.get_config().items() if k in wanted} | {"name": ""} == wanted | {"name": ""}


@pytest.mark.parametrize("shape", [(4, 3), (4, 1)], ids=str)
def test_category_encoding_with_weights(shape):
    x, weights = RNG.integers(0, 6, shape).astype("int32"), RNG.uniform(size=shape).astype("float32")
    theirs, ours = (k.CategoryEncoding(num_tokens=6, output_mode="count") for k in (keras.layers, layers))
    np.testing.assert_allclose(ours(x, count_weights=weights), theirs(x, count_weights=weights), rtol=1e-6)


# Spectrograms ---------------------------------------------------------------------------------------------------------

MEL = [
    {},
    {"power_to_db": False},
    {"mag_exp": 1.0, "power_to_db": False},
    {"top_db": 20.0},
    {"min_freq": 100.0, "max_freq": 3000.0},
    {"sampling_rate": 8000, "ref_power": 2.0, "min_power": 1e-6},
    {"window": "hamming", "sequence_length": 48},
    {"window": None, "num_mel_bins": 5},
]


@pytest.mark.parametrize(("kwargs", "shape"), [*((w, (2, 200)) for w in MEL), ({}, (200,))], ids=str)
def test_mel_spectrogram(kwargs, shape):
    kwargs = {"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 12, **kwargs}
    x = RNG.normal(size=shape).astype("float32")
    theirs, ours = keras.layers.MelSpectrogram(**kwargs), layers.MelSpectrogram(**kwargs)
    same(ours(x), theirs(x), least=1e-3)
    mine, other = ours.get_config(), theirs.get_config()
    assert {k: v for k, v in mine.items() if k not in ("name", "dtype")} == {
        k: v for k, v in other.items() if k not in ("name", "dtype")
    }


@pytest.mark.parametrize("mode", ["log", "magnitude", "psd", "real", "imag", "angle", "stft"])
@pytest.mark.parametrize("expand_dims", [False, True])
def test_stft_spectrogram(mode, expand_dims, same_layer):
    kwargs = {"mode": mode, "frame_length": 8, "expand_dims": expand_dims}
    same_layer("STFTSpectrogram", kwargs, (2, 24, 2), tolerance=1e-4 if mode == "angle" else 2e-5)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"padding": "same"},
        {"frame_step": 3},
        {"fft_length": 16},
        {"window": "hamming", "periodic": True},
        {"window": None, "scaling": None},
        {"scaling": "spectrum"},
        {"data_format": "channels_first"},
        {"data_format": "channels_first", "expand_dims": True, "padding": "same"},
    ],
    ids=words_id,
)
def test_stft_spectrogram_words(kwargs, same_layer):
    shape = (2, 2, 24) if kwargs.get("data_format") else (2, 24, 2)
    same_layer("STFTSpectrogram", {"frame_length": 8, "mode": "stft", **kwargs}, shape, tolerance=2e-5)


@pytest.mark.parametrize("mode", ["log", "psd", "stft"])
def test_stft_spectrogram_starts_as_keras_does(mode):
    theirs, ours = (k.STFTSpectrogram(mode=mode, frame_length=16) for k in (keras.layers, layers))
    x = RNG.normal(size=(2, 64, 1)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), atol=2e-4 if mode == "log" else 2e-5)  # a logarithm near 0
