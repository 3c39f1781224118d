"""StringLookup and IntegerLookup: indices, adapt, files. Keras needs TensorFlow for them; what its documentation
and its own tests give is the expectation here."""

import json

import jax
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, DataError, StateError, UnsafeFileError
from gazelle.layers import IntegerLookup, StringLookup

ABC = ["a", "b", "c", "d"]
WORDS = np.array([["a", "c", "d"], ["d", "z", "b"]])


def test_strings_have_the_places_of_the_vocabulary():
    np.testing.assert_array_equal(StringLookup(vocabulary=ABC)(WORDS), [[1, 3, 4], [4, 0, 2]])


def test_a_mask_comes_first():
    layer = StringLookup(vocabulary=ABC, mask_token="")
    assert layer.get_vocabulary() == ["", "[UNK]", *ABC]
    assert layer.get_vocabulary(include_special_tokens=False) == ABC
    assert layer.vocabulary_size() == 6
    np.testing.assert_array_equal(layer(np.array(["", "z", "a"])), [0, 1, 2])


def test_special_tokens_in_front_of_a_vocabulary_are_seen():
    layer = StringLookup(vocabulary=["", "[UNK]", *ABC], mask_token="")
    assert layer.get_vocabulary() == ["", "[UNK]", *ABC]


@pytest.mark.parametrize("inputs", [WORDS.tolist(), WORDS.astype("S1"), WORDS.astype(object), "c"], ids=type)
def test_strings_come_in_any_dress(inputs):
    wanted = 3 if isinstance(inputs, str) else [[1, 3, 4], [4, 0, 2]]
    np.testing.assert_array_equal(StringLookup(vocabulary=ABC)(inputs), wanted)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("one_hot", [[[0, 1, 0, 0, 0], [0, 0, 0, 1, 0]], [[0, 0, 0, 0, 1], [1, 0, 0, 0, 0]]]),
        ("multi_hot", [[0, 1, 0, 1, 0], [1, 0, 0, 0, 1]]),
        ("count", [[0, 1, 0, 1, 0], [1, 0, 0, 0, 1]]),
    ],
)
def test_modes(mode, wanted):
    y = StringLookup(vocabulary=ABC, output_mode=mode)(np.array([["a", "c"], ["d", "z"]]))
    np.testing.assert_array_equal(y, wanted)
    assert str(y.dtype) == "float32"


def test_counts_and_masks():
    layer = StringLookup(vocabulary=ABC, output_mode="count", mask_token="")
    np.testing.assert_array_equal(
        layer(np.array([["a", "a", ""], ["z", "y", "b"]])), [[0, 2, 0, 0, 0], [2, 0, 1, 0, 0]]
    )
    assert layer.get_vocabulary() == ["[UNK]", *ABC]  # the mask has a place only with output_mode='int'


def test_padding_to_the_most_tokens():
    layer = StringLookup(vocabulary=ABC, output_mode="multi_hot", max_tokens=8, pad_to_max_tokens=True)
    assert layer(WORDS).shape == (2, 8)


def test_weights_by_frequency():
    layer = StringLookup(output_mode="tf_idf", pad_to_max_tokens=True, max_tokens=5)
    layer.adapt(np.array([["a", "a", "b"], ["a", "c", "c"]]))
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    idf = np.log(1 + 2 / (1 + np.array([2, 1, 1])))
    row = layer(np.array([["a", "a", "q", "c"]]))[0]
    np.testing.assert_allclose(row, [idf.mean(), 2 * idf[0], idf[1], 0, 0], rtol=1e-6)


def test_given_weights():
    layer = StringLookup(vocabulary=ABC, idf_weights=[0.25, 0.75, 0.6, 0.4], output_mode="tf_idf")
    y = layer(np.array([["a", "c", "d", "d"], ["d", "z", "b", "z"]]))
    np.testing.assert_allclose(y, [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]], rtol=1e-6)  # Keras' documentation


def test_several_places_for_unknown_strings():
    layer = StringLookup(vocabulary=["a"], num_oov_indices=3)
    places = np.asarray(layer(np.array(["A", "B", "C", "D", "E", "a"])))
    np.testing.assert_array_equal(places, [1, 0, 1, 1, 2, 3])  # FarmHash64 modulo 3, as in `Hashing`
    salted = StringLookup(vocabulary=["a"], num_oov_indices=3, salt=[133, 137])
    np.testing.assert_array_equal(salted(np.array(["A", "B", "C", "D", "E"])), [1, 2, 1, 0, 2])


