"""Datasets from folders: which files are found, their order, how they are read and used by `fit`."""

import wave

import keras
import numpy as np
import pytest

import gazelle
from gazelle import ops
from gazelle.data.folder_datasets import read_wav
from gazelle.data.folders import indexed_files
from gazelle.data.images import resize

R = np.random.default_rng(0)


@pytest.fixture
def pictures(tmp_path):
    """Two classes of five pictures of unlike sizes."""
    for name, color in (("cats", 30), ("dogs", 220)):
        (tmp_path / name / "deep").mkdir(parents=True)
        for i in range(5):
            pixels = np.clip(color + R.integers(-20, 20, (8 + i, 12 - i, 3)), 0, 255)
            folder = tmp_path / name / "deep" if i == 4 else tmp_path / name
            gazelle.utils.save_img(folder / f"{i}.{'png' if i % 2 else 'bmp'}", pixels, scale=False)
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    return tmp_path


def read(directory, **kwargs):
    return gazelle.utils.image_dataset_from_directory(directory, image_size=(6, 5), verbose=False, **kwargs)


def test_batches_of_images_and_labels(pictures):
    dataset = read(pictures, batch_size=4, seed=1)
    batches = list(dataset)
    assert len(dataset) == len(batches) == 3
    assert dataset.class_names == ["cats", "dogs"]
    assert [x.shape for x, _ in batches] == [(4, 6, 5, 3), (4, 6, 5, 3), (2, 6, 5, 3)]
    assert {x.dtype.name for x, _ in batches} == {"float32"}
    assert type(batches[0][0].numpy()) is np.ndarray
    x, y = (np.concatenate(part) for part in zip(*batches))
    np.testing.assert_array_equal(y, (x.mean((1, 2, 3)) > 128).astype("int32"))


def test_another_order_in_each_pass_and_none_without_shuffle(pictures):
    dataset = read(pictures, seed=1, batch_size=None)
    first, second = ([int(y) for _, y in dataset] for _ in range(2))
    assert sorted(first) == sorted(second)
    again = [int(y) for _, y in read(pictures, seed=1, batch_size=None)]
    assert first == again
    assert [int(y) for _, y in read(pictures, shuffle=False, batch_size=None)] == [0] * 5 + [1] * 5
    orders = {tuple(x.mean().round(2) for x, _ in dataset) for _ in range(3)}
    assert len(orders) == 3


@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [("int", (10,), "int32"), ("binary", (10, 1), "float32"), ("categorical", (10, 2), "float32")],
)
def test_label_modes(pictures, mode, shape, dtype):
    _, y = next(iter(read(pictures, label_mode=mode)))
    assert (y.shape, y.dtype) == (shape, dtype)


def test_images_alone_and_given_labels(pictures):
    assert next(iter(read(pictures, label_mode=None))).shape == (10, 6, 5, 3)
    assert next(iter(read(pictures, labels=None))).shape == (10, 6, 5, 3)
    dataset = read(pictures, labels=[3] * 4 + [7] * 6, shuffle=False)
    assert dataset.class_names == ["3", "7"]
    assert next(iter(dataset))[1].tolist() == [3] * 4 + [7] * 6


def test_grey_channels_first_and_chosen_classes(pictures):
    x, y = next(iter(read(pictures, color_mode="grayscale", data_format="channels_first", class_names=["dogs"])))
    assert x.shape == (5, 1, 6, 5)
    assert y.tolist() == [0] * 5


def test_the_same_order_of_files_as_keras(pictures):
    from keras.src.utils.dataset_utils import index_directory

    for seed in (1, 7):
        paths, _, names = index_directory(
            str(pictures), "inferred", (".bmp", ".png"), seed=seed, verbose=False, shuffle=True
        )
        dataset = read(pictures, seed=seed)
        assert dataset.file_paths == paths
        assert dataset.class_names == names
    ours = indexed_files(pictures, "inferred", (".bmp", ".png"), None, False)[1]
    wanted = index_directory(str(pictures), "inferred", (".bmp", ".png"), shuffle=False, verbose=False)[1]
    np.testing.assert_array_equal(ours, wanted)


