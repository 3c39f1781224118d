"""Random arrays against Keras on JAX: the same numbers for the same seed."""

import keras
import numpy as np
import pytest

import gazelle

DRAWS = {
    "normal": ("normal", ((3, 4),), {"mean": 1.5, "stddev": 0.5}),
    "normal half": ("normal", ((5,),), {"dtype": "float16"}),
    "truncated": ("truncated_normal", ((30,),), {"stddev": 2.0}),
    "uniform": ("uniform", ((2, 3),), {"minval": -1.0, "maxval": 4.0}),
    "randint": ("randint", ((9,), -3, 7), {}),
    "randint small": ("randint", ((9,), 0, 7), {"dtype": "int8"}),
    "categorical": ("categorical", (np.log([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]]).astype("float32"), 6), {}),
    "dropout": ("dropout", (np.arange(12, dtype="float32").reshape(3, 4), 0.4), {}),
    "dropout shape": ("dropout", (np.ones((3, 4), "float32"), 0.4), {"noise_shape": (None, 1)}),
    "dropout none": ("dropout", (np.ones(3, "float32"), 0.0), {}),
    "dropout all": ("dropout", (np.ones(3, "float32"), 1.0), {}),
    "shuffle": ("shuffle", (np.arange(7),), {}),
    "shuffle axis": ("shuffle", (np.arange(12).reshape(3, 4),), {"axis": 1}),
    "gamma": ("gamma", ((4,), 0.7), {}),
    "beta": ("beta", ((4,), 0.7, 1.3), {}),
    "binomial": ("binomial", ((4,), 9.0, 0.4), {}),
}


@pytest.mark.parametrize("seed", [0, 1337, 2**32 - 1])
@pytest.mark.parametrize("case", DRAWS)
def test_same_numbers(case, seed):
    name, args, kwargs = DRAWS[case]
    mine = getattr(gazelle.random, name)(*args, seed=seed, **kwargs)
    theirs = getattr(keras.random, name)(*args, seed=seed, **kwargs)
    assert mine.dtype == theirs.dtype
    rounding = 1e-6 if name == "dropout" else 0  # Keras divides a NumPy array on the host
    np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=rounding)


@pytest.mark.parametrize("ordered", [True, False])
def test_generator_walks_like_keras(ordered):
    mine, theirs = gazelle.random.SeedGenerator(5), keras.random.SeedGenerator(5)
    for _ in range(4):
        np.testing.assert_array_equal(np.asarray(mine.next(ordered)), np.asarray(theirs.next(ordered)))
    assert mine.get_config()["seed"] == theirs.get_config()["seed"]


def test_generator_gives_other_numbers_each_time():
    seeds = gazelle.random.SeedGenerator(5)
    other = keras.random.SeedGenerator(5)
    first, second = (gazelle.random.normal((3,), seed=seeds) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, np.asarray(keras.random.normal((3,), seed=other)))
    np.testing.assert_array_equal(second, np.asarray(keras.random.normal((3,), seed=other)))