def test_several_places_for_unknown_numbers():
    layer = IntegerLookup(vocabulary=[12, 36], num_oov_indices=2, mask_token=0)
    np.testing.assert_array_equal(layer(np.array([0, 7, 8, 36])), [0, 2, 1, 4])
    hashed = IntegerLookup(vocabulary=[12], num_oov_indices=3, oov_method="farmhash")
    np.testing.assert_array_equal(hashed(np.array([0, 1, 2, 3, 4])), [1, 0, 1, 0, 2])


def test_the_way_back():
    layer = StringLookup(vocabulary=ABC, invert=True, mask_token="")
    assert layer(np.array([[0, 1, 2], [5, 9, 3]])).tolist() == [["", "[UNK]", "a"], ["d", "[UNK]", "b"]]
    numbers = IntegerLookup(vocabulary=[12, 36], invert=True)
    np.testing.assert_array_equal(numbers(np.array([0, 1, 2, 3])), [-1, 12, 36, -1])


def test_learning_orders_by_frequency_then_by_falling_value():
    layer = StringLookup()
    layer.adapt(np.array([["a", "c", "d"], ["d", "z", "b"]]))
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]  # as in Keras' documentation
    layer.adapt(["x", "y", "x"])
    assert layer.get_vocabulary() == ["[UNK]", "x", "y"]
    numbers = IntegerLookup(max_tokens=3)
    numbers.adapt(np.array([[12, 1138, 42], [42, 1000, 36]]))
    assert numbers.get_vocabulary() == [-1, 42, 1138]


def test_learning_from_batches():
    layer = StringLookup(mask_token="")
    layer.adapt((batch for batch in ([["a", "b"]], [["b", ""]], [["c", "c"]])), steps=2)
    assert layer.get_vocabulary() == ["", "[UNK]", "b", "a"]