def test_two_parts_without_overlap(pictures):
    kwargs = {"validation_split": 0.3, "seed": 5}
    left, right = read(pictures, subset="both", **kwargs)
    assert read(pictures, subset="training", **kwargs).file_paths == left.file_paths
    assert read(pictures, subset="validation", **kwargs).file_paths == right.file_paths
    assert (len(left.file_paths), len(right.file_paths)) == (7, 3)
    assert not set(left.file_paths) & set(right.file_paths)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("size", [(3, 4), (11, 9), (7, 20)])
@pytest.mark.parametrize("kept", [{}, {"crop": True}])
def test_sizes_change_as_in_ops(interpolation, size, kept):
    x = R.uniform(0, 255, (7, 10, 3)).astype("float32")
    kwargs = {f"{key}_to_aspect_ratio": value for key, value in kept.items()}
    wanted = ops.image.resize(x, size, interpolation, **kwargs)
    np.testing.assert_allclose(resize(x, size, interpolation, **kept), wanted, rtol=1e-5, atol=2e-3)


def test_images_are_resized_and_then_padded():  # the numbers of tf.image.resize_with_pad, which Keras calls
    x = (np.arange(30).reshape(5, 6, 1) * 3 % 17).astype("float32")
    wanted = [[0, 6, 9, 15], [2, 8, 11, 0], [4, 10, 13, 2], [0, 0, 0, 0]]
    assert resize(x, (4, 4), "nearest", pad=True)[..., 0].tolist() == wanted
    wide = resize(x, (3, 8), "bilinear", pad=True)[..., 0]
    np.testing.assert_allclose(wide[1], [0, 0, 3.5, 9.5, 7, 0, 0, 0], atol=1e-4)
    assert resize(np.ones((3, 17, 1)), (4, 4), "area", pad=True).sum() == 4


def test_nearest_pixels_stay_integers(pictures):
    (found,) = [x for x, _ in read(pictures, shuffle=False, interpolation="nearest")]
    assert found.dtype == np.uint8


def test_area_is_the_mean_of_what_a_pixel_covers():
    x = R.uniform(0, 1, (6, 4, 1)).astype("float32")
    wanted = x.reshape(3, 2, 2, 2, 1).mean((1, 3))
    np.testing.assert_allclose(resize(x, (3, 2), "area"), wanted, rtol=1e-5)


