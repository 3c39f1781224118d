"""Initializers against Keras: equal values of deterministic ones, equal moments and bounds of random ones."""

import keras
import numpy as np
import pytest
from deviations import same

from gazelle import initializers
from gazelle.core.errors import ArgumentError, ShapeError
from gazelle.core.prng import next_seed, set_seed
from gazelle.core.serialization import serialize

pytestmark = pytest.mark.usefixtures("keras_draws")

SHAPES = [(64, 48), (3, 3, 16, 24), (5, 16, 40), (2000,)]
RANDOM = [
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 1.0, "stddev": 0.5}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": 1.0, "maxval": 3.0}),
    ("TruncatedNormal", {}),
    ("TruncatedNormal", {"mean": -1.0, "stddev": 2.0}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    *[
        ("VarianceScaling", {"scale": 0.7, "mode": mode, "distribution": distribution})
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("uniform", "truncated_normal", "untruncated_normal", "normal")
    ],
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("name", "arguments"), RANDOM, ids=str)
def test_moments_and_bounds(name, arguments, shape):
    ours = getattr(initializers, name)(seed=3, **arguments)(shape)
    theirs = np.asarray(getattr(keras.initializers, name)(seed=3, **arguments)(shape))
    spread = theirs.std()
    assert (ours.shape, ours.dtype) == (shape, np.float32)
    # Two samples of n >= 2000: means differ by about spread sqrt(2 / n), spreads by spread / sqrt(n).
    assert abs(ours.mean() - theirs.mean()) < 6 * spread * (2 / ours.size) ** 0.5
    assert abs(ours.std() / spread - 1) < 6 / ours.size**0.5
    if not (name == "RandomNormal" or "untruncated_normal" in arguments.values()):  # bounded ones
        assert abs(np.abs(ours - ours.mean()).max() / np.abs(theirs - theirs.mean()).max() - 1) < 0.05


def test_truncated_normal_has_the_kurtosis_of_the_cut_normal():
    w = initializers.TruncatedNormal(stddev=1.0, seed=0)((200_000,))
    assert abs(w).max() <= 2
    assert abs(w.std() - 0.87962566) < 0.01
    assert abs((w**4).mean() / w.var() ** 2 - 2.3631) < 0.03  # that of the distribution, computed by integration


@pytest.mark.parametrize("axes", [((0,), (1, 2)), ((0, 1), (2,))], ids=str)
def test_fans_of_named_axes(axes):
    ours, theirs = (
        np.asarray(m.HeUniform(seed=1, input_axes=axes[0], output_axes=axes[1])((16, 8, 30)))
        for m in (initializers, keras.initializers)
    )
    assert abs(abs(ours).max() / abs(theirs).max() - 1) < 0.01


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("Zeros", {}, (2, 3)),
        ("Ones", {}, (2, 3)),
        ("Constant", {"value": 2.5}, (2, 3)),
        ("Constant", {"value": [1.0, 2.0, 3.0]}, (2, 3)),
        ("Identity", {}, (3, 3)),
        ("Identity", {"gain": 2.0}, (2, 4)),
        ("STFT", {}, (8, 1, 5)),
        ("STFT", {"side": "imag", "scaling": "spectrum"}, (8, 1, 5)),
        ("STFT", {"window": None, "scaling": None}, (8, 1, 5)),
        ("STFT", {"window": "hamming", "periodic": True}, (8, 1, 5)),
    ],
    ids=str,
)
def test_values_without_chance(name, arguments, shape):
    ours = getattr(initializers, name)(**arguments)(shape)
    theirs = np.asarray(getattr(keras.initializers, name)(**arguments)(shape))
    assert ours.dtype == theirs.dtype
    same(ours, theirs)


@pytest.mark.parametrize("shape", [(5, 5), (8, 3), (3, 8), (3, 3, 4, 6)], ids=str)
def test_orthogonal(shape):
    w = initializers.Orthogonal(gain=1.5, seed=1)(shape).reshape(-1, shape[-1])
    w = w.T if w.shape[0] > w.shape[1] else w
    np.testing.assert_allclose(w @ w.T, 1.5**2 * np.eye(len(w)), atol=1e-5)


def names():
    skip = {"get", "serialize", "deserialize"}
    return [n for n in dir(keras.initializers) if n[0] != "_" and n not in skip]


@pytest.mark.parametrize("name", names())
def test_every_name_of_keras_and_its_config(name):
    ours, theirs = initializers.get(name), getattr(keras.initializers, name)()
    assert type(ours) is getattr(initializers, name)
    if type(ours) not in (initializers.Identity, initializers.Initializer):  # Keras loses the gain of the one
        assert serialize(ours) == keras.initializers.serialize(theirs)
    again = initializers.get(serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()


@pytest.mark.parametrize("name", ["one", "zero", "normal", "uniform"])
def test_short_names(name):
    assert type(initializers.get(name)).__name__ == type(keras.initializers.get(name)).__name__


def test_a_seed_gives_one_array_for_one_shape():
    seeded = initializers.GlorotUniform(seed=7)
    np.testing.assert_array_equal(seeded((4, 4)), seeded((4, 4)))
    np.testing.assert_array_equal(seeded((4, 4)), initializers.GlorotUniform(seed=7)((4, 4)))
    assert (seeded((4, 4)) != initializers.GlorotUniform(seed=8)((4, 4))).any()


def test_without_a_seed_the_stream_of_the_process_goes_on():
    free = initializers.HeNormal()
    set_seed(5)
    first, second, seed = free((4, 4)), free((4, 4)), next_seed()
    assert (first != second).any()
    set_seed(5)
    np.testing.assert_array_equal(initializers.HeNormal()((4, 4)), first)
    np.testing.assert_array_equal(initializers.HeNormal()((4, 4)), second)
    assert next_seed() == seed
    set_seed(6)
    assert (free((4, 4)) != first).any()


@pytest.mark.parametrize("name", ["zeros", "glorot_uniform", "truncated_normal", "orthogonal"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtypes(name, dtype):
    assert initializers.get(name)((3, 3), dtype=dtype).dtype.name == dtype


def test_an_array_is_an_initializer_of_its_shape():
    np.testing.assert_array_equal(initializers.get(np.arange(3.0))((3,)), [0, 1, 2])
    with pytest.raises(ShapeError, match=r"The array given as initializer: expected shape \(2,\), got shape \(3,\)"):
        initializers.get(np.arange(3.0))((2,))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: initializers.get("glorot"), r"Unknown initializer 'glorot'.\nDid you mean"),
        (lambda: initializers.VarianceScaling(scale=0), "scale: expected a positive number, got 0"),
        (lambda: initializers.VarianceScaling(mode="fan"), "mode: expected 'fan_in', .*, got 'fan'"),
        (lambda: initializers.VarianceScaling(distribution="beta"), "distribution: expected .*, got 'beta'"),
        (lambda: initializers.HeNormal(seed="a"), "HeNormal's seed: expected an integer, .* got 'a'"),
        (lambda: initializers.Identity()((2, 2, 2)), "Identity creates only matrices: expected a shape of 2 axes"),
        (lambda: initializers.Orthogonal()((2,)), "Orthogonal needs a matrix: expected a shape of 2 axes or more"),
        (lambda: initializers.HeNormal()((2, 2), "int32"), "HeNormal draws real numbers: expected a float dtype"),
    ],
)
def test_errors(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()
