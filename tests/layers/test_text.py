"""TextVectorization. Keras needs TensorFlow for it; its documentation and its own tests give the expectations."""

import json

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, ShapeError
from gazelle.layers import TextVectorization

TEXTS = ["Foo qux, bar!", "qux  BAZ"]


def test_the_example_of_the_documentation():
    layer = TextVectorization(max_tokens=5000, output_mode="int", output_sequence_length=4)
    layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    np.testing.assert_array_equal(layer([["foo qux bar"], ["qux baz"]]), [[4, 1, 3, 0], [1, 2, 0, 0]])
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]


def test_a_given_vocabulary():
    layer = TextVectorization(vocabulary=["earth", "wind", "and", "fire"])
    assert layer.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    np.testing.assert_array_equal(layer(["fire and wind", "Earth, ice"]), [[5, 4, 3], [2, 1, 0]])


@pytest.mark.parametrize(
    ("standardize", "wanted"),
    [
        ("lower_and_strip_punctuation", ["foo", "qux", "bar"]),
        ("lower", ["foo", "qux,", "bar!"]),
        ("strip_punctuation", ["Foo", "qux", "bar"]),
        (None, ["Foo", "qux,", "bar!"]),
        (np.strings.upper, ["FOO", "QUX,", "BAR!"]),
    ],
)
def test_standardize(standardize, wanted):
    assert TextVectorization(standardize=standardize).tokens(np.array(TEXTS))[0] == wanted


def test_every_mark_of_ascii_goes_and_other_letters_stay():
    layer = TextVectorization()
    assert layer.tokens(np.array(["""a!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'b ÄÖ"""])) == [["ab", "ÄÖ"]]


@pytest.mark.parametrize(
    ("split", "wanted"),
    [
        ("whitespace", ["foo", "qux", "bar"]),
        ("character", [*"foo qux bar"]),
        (None, ["foo qux bar"]),
        (lambda x: [text.split("q") for text in x.tolist()], ["foo ", "ux bar"]),
    ],
)
def test_split(split, wanted):
    assert TextVectorization(split=split).tokens(np.array(TEXTS))[0] == wanted


@pytest.mark.parametrize(
    ("ngrams", "wanted"),
    [
        (None, ["a", "b", "c"]),
        (2, ["a", "b", "c", "a b", "b c"]),
        ((1, 3), ["a", "b", "c", "a b c"]),
        ((2,), ["a b", "b c"]),
    ],
)
def test_ngrams(ngrams, wanted):
    assert TextVectorization(ngrams=ngrams).tokens(np.array(["a b c"]))[0] == wanted


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("multi_hot", [[0, 1, 1], [1, 0, 1]]),
        ("count", [[0, 2, 1], [2, 0, 1]]),
        ("tf_idf", [[0, 1, 0.25], [1.0, 0, 0.25]]),
    ],
)
def test_modes(mode, wanted):
    weights = {"idf_weights": [0.5, 0.25]} if mode == "tf_idf" else {}
    layer = TextVectorization(output_mode=mode, vocabulary=["a", "b"], **weights)
    y = layer(["a b a", "x y b"])
    wanted = np.array(wanted, "float32")
    if mode == "tf_idf":
        wanted[1, 0] = 2 * 0.375  # unknown words weigh the mean
    np.testing.assert_allclose(y, wanted)
    spec = layer(layers.Input((1,), dtype="string"))
    assert (spec.shape, spec.dtype) == ((None, 3), "float32")


@pytest.mark.parametrize(
    "inputs", [np.array(TEXTS), np.array(TEXTS)[:, None], TEXTS, np.array(TEXTS).astype("S")], ids=str
)
def test_texts_come_in_any_dress(inputs):
    layer = TextVectorization(vocabulary=["foo", "bar", "baz"])
    np.testing.assert_array_equal(layer(inputs), [[2, 1, 3], [1, 4, 0]])


def test_one_text_as_in_a_map_over_a_dataset():
    layer = TextVectorization(vocabulary=["foo", "bar"])
    assert [layer(text).tolist() for text in TEXTS] == [[2, 1, 3], [1, 1]]
    assert [layer(np.array(text)).shape for text in TEXTS] == [(3,), (2,)]


def test_learning_from_batches_and_again():
    layer = TextVectorization(max_tokens=4)
    layer.adapt(iter([np.array(["a b b"]), np.array(["b c c", "c"])]))
    assert layer.get_vocabulary() == ["", "[UNK]", "c", "b"]
    layer.adapt(["x y", "y"])
    assert layer.get_vocabulary() == ["", "[UNK]", "y", "x"]
    assert layer.vocabulary_size() == 4


