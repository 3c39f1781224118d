"""Legacy preprocessing compared with the code that Keras 3.15 still contains."""

import numpy as np
import pytest
from keras.src.legacy.preprocessing import image as old_image
from keras.src.legacy.preprocessing import sequence as old_sequence
from keras.src.legacy.preprocessing import text as old_text

from gazelle.compat import era
from gazelle.compat.preprocessing import image, sequence, text

TEXTS = ["The cat sat on the mat.", "A dog; a cat, a MAT!", "don't stop\tme now"]
X = np.random.RandomState(0).randint(0, 256, (6, 10, 8, 3)).astype("float32")
CHANGES = [
    {"rotation_range": 40, "fill_mode": "constant", "cval": 3.0},
    {"width_shift_range": 0.3, "height_shift_range": 0.2},
    {"width_shift_range": [-2, 0, 2], "height_shift_range": 3},
    {"shear_range": 20, "zoom_range": 0.4, "fill_mode": "reflect"},
    {"zoom_range": [0.5, 1.5], "horizontal_flip": True, "vertical_flip": True, "rotation_range": 10},
    {"channel_shift_range": 60.0, "samplewise_center": True, "samplewise_std_normalization": True},
    {"brightness_range": (0.5, 1.5), "rescale": 1 / 255},
    {"featurewise_center": True, "featurewise_std_normalization": True, "rotation_range": 90},
    {"zca_whitening": True, "featurewise_center": True},
    {"rotation_range": 30, "data_format": "channels_first"},
]


@pytest.mark.parametrize("kwargs", CHANGES, ids=lambda kwargs: "-".join(kwargs))
def test_images_change_as_in_keras(kwargs):
    x = np.moveaxis(X, -1, 1) if kwargs.get("data_format") == "channels_first" else X
    batches = []
    for namespace in (image, old_image):
        generator = namespace.ImageDataGenerator(**kwargs)
        if "featurewise_center" in kwargs or "zca_whitening" in kwargs:
            generator.fit(x)
        flow = generator.flow(x, np.arange(6), batch_size=4, seed=3)
        batches.append([next(flow) for _ in range(3)])
    for (a, y_a), (b, y_b) in zip(*batches, strict=True):
        assert y_a.tolist() == y_b.tolist()
        np.testing.assert_allclose(a, b, atol=2e-3 if "zca_whitening" in kwargs else 1e-4)


def test_subsets_and_lengths():
    flow = image.ImageDataGenerator(validation_split=0.5).flow(X, batch_size=2, subset="validation", shuffle=False)
    assert len(flow) == 2
    np.testing.assert_array_equal(np.concatenate([next(flow), next(flow)]), X[:3])


def test_folders_and_frames(tmp_path):
    import pandas

    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
        for number in range(3):
            image.save_img(tmp_path / kind / f"{number}.png", X[number])
    names = [f"{kind}/{n}.png" for kind in "ab" for n in range(3)]
    frame = pandas.DataFrame({"filename": names, "class": list("aaabbb"), "size": range(6)})
    frame["labels"] = [["a", "b"], ["b"], ["c"], ["a"], ["b", "c"], ["a"]]
    kwargs = {"target_size": (5, 4), "batch_size": 4, "seed": 1}
    for namespace in (image, old_image):
        generator = namespace.ImageDataGenerator(rescale=1 / 255)
        flows = [
            generator.flow_from_directory(str(tmp_path), class_mode="categorical", **kwargs),
            generator.flow_from_directory(str(tmp_path), class_mode="binary", color_mode="grayscale", **kwargs),
            generator.flow_from_dataframe(frame, str(tmp_path), class_mode="sparse", **kwargs),
            generator.flow_from_dataframe(frame, str(tmp_path), y_col="size", class_mode="raw", **kwargs),
            generator.flow_from_dataframe(frame, str(tmp_path), y_col="labels", class_mode="categorical", **kwargs),
        ]
        found = [(flow.samples, next(flow)) for flow in flows]
        if namespace is image:
            ours = found
    for (count, (x, y)), (old_count, (old_x, old_y)) in zip(ours, found, strict=True):
        assert count == old_count
        np.testing.assert_allclose(x, old_x, atol=1e-6)
        np.testing.assert_array_equal(y, old_y)
    assert [p[-7:] for p in image.list_pictures(str(tmp_path))] == [f"{n[0]}/{n[2:]}" for n in names]


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"num_words": 4},
        {"oov_token": "?", "num_words": 5},
        {"char_level": True, "lower": False},
        {"filters": "aeiou"},
    ],
)
def test_tokenizer_counts_as_in_keras(kwargs):
    ours, old = text.Tokenizer(**kwargs), old_text.Tokenizer(**kwargs)
    for tokenizer in (ours, old):
        tokenizer.fit_on_texts(TEXTS)
    new = [*TEXTS, "an unknown cat"]
    assert ours.word_index == old.word_index
    assert dict(ours.word_docs) == dict(old.word_docs)
    assert ours.texts_to_sequences(new) == old.texts_to_sequences(new)
    sequences = ours.texts_to_sequences(new)
    assert ours.sequences_to_texts(sequences) == old.sequences_to_texts(sequences)
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(ours.texts_to_matrix(new, mode), old.texts_to_matrix(new, mode))
    again = text.tokenizer_from_json(old.to_json())
    assert again.texts_to_sequences(new) == old.texts_to_sequences(new)
    assert old_text.tokenizer_from_json(ours.to_json()).texts_to_sequences(new) == old.texts_to_sequences(new)


