import numpy as np
import pytest

from gazelle.core.errors import ArgumentError, DataError
from gazelle.datasets import local as local_data
from gazelle.datasets.local import TABLES, Table


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "count", "top", "labels"),
    [
        ("breast_cancer", (30,), "float32", 569, 4254, 2),
        ("digits", (8, 8), "uint8", 1797, 16, 10),
        ("mnist_5k", (28, 28), "uint8", 5000, 255, 10),
    ],
)
def test_is_what_the_table_says(name, shape, dtype, count, top, labels):
    (x_train, y_train), (x_test, y_test) = local_data(name)
    assert x_train.shape[1:] == x_test.shape[1:] == shape
    assert x_train.dtype == x_test.dtype == dtype
    assert len(x_test) == len(y_test) == round(0.2 * count)
    assert len(x_train) == len(y_train) == count - len(x_test)
    assert max(x_train.max(), x_test.max()) == top
    assert min(x_train.min(), x_test.min()) == 0
    assert np.unique(y_train).tolist() == np.unique(y_test).tolist() == list(range(labels))


def test_agrees_with_scikit_learn():
    sets = pytest.importorskip("sklearn.datasets")
    for name, load in (("breast_cancer", sets.load_breast_cancer), ("digits", sets.load_digits)):
        x, y = TABLES[name].read()
        whole = load()
        np.testing.assert_allclose(x.reshape(len(x), -1), whole.data, rtol=1e-6)
        np.testing.assert_array_equal(y, whole.target)


def test_the_split_is_by_seed_and_leaves_nothing_out():
    (a, _), (b, _) = local_data("digits", test=0.3, seed=1)
    (c, _), (d, _) = local_data("digits", test=0.3, seed=1)
    (e, _), _ = local_data("digits", test=0.3, seed=2)
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)
    assert (a != e).any()
    both = np.concatenate([a, b]).reshape(1797, -1)
    np.testing.assert_array_equal(np.sort(both.sum(1)), np.sort(TABLES["digits"].read()[0].reshape(1797, -1).sum(1)))


def test_unknown_name_and_share():
    with pytest.raises(ArgumentError, match=r"Unknown local dataset 'digit'.\nDid you mean 'digits'"):
        local_data("digit")
    with pytest.raises(DataError, match="test: expected a fraction between 0 and 1, got 1"):
        local_data("digits", test=1)


def test_names_the_package_to_install():
    with pytest.raises(DataError, match=r"no-such-package, which is not installed.\nInstall it: pip install no-such-p"):
        Table("no-such-package", "x.csv", (1,), "uint8").read()
    with pytest.raises(DataError, match=r"numpy \S+ has no file numpy/x.csv"):
        Table("numpy", "numpy/x.csv", (1,), "uint8").read()