KEYS = {
    "name",
    "trainable",
    "dtype",
    "max_tokens",
    "standardize",
    "split",
    "ngrams",
    "output_mode",
    "output_sequence_length",
    "pad_to_max_tokens",
    "sparse",
    "ragged",
    "vocabulary",
    "idf_weights",
    "encoding",
    "vocabulary_size",
}


@pytest.mark.parametrize(
    "kwargs", [{}, {"vocabulary": ["a", "b"]}, {"ngrams": (1, 2)}, {"ngrams": 2, "split": None}], ids=str
)
def test_config_has_the_keys_of_keras(kwargs):
    layer = TextVectorization(**kwargs)
    config = json.loads(json.dumps(layer.get_config()))
    assert set(config) == KEYS
    again = TextVectorization.from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert again.ngrams == layer.ngrams


def test_a_model_of_texts_is_saved_with_its_words(tmp_path):
    layer = TextVectorization(output_sequence_length=3)
    layer.adapt(TEXTS)
    model = gazelle.Sequential([layers.Input((1,), dtype="string"), layer, layers.Embedding(6, 2), layers.Flatten()])
    model.save(tmp_path / "m.keras")
    again = gazelle.models.load_model(tmp_path / "m.keras")
    data = np.array([["bar qux"], ["what"]])
    np.testing.assert_array_equal(again(data), model(data))
    assert again.layers[0].get_vocabulary() == layer.get_vocabulary()


def test_a_model_learns_its_shape_from_texts():
    model = gazelle.Sequential([TextVectorization(vocabulary=["a", "b"], output_mode="count"), layers.Dense(1)])
    assert model(np.array(["a b b", "c"])).shape == (2, 1)


ERRORS = [
    ({"standardize": "upper"}, "standardize of TextVectorization: expected lower_and_strip_punctuation, lower"),
    ({"split": "lines"}, "split of TextVectorization: expected whitespace, character, None or a function, got 'lines'"),
    ({"ngrams": "2"}, "ngrams of TextVectorization: expected an integer or a tuple of integers"),
    ({"output_mode": "text"}, "Unknown output_mode of TextVectorization 'text'"),
    ({"output_mode": "count", "output_sequence_length": 3}, "expected output_mode='int', got 'count'"),
    ({"ragged": True}, "ragged=True of TextVectorization: expected False"),
]


@pytest.mark.parametrize(("kwargs", "text"), ERRORS, ids=lambda v: str(v)[:30])
def test_errors(kwargs, text):
    with pytest.raises(ArgumentError) as error:
        TextVectorization(**kwargs)
    assert text in str(error.value)


def test_two_texts_a_row_do_not_fit():
    with pytest.raises(ShapeError, match=r"expected one text a row, \(batch,\) or \(batch, 1\), got shape \(1, 2\)"):
        TextVectorization(vocabulary=["a"])(np.array([["a", "b"]]))


@pytest.mark.parametrize(
    ("mode", "length", "given", "expected"),
    [
        ("int", None, ["foo", "f"], [2, 1]),
        ("int", 3, ["foo", "f"], [2, 1, 0]),
        ("int", None, "foo", 2),
        ("int", None, [["foo", "bar"], ["f", "foo"]], [[2, 3], [1, 2]]),
        ("int", 3, [["foo"], ["f"]], [[2, 0, 0], [1, 0, 0]]),
        ("multi_hot", None, ["foo", "f"], [1.0, 1.0, 0.0]),
        ("count", None, [["foo", "foo"], ["f", "bar"]], [[0.0, 2.0, 0.0], [1.0, 0.0, 1.0]]),
    ],
)
def test_tokens_that_are_not_split_are_on_the_last_axis(mode, length, given, expected):
    """The results of TensorFlow 2.15."""
    layer = TextVectorization(vocabulary=["foo", "bar"], split=None, output_mode=mode, output_sequence_length=length)
    out = np.asarray(layer(np.asarray(given)))
    np.testing.assert_array_equal(out, expected)
    if out.ndim == 2:
        assert layer(gazelle.Input(np.shape(given)[1:], dtype="string")).shape == (None, out.shape[1])


@pytest.mark.parametrize("token", [str, str.encode, np.str_, lambda text: np.bytes_(text.encode())])
def test_a_function_that_splits_may_return_bytes_and_arrays(token):
    for row in (list, tuple, np.asarray):
        layer = TextVectorization(
            split=lambda texts, row=row: [row([token(part) for part in text.split("-")]) for text in texts.tolist()],
            standardize=None,
        )
        layer.adapt(["a-b", "b-c"])
        assert layer.get_vocabulary() == ["", "[UNK]", "b", "c", "a"]
        np.testing.assert_array_equal(layer(["c-z-a"]), [[3, 1, 4]])
