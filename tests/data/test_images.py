"""Conversion of images between files, Pillow and arrays, compared with Keras."""

import builtins
import io

import keras
import numpy as np
import pytest

import gazelle
from gazelle.preprocessing import image

R = np.random.default_rng(0)
PIXELS = R.integers(0, 256, (6, 9, 3)).astype("uint8")


@pytest.fixture
def path(tmp_path):
    gazelle.utils.save_img(tmp_path / "a.png", PIXELS, scale=False)
    return tmp_path / "a.png"


@pytest.mark.parametrize("mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("size", [None, (4, 7), (12, 5)])
@pytest.mark.parametrize("arguments", [{}, {"interpolation": "bicubic"}, {"keep_aspect_ratio": True}])
def test_loaded_as_in_keras(path, mode, size, arguments):
    ours, theirs = (m.img_to_array(m.load_img(path, mode, size, **arguments)) for m in (gazelle.utils, keras.utils))
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_arrays_become_images_as_in_keras(channels, scale, data_format):
    x = R.uniform(0, 250, (5, 4, channels))
    x = np.moveaxis(x, -1, 0) if data_format == "channels_first" else x
    ours, theirs = (m.array_to_img(x, data_format, scale) for m in (gazelle.utils, keras.utils))
    assert ours.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    assert gazelle.utils.img_to_array(ours, data_format, "uint8").shape == x.shape


def test_large_grey_values_are_kept():
    x = np.array([[[300.0], [2.0]]])
    assert np.asarray(gazelle.utils.array_to_img(x, scale=False)).tolist() == [[300, 2]]


def test_saved_by_the_ending_or_the_format(tmp_path):
    from PIL import Image

    for name, kind in (("a.jpg", "JPEG"), ("b.bmp", "BMP"), ("c.gif", "GIF")):
        gazelle.utils.save_img(tmp_path / name, PIXELS)
        assert Image.open(tmp_path / name).format == kind
    file = io.BytesIO()
    gazelle.utils.save_img(file, PIXELS, file_format="png", scale=False)
    np.testing.assert_array_equal(np.asarray(gazelle.utils.load_img(file)), PIXELS)
    with pytest.warns(UserWarning, match="JPEG has no transparency"):
        gazelle.utils.save_img(tmp_path / "d.jpg", np.ones((2, 2, 4)))


@pytest.mark.parametrize("size", [(3, 4), (10, 2)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_smart_resize_as_in_keras(size, data_format):
    x = PIXELS.astype("float32")
    x = np.moveaxis(x, -1, 0) if data_format == "channels_first" else x
    ours, theirs = (m.preprocessing.image.smart_resize(x, size, data_format=data_format) for m in (gazelle, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert isinstance(ours, np.ndarray)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda p: image.load_img(p, "bgr"), "Unknown color_mode 'bgr'"),
        (lambda p: image.load_img(p, target_size=(2, 2), interpolation="cubic"), "Did you mean 'bicubic'"),
        (lambda p: image.array_to_img(np.ones((2, 2))), "expected one image of 3 axes"),
        (lambda p: image.array_to_img(np.ones((2, 2, 5))), "expected 1, 3 or 4 channels"),
        (lambda p: image.img_to_array(np.ones(3)), "expected an image of 2 or 3 axes"),
        (lambda p: image.smart_resize(np.ones((2, 2, 1)), (2,)), "size of smart_resize"),
    ],
)
def test_errors_name_what_is_wrong(path, call, text):
    with pytest.raises(ValueError, match=text):
        call(path)


def test_without_pillow(path, monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(RuntimeError, match=r'pip install "gazelle\[images\]"'):
        image.load_img(path)
