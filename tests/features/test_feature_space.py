"""FeatureSpace: columns, crosses, learning, the graph, files."""

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, StateError
from gazelle.utils import FeatureSpace

RNG = np.random.default_rng(0)
DATA = {
    "size": RNG.normal(3, 2, 20),
    "raw": RNG.normal(size=20),
    "scaled": RNG.normal(size=20),
    "city": RNG.choice(["Rome", "Oslo", "Bonn"], 20),
    "age": RNG.integers(0, 5, 20),
    "bin": RNG.normal(size=20),
    "word": RNG.choice(list("abcdef"), 20),
    "code": RNG.integers(0, 50, 20),
}
KINDS = {
    "size": "float_normalized",
    "raw": "float",
    "scaled": FeatureSpace.float_rescaled(2.0, 1.0),
    "city": "string_categorical",
    "age": "integer_categorical",
    "bin": "float_discretized",
    "word": "string_hashed",
    "code": "integer_hashed",
}
WIDTH = {"age": 6, "bin": 4, "city": 4, "code": 5, "raw": 1, "scaled": 1, "size": 1, "word": 5, "age_X_city": 8}


@pytest.fixture
def space():
    space = FeatureSpace(KINDS, crosses=[("age", "city")], crossing_dim=8, num_discretization_bins=4, hashing_dim=5)
    space.adapt(DATA)
    return space


def test_columns_stand_in_the_order_of_their_names(space):
    y = np.asarray(space(DATA))
    assert y.shape == (20, sum(WIDTH.values()))
    parts = dict(zip(WIDTH, np.split(y, np.cumsum([*WIDTH.values()])[:-1], axis=1)))
    np.testing.assert_allclose(parts["raw"][:, 0], DATA["raw"], rtol=1e-6)
    np.testing.assert_allclose(parts["scaled"][:, 0], 2 * DATA["scaled"] + 1, rtol=1e-5)
    size = DATA["size"]
    np.testing.assert_allclose(parts["size"][:, 0], (size - size.mean()) / size.std(), rtol=1e-4, atol=1e-5)
    for name in ("age", "bin", "city", "code", "word", "age_X_city"):
        np.testing.assert_array_equal(parts[name].sum(1), 1)
    np.testing.assert_array_equal(np.argmax(parts["word"], 1), layers.Hashing(5)(DATA["word"]))
    numbers = [space.preprocessors[name](DATA[name]) for name in ("age", "city")]
    np.testing.assert_array_equal(np.argmax(parts["age_X_city"], 1), layers.HashedCrossing(8)(numbers))


def test_one_row(space):
    row = space({name: values[3] for name, values in DATA.items()})
    np.testing.assert_allclose(row, space(DATA)[3], rtol=1e-6)


def test_batches_teach_the_same_as_columns(space):
    other = FeatureSpace(KINDS, crosses=[("age", "city")], crossing_dim=8, num_discretization_bins=4, hashing_dim=5)
    other.adapt({name: values[i : i + 5] for name, values in DATA.items()} for i in range(0, 20, 5))
    for name in ("age", "city"):
        assert other.preprocessors[name].get_vocabulary() == space.preprocessors[name].get_vocabulary()
    np.testing.assert_allclose(other.preprocessors["size"].mean, space.preprocessors["size"].mean, rtol=1e-5)


def test_the_graph_gives_the_same(space):
    model = gazelle.Model(space.get_inputs(), space.get_encoded_features())
    np.testing.assert_allclose(model(DATA), space(DATA), rtol=1e-6)
    assert space.get_encoded_features().shape == (None, sum(WIDTH.values()))


def test_a_dict_keeps_the_columns():
    space = FeatureSpace(
        {"age": FeatureSpace.integer_categorical(output_mode="int"), "raw": "float"}, output_mode="dict"
    )
    space.adapt(DATA)
    y = space(DATA)
    assert {name: (v.shape, str(v.dtype)) for name, v in y.items()} == {
        "age": ((20, 1), "int32"),
        "raw": ((20, 1), "float32"),
    }


def test_saved_and_loaded(space, tmp_path):
    space.save(tmp_path / "space.keras")
    again = gazelle.models.load_model(tmp_path / "space.keras")
    np.testing.assert_array_equal(again(DATA), space(DATA))
    assert again.get_config()["crossing_dim"] == 8


def test_nothing_to_learn_needs_no_data():
    assert FeatureSpace({"word": "string_hashed", "raw": "float"})(DATA).shape == (20, 33)


def test_errors():
    with pytest.raises(StateError, match="FeatureSpace is not adapted to data"):
        FeatureSpace({"size": "float_normalized"})(DATA)
    with pytest.raises(ArgumentError, match="Unknown feature of column 'size' 'normalized'"):
        FeatureSpace({"size": "normalized"})
    with pytest.raises(ArgumentError, match="Unknown feature in crosses 'town'"):
        FeatureSpace({"size": "float"}, crosses=[("size", "town")])
    with pytest.raises(ArgumentError, match="features of FeatureSpace: expected at least one"):
        FeatureSpace({})
    with pytest.raises(ArgumentError, match="Unknown output_mode of FeatureSpace 'list'"):
        FeatureSpace({"size": "float"}, output_mode="list")
    with pytest.raises(ArgumentError, match=r"expected columns \['raw', 'size'\], got none for \['size'\]"):
        FeatureSpace({"raw": "float", "size": "float"})({"raw": [1.0]})
    space = FeatureSpace({"age": FeatureSpace.integer_hashed(4, output_mode="int"), "raw": "float"})
    with pytest.raises(ArgumentError, match="Feature 'age' cannot be concatenated"):
        space(DATA)
    with pytest.raises(ArgumentError, match=r"with output_mode='one_hot': expected integers, got float32"):
        FeatureSpace({"raw": FeatureSpace.feature("float32", layers.Rescaling(2.0), "one_hot")})(DATA)
