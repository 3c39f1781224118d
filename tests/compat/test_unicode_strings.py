"""`tf.strings.unicode_*`."""

import pytest

TEXTS = ["añb", "語c"]


def test_offsets_and_code_points(tf):
    points, offsets = tf.strings.unicode_decode_with_offsets(TEXTS, "UTF-8")
    assert points.to_list() == [[97, 241, 98], [35486, 99]]
    assert offsets.to_list() == [[0, 1, 3], [0, 3]]
    characters, offsets = tf.strings.unicode_split_with_offsets("語c", "UTF-8")
    assert (characters.numpy().tolist(), offsets.numpy().tolist()) == (["語".encode(), b"c"], [0, 3])
    words = tf.RaggedTensor.from_row_splits(points, [0, 2])
    assert tf.strings.unicode_encode(words, "UTF-8").to_list() == [[text.encode() for text in TEXTS]]


def test_encodings(tf):
    utf16 = tf.strings.unicode_transcode(TEXTS, "UTF-8", "UTF-16-BE").numpy()
    assert utf16.tolist() == [text.encode("utf-16-be") for text in TEXTS]
    assert tf.strings.unicode_transcode(b"a\xff", "UTF-8", "UTF-8", replacement_char=63).numpy() == b"a?"
    assert tf.strings.unicode_transcode(b"a\xff", "UTF-8", "UTF-8", "ignore").numpy() == b"a"


def test_scripts(tf):
    pytest.importorskip("fontTools")
    points = tf.strings.unicode_decode(["Я a", "世界"], "UTF-8")
    assert tf.strings.unicode_script(points).to_list() == [[8, 0, 25], [17, 17]]  # Cyrillic, common, Latin; Han


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (r"'s|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+", ["<it><'s> <é><2><x><,> <½><9> <東京><!>", "<a><-><b>"]),
        (r"\P{L}", ["it<'>s< >é<2>x<,>< ><½><9>< >東京<!>", "a<->b"]),
        (r"[\pL_]", ["<i><t>'<s> <é>2<x>, ½9 <東><京>!", "<a>-<b>"]),
        (r"\p{Lu}|[\P{L}]", ["it<'>s< >é<2>x<,>< ><½><9>< >東京<!>", "a<->b"]),
    ],
)
def test_classes_of_unicode_in_patterns(tf, pattern, wanted):
    """The results of TensorFlow 2.15."""
    found = tf.strings.regex_replace(["it's é2x, ½9 東京!", "a-b"], pattern, r"<\0>")
    assert [value.decode() for value in found.numpy()] == wanted
