"""Equal weights give equal outputs; weights are read from files and from the cache."""

import json
import os

import keras
import numpy as np
import pytest
from draws import replace_draws, zeros
from keras.src.initializers import random_initializers

import gazelle
from gazelle import applications

SLOW = pytest.mark.skipif(not os.environ.get("GAZELLE_SLOW"), reason="slow: GAZELLE_SLOW=1 runs it")
SMALL = {"weights": None, "include_top": False, "pooling": "avg"}
MODELS = [
    ("MobileNet", {"alpha": 0.25, "input_shape": (32, 32, 3)}, []),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": (33, 47, 3)}, [SLOW]),
    ("MobileNetV3Small", {"input_shape": (32, 32, 3)}, [SLOW]),
    ("MobileNetV3Large", {"input_shape": (32, 32, 3), "minimalistic": True, "include_preprocessing": False}, [SLOW]),
    ("ResNet50", {"input_shape": (32, 32, 3)}, [SLOW]),
    ("ResNet50V2", {"input_shape": (32, 32, 3)}, [SLOW]),
    ("EfficientNetB0", {"input_shape": (32, 32, 3)}, [SLOW]),
    ("EfficientNetV2B0", {"input_shape": (32, 32, 3)}, [SLOW]),
    ("DenseNet121", {"input_shape": (32, 32, 3), "pooling": "max"}, [SLOW]),
    ("Xception", {"input_shape": (71, 71, 3)}, [SLOW]),
    ("InceptionV3", {"input_shape": (75, 75, 3)}, [SLOW]),
    ("InceptionResNetV2", {"input_shape": (75, 75, 3)}, [SLOW]),
    ("NASNetMobile", {"input_shape": (32, 32, 3)}, [SLOW]),
    ("ConvNeXtTiny", {"input_shape": (32, 32, 3)}, [SLOW]),
    ("VGG16", {"input_shape": (32, 32, 3), "pooling": None}, [SLOW]),
]


def drawn(path, shape, random):
    """A weight that keeps numbers in bounds through a hundred layers."""
    if "variance" in path or "gamma" in path:
        return random.uniform(0.8, 1.2, shape).astype("float32")
    if len(shape) < 2:
        return random.normal(0, 0.1, shape).astype("float32")
    inputs = np.prod(shape[:2]) if "depthwise" in path and shape[-1] == 1 else np.prod(shape[:-1])
    return (random.normal(size=shape) / np.sqrt(inputs)).astype("float32")


@pytest.fixture
def pair(monkeypatch):
    """Both models with equal weights, drawn here: Keras' initializers compile anew for each shape."""

    for namespace in (random_initializers, gazelle.initializers.random, gazelle.initializers.variance_scaling):
        replace_draws(namespace, zeros, monkeypatch.setattr)

    def made(name, kwargs):
        ours, theirs = (
            getattr(namespace, name)(**{**SMALL, **kwargs}) for namespace in (applications, keras.applications)
        )
        random = np.random.default_rng(0)
        weights = [drawn(w.path, tuple(w.shape), random) for w in theirs.weights]
        theirs.set_weights(weights)
        ours.set_weights(weights)
        return ours, theirs, random.uniform(0, 255, (2, *kwargs["input_shape"])).astype("float32")

    return made


@pytest.mark.parametrize(("name", "kwargs"), [pytest.param(*m[:2], id=m[0], marks=m[2]) for m in MODELS])
def test_outputs(name, kwargs, pair):
    ours, theirs, x = pair(name, kwargs)
    wanted = theirs.predict(x, verbose=0)
    got = ours.predict(x, verbose=0)
    assert got.shape == wanted.shape
    # a hundred layers in float32, one after another: their roundings grow
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_weights_from_keras_files(tmp_path, pair):
    kwargs = {"alpha": 0.25, "input_shape": (128, 128, 3)}
    ours, theirs, x = pair("MobileNet", kwargs)
    theirs.save_weights(tmp_path / "m.weights.h5")
    read = applications.MobileNet(**{**SMALL, **kwargs, "weights": str(tmp_path / "m.weights.h5")})
    np.testing.assert_allclose(read.predict(x, verbose=0), ours.predict(x, verbose=0), rtol=1e-5)


