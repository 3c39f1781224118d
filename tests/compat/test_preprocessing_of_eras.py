"""Images, texts and sequences as Keras 1.2.2 and 2.2.4 read and changed them; the numbers are theirs."""

import os
import random

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.preprocessing import image, sequence, text

X = np.random.RandomState(0).uniform(0, 255, (6, 8, 6, 3)).astype("float32")


def test_augmented_images_of_keras_1(keras_1):
    """Nearest pixels, shifts that are fractions, a shift of each channel; nothing is drawn that is not asked for."""
    changes = {"rotation_range": 40, "width_shift_range": 2, "height_shift_range": 0.3, "shear_range": 0.3}
    changes |= {"zoom_range": 0.3, "channel_shift_range": 20.0, "horizontal_flip": True, "vertical_flip": True}
    batches = image.ImageDataGenerator(**changes).flow(X, np.arange(6), batch_size=3, seed=11)
    pixels = [[254.816, 175.797, 237.587], [41.961, 118.808, 188.817], [127.434, 8.493, 246.302]]
    for pixel, order in zip(pixels, ([4, 2, 5], [3, 0, 1], [4, 2, 5]), strict=True):
        x, y = next(batches)
        np.testing.assert_allclose(x[:, 2, 3, 1], pixel, atol=1e-3)
        assert y.tolist() == order


def test_standardize_changes_images_of_floats_in_place(keras_1):
    """Programs call `datagen.standardize(x)` without its result; `flow` does not change the images of the program."""
    generator, x = image.ImageDataGenerator(rescale=0.5, samplewise_center=True), X[0] * 1
    generator.standardize(x)
    np.testing.assert_allclose(x, X[0] / 2 - (X[0] / 2).mean(-1, keepdims=True), atol=1e-4)
    whole = np.full((2, 2, 3), 4)
    assert generator.standardize(whole).max() == 0
    assert whole.min() == 4
    x = X * 1
    next(generator.flow(x, batch_size=6))
    np.testing.assert_array_equal(x, X)


def test_the_order_of_complete_batches_is_drawn_once_in_keras_1(keras_1):
    np.random.seed(1)
    batches = image.ImageDataGenerator(samplewise_std_normalization=True).flow(X, np.arange(6), batch_size=3)
    found = [next(batches) for _ in range(4)]
    assert [y.tolist() for _, y in found] == [[2, 1, 4], [0, 3, 5]] * 2
    np.testing.assert_allclose(found[0][0][0, 0, 0], [4.4958, 5.7801, 3.3316], atol=1e-4)  # not centered


def test_random_changes_of_keras_1(keras_1):
    np.random.seed(2)
    functions = ((image.random_rotation, 30), (image.random_shear, 0.3), (image.random_zoom, (0.6, 0.9)))
    pixels = [function(X[0], limit, 0, 1, 2)[2, 3, 1] for function, limit in functions]
    np.testing.assert_allclose(pixels, [53.648, 53.648, 50.129], atol=1e-3)
    np.testing.assert_allclose(image.random_channel_shift(X[0], 20, 2)[2, 3], [167.827, 46.861, 21.062], atol=1e-3)
    shown = np.asarray(image.array_to_img(np.arange(12.0).reshape(2, 2, 3) + 3))
    assert shown[0].tolist() == [[54, 72, 91], [109, 127, 145]]


def test_characters_and_documents_of_keras_1(keras_1):
    tokenizer = text.Tokenizer(char_level=True)
    tokenizer.fit_on_texts(["aA", "A"])
    assert tokenizer.word_index == {"A": 1, "a": 2}
    tokenizer.fit_on_texts(["b"])
    assert tokenizer.document_count == 1


@pytest.fixture
def folder(tmp_path):
    from PIL import Image

    (tmp_path / "a" / "0").mkdir(parents=True)
    for name in ("a/z.png", "a/0/y.png", "a/b.gif"):
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    return tmp_path


def test_files_of_a_folder_precede_those_of_its_folders(folder, keras_2):
    found = image.ImageDataGenerator().flow_from_directory(str(folder), shuffle=False).filenames
    assert found == [os.path.join("a", "z.png"), os.path.join("a", "0", "y.png")]  # without the GIF


def test_columns_and_classes_of_a_data_frame(folder, keras_2):
    pandas = pytest.importorskip("pandas")
    rows = {"filename": ["a/z.png", "a/0/y.png"], "class": ["q", "p"], "v": [1.0, 2], "w": [3.0, 4]}
    flow, frame = image.ImageDataGenerator().flow_from_dataframe, pandas.DataFrame(rows)
    assert flow(frame, str(folder), classes=["q", "p"]).class_indices == {"p": 0, "q": 1}
    batch = next(flow(frame, str(folder), y_col=["v", "w"], class_mode="raw", shuffle=False))
    assert batch[1].tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_skipgrams_without_negative_samples():
    random.seed(3)
    pairs, labels = sequence.skipgrams([1, 2, 3], 4, negative_samples=0)
    assert pairs == [[3, 2], [2, 3], [1, 2], [2, 1], [3, 1], [1, 3]]
    assert labels == [1] * 6