def test_a_vocabulary_from_a_file(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\n")
    layer = StringLookup(vocabulary=str(tmp_path / "words.txt"))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    assert layer.get_config()["vocabulary"] == ["a", "b"]  # the words, not the place: a config opens no files
    with pytest.raises(UnsafeFileError, match="expected a list of tokens, got the file 'secret"):
        StringLookup.from_config({**layer.get_config(), "vocabulary": "secret.txt"})


KEYS = {
    "name",
    "trainable",
    "dtype",
    "invert",
    "max_tokens",
    "num_oov_indices",
    "oov_token",
    "mask_token",
    "output_mode",
    "sparse",
    "pad_to_max_tokens",
    "idf_weights",
    "vocabulary",
    "vocabulary_size",
    "oov_method",
    "salt",
}


@pytest.mark.parametrize(
    ("layer", "more"),
    [(StringLookup(vocabulary=ABC), "encoding"), (IntegerLookup(vocabulary=[1, 2]), "vocabulary_dtype")],
)
def test_config_has_the_keys_of_keras(layer, more):
    config = json.loads(json.dumps(layer.get_config()))
    assert set(config) == KEYS | {more}
    assert type(layer).from_config(config).get_config() == config


@pytest.mark.parametrize("mode", ["int", "multi_hot", "tf_idf"])
def test_what_was_learned_is_in_the_file(mode, tmp_path):
    layer = StringLookup(output_mode=mode, mask_token="")
    layer.adapt(np.array([["a", "b"], ["b", "c"]]))
    x = layers.Input((2,), dtype="string")
    model = gazelle.Model(x, layer(x))
    model.save(tmp_path / "m.keras")
    again = gazelle.models.load_model(tmp_path / "m.keras")
    data = np.array([["a", "z"], ["c", "c"]])
    np.testing.assert_array_equal(again(data), model(data))


def test_assets_are_one_token_a_line(tmp_path):
    layer = StringLookup(mask_token="")
    layer.adapt(["a", "b", "b"])
    layer.save_assets(tmp_path)
    assert (tmp_path / "vocabulary.txt").read_text() == "\n[UNK]\nb\na"
    fresh = StringLookup(mask_token="")
    fresh.load_assets(tmp_path)
    assert fresh.get_vocabulary() == layer.get_vocabulary()


def test_numbers_come_in_a_compiled_program():
    layer = IntegerLookup(vocabulary=[5, 7], output_mode="one_hot")
    x = np.array([[5], [7], [3]])
    np.testing.assert_array_equal(jax.jit(lambda x: layer(x))(x), layer(x))
    inputs = layers.Input((1,), dtype="int32")
    model = gazelle.Model(inputs, layers.Dense(1, use_bias=False, kernel_initializer="zeros")(layer(inputs)))
    model.compile(gazelle.optimizers.SGD(1.0), "mse")
    model.fit(x, np.array([[1.0], [2.0], [3.0]]), epochs=60, verbose=0, batch_size=3)
    assert model.predict(x, verbose=0).ravel() == pytest.approx([1, 2, 3], abs=0.5)


def test_traced_shapes():
    x = layers.Input((3,), dtype="string")
    assert (StringLookup(vocabulary=ABC)(x).shape, StringLookup(vocabulary=ABC)(x).dtype) == ((None, 3), "int64")
    assert StringLookup(vocabulary=ABC, output_mode="multi_hot")(x).shape == (None, 5)
    assert StringLookup(vocabulary=ABC, output_mode="one_hot")(x).shape == (None, 3, 5)


ERRORS = [
    ({"vocabulary": ["a", "a"]}, "expected each token once, got ['a'] more than once"),
    ({"vocabulary": []}, "expected at least one token, got none"),
    ({"vocabulary": ["b", ""], "mask_token": ""}, "expected no mask_token '' among the tokens, got it at index 1"),
    ({"vocabulary": ABC, "max_tokens": 3}, "expected max_tokens=3, got 5 with special tokens"),
    ({"max_tokens": 1}, "expected None or more than 1, got 1"),
    ({"num_oov_indices": -1}, "expected 0 or more, got -1"),
    ({"pad_to_max_tokens": True}, "expected a max_tokens, got None"),
    ({"invert": True, "output_mode": "count"}, "with invert=True: expected 'int', got 'count'"),
    ({"output_mode": "counts"}, "Unknown output_mode of StringLookup 'counts'"),
    ({"idf_weights": [1.0]}, "expected output_mode='tf_idf', got 'int'"),
    ({"output_mode": "tf_idf", "vocabulary": ABC}, "expected one for each token, got none"),
    ({"output_mode": "tf_idf", "vocabulary": ABC, "idf_weights": [1.0]}, "expected 4 numbers, got shape (1,)"),
    ({"salt": [1]}, "salt of StringLookup: expected an integer or two integers, got [1]"),
]


@pytest.mark.parametrize(("kwargs", "text"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors_of_arguments(kwargs, text):
    with pytest.raises(ArgumentError) as error:
        StringLookup(**kwargs)
    assert text in str(error.value)


def test_errors_of_calls():
    with pytest.raises(DataError, match=r"expected values of the vocabulary, got \['z'\]"):
        StringLookup(vocabulary=ABC, num_oov_indices=0)(WORDS)
    with pytest.raises(StateError, match="has no vocabulary yet"):
        StringLookup(output_mode="count")(WORDS)
    with pytest.raises(StateError, match="got one that was given its vocabulary"):
        StringLookup(vocabulary=ABC).adapt(WORDS)
    with pytest.raises(ArgumentError, match="expected oov_method='farmhash', got floormod"):
        IntegerLookup(salt=3)
    with pytest.raises(ArgumentError, match="oov_method of IntegerLookup: expected 'floormod' or 'farmhash'"):
        IntegerLookup(oov_method="md5")


def test_a_layer_from_a_config_has_no_vocabulary():
    layer = StringLookup()
    layer.adapt(np.array(["a", "b"]))
    copy = StringLookup.from_config(layer.get_config())
    with pytest.raises(StateError, match=r"has no vocabulary\.\nCall .*set_vocabulary\(\[...\]\) with the 3 entries"):
        copy(np.array(["a"]))
    copy.set_vocabulary(["b", "a"])
    assert copy(np.array(["a"])).tolist() == [2]


def test_weights_that_adapt_found_are_an_attribute_and_not_in_the_config():
    layer = StringLookup(output_mode="tf_idf")
    assert layer.idf_weights is None
    layer.adapt(["one", "one", "one", "two", "two", "three"])
    wanted = np.log(1 + 6 / (1 + np.array([3, 2, 1])))
    np.testing.assert_allclose(layer.idf_weights, [wanted.mean(), *wanted], rtol=1e-6)
    assert layer.get_config()["idf_weights"] is None
    given = StringLookup(output_mode="tf_idf", vocabulary=["a", "b"], idf_weights=[0.5, 0.6])
    np.testing.assert_allclose(given.idf_weights, [0.55, 0.5, 0.6], rtol=1e-6)
    again = StringLookup.from_config(json.loads(json.dumps(given.get_config())))
    np.testing.assert_array_equal(again.idf_weights, given.idf_weights)


@pytest.mark.parametrize("layer", [StringLookup, IntegerLookup, layers.TextVectorization])
def test_a_missing_vocabulary_file_is_named(layer, tmp_path):
    with pytest.raises(ValueError, match=r"missing\.txt' cannot be read") as raised:
        layer(vocabulary=str(tmp_path / "missing.txt"))
    assert isinstance(raised.value, FileNotFoundError)