def test_a_model_learns_from_a_folder(pictures):
    gazelle.utils.set_random_seed(1)
    train, test = read(pictures, subset="both", validation_split=0.2, seed=3, batch_size=3)
    layers = gazelle.layers
    model = gazelle.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(gazelle.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    scaled = train.map(lambda x, y: (x / 255, y))
    history = model.fit(scaled, epochs=8, validation_data=test.map(lambda x, y: (x / 255, y)), verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert len(history.history["val_loss"]) == 8


def test_texts(tmp_path):
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
        for i in range(3):
            (tmp_path / name / f"{i}.txt").write_text(f"{name} film {i}", encoding="utf-8")
    dataset = gazelle.utils.text_dataset_from_directory(
        tmp_path, batch_size=2, shuffle=False, max_length=6, verbose=False
    )
    x, y = next(iter(dataset))
    assert x.tolist() == ["bad fi", "bad fi"]
    assert y.tolist() == [0, 0]
    left, right = gazelle.preprocessing.text_dataset_from_directory(
        tmp_path, subset="both", validation_split=0.5, seed=1, verbose=False
    )
    assert len(left.file_paths) == len(right.file_paths) == 3


def write_wav(path, values, rate=100, width=2):
    scale = 2 ** (8 * width - 1)
    whole = np.clip(np.round(values * scale), -scale, scale - 1).astype("<i4")
    raw = (
        (whole + 128).astype("uint8").tobytes()
        if width == 1
        else (whole.astype("<i4").view("uint8").reshape(-1, 4)[:, :width].tobytes())
    )
    with wave.open(str(path), "wb") as file:
        file.setparams((values.shape[1], width, rate, 0, "NONE", ""))
        file.writeframes(raw)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_of_each_width(tmp_path, width):
    values = R.uniform(-1, 1, (50, 2))
    write_wav(tmp_path / "a.wav", values, width=width)
    sound, rate = read_wav(str(tmp_path / "a.wav"))
    assert (sound.shape, sound.dtype, rate) == ((50, 2), np.float32, 100)
    np.testing.assert_allclose(sound, values, atol=1.1 * 2.0 ** (1 - 8 * width) + 1e-6)


def test_sounds_are_filled_up_cut_and_resampled(tmp_path):
    (tmp_path / "a").mkdir()
    write_wav(tmp_path / "a" / "1.wav", np.full((30, 1), 0.5))
    write_wav(tmp_path / "a" / "2.wav", np.full((50, 1), 0.25))
    kwargs = {"shuffle": False, "verbose": False}
    x, _ = next(iter(gazelle.utils.audio_dataset_from_directory(tmp_path, **kwargs)))
    assert x.shape == (2, 50, 1)
    assert x[0, 30:].max() == 0
    x, _ = next(iter(gazelle.utils.audio_dataset_from_directory(tmp_path, output_sequence_length=20, **kwargs)))
    assert x.shape == (2, 20, 1)
    x, _ = next(iter(gazelle.utils.audio_dataset_from_directory(tmp_path, sampling_rate=50, **kwargs)))
    assert x.shape == (2, 25, 1)
    np.testing.assert_allclose(x[1, 8:16], 0.25, atol=0.01)


def test_what_a_folder_says(pictures, capsys):
    gazelle.utils.image_dataset_from_directory(pictures, validation_split=0.2, subset="training", seed=1)
    assert capsys.readouterr().out == "Found 10 files of 2 classes.\nUsing 8 files for training.\n"


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"label_mode": "integer"}, "Unknown label_mode 'integer'"),
        ({"color_mode": "bgr"}, "Unknown color_mode 'bgr'"),
        ({"interpolation": "linear"}, "Unknown interpolation 'linear'"),
        ({"validation_split": 0.2}, "expected a fraction between 0 and 1 with a subset"),
        ({"validation_split": 0.2, "subset": "training"}, "seed: expected a number"),
        ({"class_names": ["cats", "birds"]}, r"class_names: expected folders among .*got \['birds'\]"),
        ({"labels": [1, 2]}, "labels: expected one for each of 10 files, got 2"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "got both"),
        ({"subset": "train", "validation_split": 0.1, "seed": 1}, "Unknown subset 'train'"),
    ],
)
def test_errors_name_what_is_wrong(pictures, kwargs, text):
    with pytest.raises(ValueError, match=text):
        read(pictures, **kwargs)


def test_no_folder_no_files_and_three_classes(tmp_path, pictures):
    with pytest.raises(ValueError, match="expected a folder, got none of that name"):
        read(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"has no image files: expected names ending in \.bmp"):
        read(tmp_path / "empty")
    (pictures / "third").mkdir()
    with pytest.raises(ValueError, match="expected two classes, got 4"):
        read(pictures, label_mode="binary")
    with pytest.raises(ValueError, match="ragged=True"):
        gazelle.utils.audio_dataset_from_directory(tmp_path, ragged=True)


def test_signatures_are_those_of_keras():
    import inspect

    for name in ("image", "text", "audio"):
        name = f"{name}_dataset_from_directory"
        ours, theirs = (inspect.signature(getattr(m.utils, name)).parameters for m in (gazelle, keras))
        assert {k: p.default for k, p in ours.items()} == {k: p.default for k, p in theirs.items()}


@pytest.mark.parametrize("options", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}])
def test_images_with_channels_first(pictures, options):
    (expected,) = [x for x, _ in read(pictures, shuffle=False, **options)]
    gazelle.config.set_image_data_format("channels_first")
    try:
        (found,) = [x for x, _ in read(pictures, shuffle=False, **options)]
        (last,) = [x for x, _ in read(pictures, shuffle=False, data_format="channels_last", **options)]
    finally:
        gazelle.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(np.moveaxis(found, 1, -1), expected)
    np.testing.assert_array_equal(last, expected)