def test_words_and_hashes():
    assert text.text_to_word_sequence(TEXTS[1]) == old_text.text_to_word_sequence(TEXTS[1])
    assert text.one_hot(TEXTS[0], 50) == old_text.one_hot(TEXTS[0], 50)
    assert text.hashing_trick(TEXTS[0], 50, "md5") == old_text.hashing_trick(TEXTS[0], 50, "md5")
    assert text.Tokenizer(nb_words=3).num_words == 3


def test_tokenizer_says_what_is_missing():
    with pytest.raises(ValueError, match="expected num_words, or texts that it was fitted on"):
        text.Tokenizer().texts_to_matrix(["a"])
    with pytest.raises(ValueError, match=r"mode of the Tokenizer 'bin'.*\n.*binary"):
        text.Tokenizer(num_words=3).texts_to_matrix(["a"], mode="bin")
    with pytest.raises(ValueError, match=r"x\[\.\.\., None\] adds the channel"):
        image.ImageDataGenerator().flow(X[..., 0])


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"sampling_rate": 2, "stride": 2}, {"start_index": 4, "end_index": 30, "reverse": True}, {"shuffle": True}],
)
def test_windows_as_in_keras(kwargs):
    data = np.random.RandomState(1).rand(50, 2)
    sets = [
        namespace.TimeseriesGenerator(data, data[:, 0], 6, batch_size=8, **kwargs)
        for namespace in (sequence, old_sequence)
    ]
    assert len(sets[0]) == len(sets[1])
    for number in range(len(sets[0])):
        batches = []
        for one in sets:
            np.random.seed(number)
            batches.append(one[number])
        for a, b in zip(*batches, strict=True):
            np.testing.assert_array_equal(a, b)
    again = sequence.timeseries_generator_from_json(sets[0].to_json())
    assert len(again) == len(sets[0])


def test_skipgrams_as_in_keras():
    import random

    numbers = [1, 5, 0, 3, 2, 7, 4, 4]
    for kwargs in ({}, {"categorical": True, "window_size": 2}, {"negative_samples": 2.0}):
        found = []
        for namespace in (sequence, old_sequence):
            random.seed(11)
            found.append(namespace.skipgrams(numbers, 8, seed=5, **kwargs))
        assert found[0] == found[1]
    np.testing.assert_allclose(sequence.make_sampling_table(20), old_sequence.make_sampling_table(20))


def test_axes_of_images_by_default():
    options = {"theta": 30, "tx": 1, "zx": 0.8, "shear": 10}
    ours, theirs = image.apply_affine_transform(X[0], **options), old_image.apply_affine_transform(X[0], **options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_ranges_and_formats_of_images_are_checked():
    with pytest.raises(ValueError, match="Unknown data_format 'last'"):
        image.ImageDataGenerator(data_format="last")
    with pytest.raises(ValueError, match="brightness_range: expected"):
        image.ImageDataGenerator(brightness_range=0.3)
    with pytest.raises(ValueError, match="zoom_range: expected"):
        image.random_zoom(X[0], 0.5)


def test_modules_of_keras_preprocessing(installed):
    from keras_preprocessing.image.dataframe_iterator import DataFrameIterator
    from keras_preprocessing.image.utils import img_to_array

    assert DataFrameIterator is image.DataFrameIterator
    assert img_to_array(X[0]).shape == (10, 8, 3)


@pytest.mark.parametrize(("version", "rescaled"), [((2, 2), True), ((2, 3), True), ((2, 9), False), (None, False)])
def test_images_are_rescaled_before_their_brightness_changes(version, rescaled):
    before = era.release()
    era.set_release(era.Release(2, False, version))
    try:
        out = image.ImageDataGenerator().apply_transform(np.float32([[[50.0], [100.0]]]), {"brightness": 0.5})
    finally:
        era.set_release(before)
    assert out.ravel().tolist() == ([0, 127] if rescaled else [25, 50])


@pytest.mark.parametrize("version", [(2, 2), (2, 3)])
def test_tf_keras_before_2_9_changes_images_as_the_package_keras(version):
    before, outs = era.release(), []
    try:
        for release in (era.Release(2, True), era.Release(2, False, version), era.Release(2, False, (2, 9))):
            era.set_release(release)
            outs.append(image.ImageDataGenerator().apply_transform(X[0], {"theta": 20, "tx": 1, "zx": 0.9}))
    finally:
        era.set_release(before)
    np.testing.assert_array_equal(outs[0], outs[1])
    assert np.abs(outs[0] - outs[2]).max() > 1
