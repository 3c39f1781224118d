"""Hashing, HashedCrossing and the fingerprints below them.

The numbers come from Keras' own tests on TensorFlow, from the paper of SipHash, from BigQuery's documentation of
FARM_FINGERPRINT, and, for the longer texts, from FarmHash's reference library.
"""

import jax
import numpy as np
import pytest

from gazelle import layers
from gazelle.core.errors import ArgumentError, ShapeError
from gazelle.layers import HashedCrossing, Hashing
from gazelle.layers.hashing import farmhash64, siphash64

LENGTHS = {
    0: 11160318154034397263,
    3: 10709908609026466970,
    7: 11736591675260184225,
    12: 11517357035142004093,
    24: 4556289589497654983,
    48: 17554329768031914595,
    64: 17691551913807367243,
    65: 14313328211205373374,
    200: 525935771297148851,
}


@pytest.mark.parametrize(("length", "wanted"), LENGTHS.items())
def test_farmhash_of_each_length(length, wanted):
    assert farmhash64(bytes(range(length))) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [(b"1footrue", -1541654101129638711), (b"2applefalse", 2794438866806483259), (b"3true", -4880158226897771312)],
)
def test_farmhash_as_bigquery_has_it(text, wanted):
    assert farmhash64(text) == wanted % 2**64


@pytest.mark.parametrize(
    ("length", "wanted"), [(0, 0x726FDB47DD0E0E31), (8, 0x93F5F5799A932462), (15, 0xA129CA6149BE45E5)]
)
def test_siphash_of_the_paper(length, wanted):
    assert siphash64(bytes(range(length)), [0x0706050403020100, 0x0F0E0D0C0B0A0908]) == wanted


LETTERS, NAMES = [["A"], ["B"], ["C"], ["D"], ["E"]], [["omar"], ["stringer"], ["marlo"], ["wire"], ["skywalker"]]
NUMBERS = [[0], [1], [2], [3], [4]]
HASHED = [
    ({"num_bins": 3}, LETTERS, [1, 0, 1, 1, 2]),
    ({"num_bins": 3, "mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]], [1, 1, 0, 2, 2]),
    ({"num_bins": 3, "salt": [133, 137]}, LETTERS, [1, 2, 1, 0, 2]),
    ({"num_bins": 3, "salt": 133}, LETTERS, [0, 0, 2, 1, 0]),
    ({"num_bins": 3}, NUMBERS, [1, 0, 1, 0, 2]),
    ({"num_bins": 1}, LETTERS, [0, 0, 0, 0, 0]),
    ({"num_bins": 2}, NAMES, [0, 0, 1, 0, 0]),
    ({"num_bins": 3, "mask_value": ""}, NAMES, [1, 1, 2, 1, 1]),
    ({"num_bins": 3, "mask_value": "omar"}, NAMES, [0, 1, 2, 1, 1]),
    ({"num_bins": 2, "salt": [133, 137]}, NAMES, [0, 1, 0, 1, 0]),
    ({"num_bins": 2, "salt": [211, 137]}, NAMES, [1, 0, 1, 0, 1]),
    ({"num_bins": 3, "salt": [133, 137]}, NUMBERS, [1, 1, 2, 0, 1]),
]


@pytest.mark.parametrize(("kwargs", "values", "wanted"), HASHED, ids=str)
@pytest.mark.parametrize("as_list", [False, True])
def test_hashing(kwargs, values, wanted, as_list):
    y = Hashing(**kwargs)(values if as_list else np.array(values))
    np.testing.assert_array_equal(y, np.array(wanted)[:, None])
    assert y.dtype == "int32"


@pytest.mark.parametrize(("mode", "shape"), [("one_hot", (5, 3)), ("multi_hot", (5, 3)), ("count", (5, 3))])
def test_hashing_modes(mode, shape):
    layer = Hashing(num_bins=3, output_mode=mode)
    y = layer(np.array(LETTERS))
    assert (y.shape, str(y.dtype)) == (shape, "float32")
    np.testing.assert_array_equal(np.argmax(y, -1), [1, 0, 1, 1, 2])
    spec = layer(layers.Input((1,), dtype="string"))
    assert (spec.shape, spec.dtype) == ((None, 3), "float32")


def test_hashing_in_a_compiled_program():
    layer = Hashing(num_bins=3)
    np.testing.assert_array_equal(jax.jit(lambda x: layer(x))(np.array(NUMBERS)), layer(np.array(NUMBERS)))


def test_hashing_config():
    layer = Hashing(num_bins=3, salt=5, mask_value="")
    config = layer.get_config()
    assert {k: config[k] for k in ("num_bins", "salt", "mask_value", "output_mode", "sparse")} == {
        "num_bins": 3,
        "salt": [5, 5],
        "mask_value": "",
        "output_mode": "int",
        "sparse": False,
    }
    assert config["dtype"]["config"]["name"] == "int64"
    assert Hashing.from_config(config).get_config() == config


LEFT, RIGHT = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])


@pytest.mark.parametrize(("bins", "wanted"), [(5, [1, 4, 1, 1, 3]), (10, [1, 4, 1, 6, 3])])
def test_crossing(bins, wanted):
    np.testing.assert_array_equal(HashedCrossing(bins)((LEFT, RIGHT)), wanted)
    np.testing.assert_array_equal(HashedCrossing(bins)([LEFT[:, None], RIGHT[:, None]])[:, 0], wanted)
    hot = HashedCrossing(bins, output_mode="one_hot")((LEFT, RIGHT))
    np.testing.assert_array_equal(hot, np.eye(bins)[wanted])


def test_crossing_of_single_values():
    assert int(HashedCrossing(10)((np.array("A"), np.array(101)))) == 1


def test_crossing_config():
    layer = HashedCrossing(4, name="x")
    assert layer.get_config() == {"num_bins": 4, "output_mode": "int", "sparse": False, "name": "x", "dtype": "int64"}
    assert HashedCrossing.from_config(layer.get_config()).get_config() == layer.get_config()


ERRORS = [
    (lambda: Hashing(num_bins=None), "num_bins of Hashing: expected a positive integer, got None"),
    (lambda: Hashing(num_bins=0), "got 0"),
    (lambda: Hashing(num_bins=2, salt="x"), "salt of Hashing: expected an integer or two integers, got 'x'"),
    (lambda: Hashing(num_bins=2, dtype="float32"), "expected 'int32' or 'int64' with output_mode='int'"),
    (lambda: Hashing(num_bins=2, output_mode="hot"), "Unknown output_mode of Hashing 'hot'"),
    (lambda: HashedCrossing(2)(np.array([1])), "expected a list of at least two arrays, got ndarray"),
    (lambda: HashedCrossing(2)([np.array([1])]), "expected a list of at least two arrays"),
    (lambda: HashedCrossing(2)([np.array([1.0]), np.array([1.0])]), "expected strings or integers, got floats"),
]


@pytest.mark.parametrize(("make", "text"), ERRORS, ids=lambda v: v if isinstance(v, str) else "")
def test_errors(make, text):
    with pytest.raises(ArgumentError) as error:
        make()
    assert text in str(error.value)


def test_crossing_of_other_shapes():
    with pytest.raises(ShapeError, match=r"expected equal shapes \(\), \(batch,\) or \(batch, 1\)"):
        HashedCrossing(2)([np.ones((2, 3), int), np.ones((2, 3), int)])