def test_transformations_of_images(keras):
    """Up to Keras 2.3 the vertical shift moved rows, and images turned around a point one pixel off the center."""
    pytest.importorskip("scipy")
    generator, x = keras.preprocessing.image.ImageDataGenerator(), np.arange(16.0).reshape(4, 4, 1)
    moved = generator.apply_transform(x, {"tx": 1})[..., 0]
    np.testing.assert_allclose(moved, np.take(x[..., 0], [1, 2, 3, 3], axis=0 if era.standalone() else 1))
    corner = generator.apply_transform(x, {"theta": 180})[3, 3, 0]
    assert corner == pytest.approx(10 if era.standalone() else 0, abs=1e-6)


def test_shear_and_normalization_of_samples_in_keras_1(keras_1):
    generator = keras_1.preprocessing.image.ImageDataGenerator(shear_range=0.2, samplewise_center=True)
    shears = [generator.get_random_transform((4, 4, 3), seed)["shear"] for seed in range(20)]
    assert 1 < max(shears) <= np.rad2deg(0.2)  # the range is in radians
    x = np.random.RandomState(0).normal(size=(4, 4, 3))
    np.testing.assert_allclose(generator.standardize(x), x - x.mean(-1, keepdims=True), rtol=1e-5, atol=1e-6)


def test_statistics_of_tf_keras_2(tf_keras_2):
    """`fit` rescales first, and whitening drops the directions that no image has; the numbers are those of 2.15."""
    x = np.random.RandomState(3).uniform(0, 255, (7, 4, 4, 1)).astype("float32")
    generator = image.ImageDataGenerator(featurewise_std_normalization=True, rescale=1 / 255)
    generator.fit(x)
    np.testing.assert_allclose([generator.mean.item(), generator.std.item()], [0.49319953, 0.26304752], rtol=1e-6)
    generator = image.ImageDataGenerator(zca_whitening=True, zca_epsilon=0.1)
    generator.fit(x)
    np.testing.assert_allclose(
        generator.standardize(x[0]).ravel()[:3], [-0.14069413, 0.24943395, -0.76335526], atol=1e-5
    )


def test_statistics_that_were_not_computed_are_a_warning():
    generator = image.ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match="not normalized by 'mean'"):
        np.testing.assert_array_equal(generator.standardize(X[0]), X[0])


def test_padding_with_a_vector():
    rows = [np.ones((2, 2)), np.ones((1, 2))]
    assert sequence.pad_sequences(rows, value=[7, 8])[1].tolist() == [[7, 8], [1, 1]]


def test_counts_of_sequences_replace_those_of_texts_in_keras_1(keras_1):
    tokenizer = keras_1.preprocessing.text.Tokenizer()
    tokenizer.fit_on_texts(["a b b", "c a"])
    tokenizer.fit_on_sequences([[1, 2, 2], [3, 1]])
    found = tokenizer.sequences_to_matrix([[1, 2, 2]], "tfidf")
    np.testing.assert_allclose(found, [[0, 0.51082562, 1.17360019, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("shift", "place"), [({"tx": 1}, [0, 1]), ({"tx": -1}, [2, 1]), ({"ty": 1}, [1, 0]), ({"ty": -1}, [1, 2])]
)
def test_an_image_whose_columns_are_stored_before_its_rows(tf_keras_2, shift, place):
    """x moves along the axis of the columns, y along that of the rows."""
    x = np.zeros((3, 4, 1))
    x[1, 1] = 1
    moved = tf_keras_2.keras.preprocessing.image.apply_affine_transform(
        x, **shift, row_axis=1, col_axis=0, channel_axis=2
    )
    assert np.argwhere(moved[..., 0]).tolist() == [place]


def test_labels_and_files_of_a_data_frame(tf_keras_2, tmp_path):
    frames = pytest.importorskip("pandas")
    image = tf_keras_2.keras.preprocessing.image
    names = [f"{i}.png" for i in range(3)]
    for name in names:
        image.save_img(str(tmp_path / name), X[0])
    (tmp_path / "other.txt").write_text("no image")
    table = frames.DataFrame({"filename": names, "a": [0.0, 1, 2], "b": [np.arange(4.0)] * 3})
    options = {"directory": str(tmp_path), "batch_size": 3, "shuffle": False}
    batches = image.ImageDataGenerator().flow_from_dataframe(
        table, y_col=["a", "b"], class_mode="multi_output", **options
    )
    _, (a, b) = next(batches)
    np.testing.assert_array_equal(a, [0, 1, 2])
    np.testing.assert_array_equal(b, [np.arange(4)] * 3)
    table = frames.DataFrame({"filename": [*names, "other.txt"]})
    assert image.ImageDataGenerator().flow_from_dataframe(table, class_mode=None, **options).n == 3