def test_imagenet_weights_from_the_cache(tmp_path, monkeypatch, pair):
    h5py = pytest.importorskip("h5py")
    legacy = pytest.importorskip("keras.src.legacy.saving.h5_format_h5_format")
    kwargs = {"alpha": 0.25, "input_shape": (128, 128, 3)}
    ours, theirs, x = pair("MobileNet", kwargs)
    (tmp_path / "models").mkdir()
    with h5py.File(tmp_path / "models" / "mobilenet_2_5_128_tf_no_top.h5", "w") as file:
        legacy.save_weights_to_hdf5_group(file, theirs)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.warns(UserWarning, match="without file_hash"):  # Keras knows none for MobileNet's files
        read = applications.MobileNet(**{**SMALL, **kwargs, "weights": "imagenet"})
    np.testing.assert_allclose(read.predict(x, verbose=0), ours.predict(x, verbose=0), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64"])
@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
@pytest.mark.parametrize("data_format", [None, "channels_first"])
def test_preprocess_input(mode, data_format, dtype):
    shape = (2, 3, 4, 5) if data_format else (2, 4, 5, 3)
    x = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    wanted = keras.applications.imagenet_utils.preprocess_input(x.copy(), data_format, mode)
    kept = x.copy()
    got = applications.imagenet_utils.preprocess_input(x, data_format, mode)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(x, kept)
    traced = applications.imagenet_utils.preprocess_input(gazelle.ops.convert_to_tensor(x), data_format, mode)
    np.testing.assert_allclose(np.asarray(traced), wanted, rtol=1e-5, atol=1e-4)


def test_each_module_prepares_as_keras_does():
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    modules = [name for name in applications.__all__ if name[0].islower() and name != "imagenet_utils"]
    assert len(modules) == 16
    for name in modules:
        wanted = getattr(keras.applications, name, None) or __import__(f"keras.applications.{name}", fromlist=["x"])
        np.testing.assert_allclose(
            np.asarray(getattr(applications, name).preprocess_input(x.copy())),
            wanted.preprocess_input(x.copy()),
            rtol=1e-5,
            atol=1e-5,
        )


def test_decode_predictions(tmp_path, monkeypatch):
    from gazelle.applications import imagenet_utils

    file = tmp_path / "index.json"
    file.write_text(json.dumps({str(i): [f"n{i:08d}", f"thing_{i}"] for i in range(1000)}))
    monkeypatch.setattr("gazelle.utils.get_file", lambda *args, **kwargs: str(file))
    imagenet_utils._class_index.cache_clear()
    scores = np.zeros((2, 1000), "float32")
    scores[0, [7, 3]] = 0.7, 0.2
    scores[1, 999] = 1.0
    found = applications.resnet50.decode_predictions(scores, top=2)
    imagenet_utils._class_index.cache_clear()
    assert found[0] == [("n00000007", "thing_7", np.float32(0.7)), ("n00000003", "thing_3", np.float32(0.2))]
    assert found[1][0][1] == "thing_999"
    with pytest.raises(ValueError, match=r"expected predictions of shape \(batch, 1000\), got \(2, 10\)"):
        applications.vgg16.decode_predictions(np.zeros((2, 10)))


def test_built_on_a_tensor():
    start = gazelle.Input((64, 64, 1))
    image = gazelle.layers.Concatenate()([start] * 3)
    model = applications.MobileNet(input_tensor=image, alpha=0.25, weights=None, classes=4, classifier_activation=None)
    assert model.input_shape == (None, 64, 64, 1)
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"weights": "no/such/file"}, "weights of MobileNet: expected None, 'imagenet' or the path of a file"),
        ({"weights": "imagenet", "classes": 3}, "expected the 1000 classes of ImageNet"),
        ({"weights": None, "input_shape": (16, 16, 3)}, "expected at least 32 x 32"),
        ({"weights": None, "input_shape": (None, None, 3)}, "with its classifier: expected known sizes"),
        ({"weights": None, "input_shape": (32, 32)}, r"expected \(rows, columns, channels\), got \(32, 32\)"),
        ({"weights": "imagenet", "alpha": 0.3}, "expected alpha among"),
        ({"weights": "imagenet", "classifier_activation": "relu"}, "expected 'softmax' or None"),
        ({"weights": None, "input_tensor": np.zeros((1, 32, 32, 3))}, "expected a symbolic tensor"),
    ],
)
def test_errors(kwargs, text):
    with pytest.raises(ValueError, match=text):
        applications.MobileNet(**kwargs)
