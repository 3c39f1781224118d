"""The tables in `gazelle/compat/tables`: every entry refers to something that exists."""

import importlib
import pathlib
import sys

import numpy as np
import pytest

from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat import old_names, tables
from gazelle.compat import tensorflow as facade
from gazelle.compat.attributes import _OF
from gazelle.compat.namespaces import namespace
from gazelle.compat.private import keras_src
from gazelle.core.errors import GazelleError

OF_OBJECTS = ("defaults", "keras_src", "old_names", "private_helpers", "replaced")  # a line may have several names
FILES = sorted(path.stem for path in pathlib.Path(tables.__file__).parent.glob("*.txt"))


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


@pytest.mark.parametrize("name", FILES)
def test_no_key_is_there_twice(name):
    text = pathlib.Path(tables.__file__).with_name(f"{name}.txt").read_text()
    section, seen = "", set()
    for line in text.replace("\n ", " ").splitlines():
        section = line if line.startswith("[") else section
        if line and line[0] not in "[#":
            assert " =" in line, line
            keys = line.partition(" =")[0]
            for key in keys.split() if name in OF_OBJECTS else [keys]:
                assert (section, key) not in seen, key
                seen.add((section, key))


@pytest.mark.parametrize("module", old_names.NAMES)
def test_earlier_names_are_found(module):
    assert [name for name, path in old_names.NAMES[module].items() if tables.resolve(path, module) is None] == []


def test_modules_are_found():
    for module in set(old_names.PATHS.values()) - {"gazelle.compat.scikit_learn"}:  # which imports scikit-learn
        importlib.import_module(module)


def test_private_names_are_found():
    for names in keras_src._PRIVATE.values():
        assert [name for name, path in names.items() if keras_src._found(path) is None] == []


def test_modules_in_tables_are_imported(monkeypatch):
    """`unittest` has the attribute `mock` only after `unittest.mock` was imported."""
    monkeypatch.delattr("unittest.mock")
    monkeypatch.delitem(sys.modules, "unittest.mock")
    for path in tables.objects("tensorflow")["objects"].values():
        if path.startswith("unittest"):
            tables.resolve(path, "gazelle.compat.tensorflow")


def test_attributes_belong_to_classes():
    assert tables.read("attributes").keys() <= {kind.__name__ for kind, _ in _OF}


def test_functions_of_keras_backend_have_its_arguments():
    x = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]], "float32")
    assert np.array(K.argmax(x)).tolist() == [1, 2]
    assert np.array(K.cumsum(x)).tolist() == [[1, 5, 2], [5, 8, 8]]
    assert np.array(K.maximum(x=x, y=3.0)).tolist() == [[3, 5, 3], [4, 3, 6]]
    assert np.array(K.pow(x=x, a=2)).tolist() == (x**2).tolist()
    assert K.permute_dimensions(x, pattern=(1, 0)).shape == (3, 2)
    assert K.repeat_elements(x, rep=2, axis=1).shape == (2, 6)
    assert np.array(K.max(x, 1, True)).tolist() == [[5], [6]]
    with pytest.raises(TypeError, match="missing a required argument: 'y'"):
        K.equal(x)


def test_functions_of_tensorflow_have_the_arguments_of_its_first_version(tf):
    x = tf.constant([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]])
    assert tf.reduce_sum(x, reduction_indices=[1], keep_dims=True).numpy().tolist() == [[8], [13]]
    assert tf.reduce_max(input_tensor=x, axis=0, keepdims=None).numpy().tolist() == [4, 5, 6]
    assert tf.argmax(x, dimension=1).numpy().tolist() == [1, 2]
    assert tf.expand_dims(x, dim=0).shape == tf.nn.softmax(x[None], dim=-1).shape == (1, 2, 3)
    assert tf.squeeze(x[None], squeeze_dims=[0]).shape == (2, 3)
    assert tf.nn.moments(x, [0], keep_dims=True)[0].shape == (1, 3)
    image, kernel = tf.ones((1, 4, 4, 1)), tf.ones((3, 3, 1, 2))
    assert tf.nn.conv2d(image, filter=kernel, strides=[1, 1, 1, 1], padding="VALID").shape == (1, 2, 2, 2)
    assert tf.nn.max_pool(value=image, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1]).shape == (1, 2, 2, 1)
    symbolic = namespace("gazelle").Input((3,))
    assert tf.reduce_mean(symbolic, reduction_indices=1, keep_dims=True).shape == (None, 1)
    with pytest.raises((GazelleError, TypeError), match="dim"):
        tf.nn.relu(x, dim=1)


def test_functions_of_tensorflow_have_its_arguments(tf):
    assert tf.linalg.pinv(a=[[2.0]], rcond=None).numpy().tolist() == [[0.5]]
    assert tf.nn.leaky_relu(features=[-1.0], alpha=0.5).numpy().tolist() == [-0.5]
    assert tf.signal.fftshift([1, 2, 3, 4], axes=[0]).numpy().tolist() == [3, 4, 1, 2]
    assert tf.tile(input=[1, 2], multiples=tf.constant([2])).numpy().tolist() == [1, 2, 1, 2]
    assert tf.igamma(1.0, x=1.0).numpy() == pytest.approx(1 - np.exp(-1))
    assert tf.mul is tf.multiply
    assert (2 - tf.ragged.constant([[1], [2, 3]])).to_list() == [[1], [0, -1]]
    with pytest.raises((GazelleError, TypeError), match="missing a required argument: 'y'"):
        tf.maximum(1.0)


def test_arguments_that_are_ignored(tf):
    data = tf.data.Dataset.range(4, name="r").map(lambda x: x * 2, 4, True, "m").batch(2, True, 4, name="b")
    assert [batch.numpy().tolist() for batch in data] == [[0, 2], [4, 6]]
    variable = tf.Variable(1.0)
    assert float(variable.assign(2.0, True, "a", False)) == 2
    assert float(variable.assign_add(1.0, use_locking=True)) == 3
    with pytest.raises(TypeError):
        data.skip(1, count=2)
    with pytest.raises(TypeError):
        tf.data.Dataset.range(3).repeat(2, "name", 3, 4, 5)
