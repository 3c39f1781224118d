"""Architectures in the image data format 'channels_first': the same outputs as in 'channels_last'."""

import numpy as np
import pytest

from gazelle import applications, config
from gazelle.errors import ArgumentError, ShapeError

NAMES = {
    "VGG16": {},
    "ResNet50": {},
    "ResNet50V2": {},
    "MobileNet": {"alpha": 0.25},
    "MobileNetV2": {"alpha": 0.35},
    "MobileNetV3Small": {"alpha": 0.75},
    "DenseNet121": {},
    "EfficientNetB0": {},
    "EfficientNetV2B0": {},
    "InceptionV3": {},
    "InceptionResNetV2": {},
    "Xception": {},
}


@pytest.fixture(autouse=True)
def channels_first():
    config.set_image_data_format("channels_first")
    yield
    config.set_image_data_format("channels_last")


@pytest.mark.parametrize("name", NAMES)
def test_outputs(name):
    build, size = getattr(applications, name), 96 if "ception" in name else 64
    options = {"weights": None, "classes": 5, **NAMES[name]}
    first = build(input_shape=(3, size, size), **options)
    features = build(input_shape=(3, size, size), include_top=False, **options)
    config.set_image_data_format("channels_last")
    last = build(input_shape=(size, size, 3), **options)
    assert features.output_shape[1] == build(include_top=False, **options).output_shape[-1]
    x = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype("float32")
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first(np.moveaxis(x, -1, 1)), last(x), rtol=1e-3, atol=1e-5)


def test_default_shapes():
    assert applications.VGG16(weights=None).input_shape == (None, 3, 224, 224)
    assert applications.MobileNetV2(weights=None, include_top=False).input_shape == (None, 3, None, None)


def test_errors_state_shapes_in_this_order():
    with pytest.raises(ShapeError, match=r"expected \(channels, rows, columns\), got \(3, 64\)"):
        applications.VGG16(weights=None, input_shape=(3, 64))
    with pytest.raises(ShapeError, match=r"at least 32 x 32, got \(64, 64, 3\)"):
        applications.VGG16(weights=None, input_shape=(64, 64, 3))
    for build in (applications.NASNetMobile, applications.ConvNeXtTiny):
        with pytest.raises(ArgumentError, match="with images 'channels_first': expected 'channels_last'"):
            build(weights=None)


def test_preprocessing_follows_the_data_format():
    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 4, 5))
    for mode in ("caffe", "torch", "tf"):
        found = applications.imagenet_utils.preprocess_input(x, mode=mode)
        expected = applications.imagenet_utils.preprocess_input(np.moveaxis(x, 1, -1), "channels_last", mode)
        np.testing.assert_allclose(found, np.moveaxis(expected, -1, 1))
