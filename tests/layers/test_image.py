"""Image layers: when they are active, ranges, labels, masks and boxes, and errors."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import gazelle
from gazelle import layers

R = np.random.default_rng(0)
X = R.uniform(0, 255, (4, 6, 8, 3)).astype("float32")
WORDS = {
    "AugMix": {"num_chains": 2, "chain_depth": 1, "all_ops": False},
    "CutMix": {},
    "MixUp": {},
    "RandAugment": {},
    "RandomBrightness": {"factor": 0.3},
    "RandomColorDegeneration": {"factor": 0.4},
    "RandomColorJitter": {"contrast_factor": 0.3},
    "RandomContrast": {"factor": 0.3},
    "RandomElasticTransform": {},
    "RandomErasing": {},
    "RandomFlip": {},
    "RandomGaussianBlur": {},
    "RandomGrayscale": {"factor": 1.0},
    "RandomHue": {"factor": 0.3},
    "RandomInvert": {},
    "RandomPerspective": {},
    "RandomPosterization": {"factor": 3},
    "RandomRotation": {"factor": 0.2},
    "RandomSaturation": {"factor": 0.3},
    "RandomSharpness": {"factor": 0.3},
    "RandomShear": {"x_factor": 0.3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.3},
    "RandomZoom": {"height_factor": 0.3},
    "Solarization": {"threshold_factor": 0.5},
    "Equalization": {},
}


@pytest.fixture(autouse=True)
def quick_compiles():
    """Nothing here is computed twice: optimized programs would only cost time."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.mark.parametrize("name", WORDS)
def test_inference_leaves_images_alone(name):
    layer = getattr(layers, name)(**WORDS[name])
    np.testing.assert_array_equal(layer(X, training=False), X)
    assert layer(X.astype("uint8"), training=False).dtype == jnp.float32


def test_a_call_by_hand_trains_and_a_model_in_predict_does_not():
    layer = layers.RandomInvert((1.0, 1.0))
    np.testing.assert_allclose(layer(X), 255 - X, rtol=1e-6)
    model = gazelle.Sequential([gazelle.Input((6, 8, 3)), layer])
    np.testing.assert_array_equal(model.predict(X, verbose=0), X)
    np.testing.assert_allclose(model(X, training=True), 255 - X, rtol=1e-6)


def test_the_same_seed_draws_the_same():
    one, two, other = (layers.RandomTranslation(0.3, 0.3, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one(X), two(X))
    assert not np.array_equal(one(X), other(X))
    assert not np.array_equal(one(X), one(X))
    key = jax.random.key(3)
    first, second = (one.get_random_transformation(X, seed=key) for _ in range(2))
    np.testing.assert_array_equal(first["translations"], second["translations"])


@pytest.mark.parametrize(
    ("layer", "key", "low", "high"),
    [
        (lambda: layers.RandomRotation((-0.1, 0.25)), "angle", -36, 90),
        (lambda: layers.RandomZoom((-0.4, 0.2)), "height_zoom", 0.6, 1.2),
        (lambda: layers.RandomTranslation(0.0, (0.1, 0.5)), "translations", 0.8, 4.0),
        (lambda: layers.RandomShear(x_factor=0.4, y_factor=0.4), "shear_factor", -0.4, 0.4),
        (lambda: layers.RandomBrightness(0.2, (0, 10)), "rgb_delta", -2, 2),
        (lambda: layers.RandomContrast(0.3), "contrast_factor", 1.0, 1.3),
        (lambda: layers.RandomContrast((0.2, 0.3)), "contrast_factor", 0.8, 1.3),
        (lambda: layers.RandomHue((0.2, 0.6)), "factor", -0.3, 0.3),
        (lambda: layers.RandomSharpness(0.7), "factor", 0, 0.7),
        (lambda: layers.RandomColorDegeneration(0.5), "factor", -0.5, 0.5),
        (lambda: layers.RandomPosterization((2, 6)), "shift_factor", 3, 6),
        (lambda: layers.Solarization((0.0, 0.5), 0.1), "additions", 0, 127.5),
        (lambda: layers.MixUp(0.5), "mix_weight", 0, 1),
    ],
)
def test_draws_fill_their_range_and_stay_in_it(layer, key, low, high):
    drawn = layer().get_random_transformation(np.zeros((600, 6, 8, 3), "float32"), seed=1)[key]
    values = np.asarray(drawn)[:, -1] if key == "translations" else np.asarray(drawn, "float64")
    if key == "translations":  # (right, down): right alone moves here
        values = np.asarray(drawn)[:, 0]
    namespace = 0.03 * (high - low)
    assert low - 1e-5 <= values.min() <= low + namespace
    assert high - namespace <= values.max() <= high + 1e-5


@pytest.mark.parametrize(
    ("layer", "key"),
    [
        (lambda f: layers.RandomInvert((f, f)), "apply_inversion"),
        (lambda f: layers.RandomErasing((f, f)), "apply_erasing"),
        (lambda f: layers.RandomGaussianBlur((f, f)), "should_apply_blur"),
        (lambda f: layers.RandomPerspective((f, f)), "apply_perspective"),
        (lambda f: layers.RandomElasticTransform((f, f)), "apply_transform"),
        (lambda f: layers.RandomGrayscale(f), None),
    ],
)
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_the_chance_of_an_image_to_be_changed(layer, key, probability):
    if key == "apply_transform" and probability == 0:
        assert layer(probability).get_random_transformation(np.zeros((2, 2, 3, 1), "float32")) is None
        return
    drawn = layer(probability).get_random_transformation(np.zeros((2000, 2, 3, 1), "float32"), seed=1)
    assert abs(float(np.mean(drawn[key] if key else drawn)) - probability) < 0.04


def test_flips_are_about_one_half():
    flips = layers.RandomFlip().get_random_transformation(np.zeros((2000, 2, 2, 1)), seed=1)["flips"]
    assert abs(float(flips.mean()) - 0.5) < 0.04


def test_crops_come_from_everywhere_and_the_middle_outside_of_training():
    places = np.arange(5 * 6).reshape(1, 5, 6, 1).astype("float32")
    layer = layers.RandomCrop(3, 4)
    corners = {int(layer(places)[0, 0, 0, 0]) for _ in range(60)}
    assert corners == {6 * top + left for top in range(3) for left in range(3)}
    assert layer(places, training=False).shape == (1, 3, 4, 1)
    same = layers.RandomCrop(5, 6)(places, training=False)
    np.testing.assert_array_equal(same, places)
    small = layers.RandomCrop(7, 9)(places)
    assert small.shape == (1, 7, 9, 1)


def everything(boxes=True):
    masks = R.integers(0, 3, (4, 6, 8, 1)).astype("int32")
    data = {"images": X, "labels": np.eye(4, dtype="float32"), "segmentation_masks": masks}
    if boxes:
        corners = np.tile(np.array([[[1.0, 1, 4, 5], [0, 2, 8, 4]]], "float32"), (4, 1, 1))
        data["bounding_boxes"] = {"boxes": corners, "labels": np.tile(np.array([[1, 2]]), (4, 1))}
    return data


@pytest.mark.parametrize("name", [n for n in WORDS if n not in ("CutMix", "AugMix", "RandAugment")])
def test_a_dict_and_its_single_members(name):
    layer = getattr(layers, name)(**WORDS[name], bounding_box_format="xyxy")
    data = everything()
    out = layer(data)
    assert set(out) == set(data)
    assert out["images"].shape == X.shape
    more = 2 if name == "MixUp" else 1
    assert out["bounding_boxes"]["boxes"].shape == (4, 2 * more, 4)
    assert out["bounding_boxes"]["labels"].shape == (4, 2 * more)
    assert name == "MixUp" or out["segmentation_masks"].dtype == jnp.int32
    assert data["images"] is X  # nothing is changed in place
    if name not in ("RandomFlip", "RandomRotation", "RandomContrast", "MixUp"):
        return
    single = layer(jax.tree.map(lambda a: a[0], data))
    assert single["images"].shape == X.shape[1:]
    assert single["bounding_boxes"]["boxes"].shape == (2 * more, 4)
    assert layer(X[0]).shape == X.shape[1:]


def test_masks_keep_their_classes_and_go_with_the_pixels():
    masks = R.integers(0, 3, (4, 6, 8, 1)).astype("int32")
    data = {"images": masks.astype("float32"), "segmentation_masks": masks}
    moving = [layers.RandomFlip(), layers.RandomCrop(3, 5), layers.CenterCrop(9, 9), layers.RandomRotation(0.3)]
    for layer in (*moving, layers.CutMix()):
        out = layer(data, training=True)
        assert out["segmentation_masks"].shape == (*out["images"].shape[:3], 1)
        assert set(np.unique(out["segmentation_masks"])) <= {0, 1, 2}
        if isinstance(layer, layers.RandomFlip | layers.RandomCrop | layers.CutMix):
            np.testing.assert_array_equal(out["segmentation_masks"], out["images"])


def test_mixed_labels_are_the_share_of_each_image():
    images = np.stack([np.full((6, 8, 3), i, "float32") for i in (0.0, 1.0)])
    out = layers.MixUp(alpha=1.0, seed=3)({"images": images, "labels": np.eye(2, dtype="float32")})
    np.testing.assert_allclose(out["labels"][:, 1], out["images"].mean((1, 2, 3)), rtol=1e-5)
    with pytest.raises(ValueError, match=r"CutMix.*expected no bounding boxes"):
        layers.CutMix(bounding_box_format="xyxy")(everything())


def test_boxes_of_crops_follow_the_thing():
    images = np.zeros((1, 8, 10, 1), "float32")
    images[0, 3:5, 4:7] = 1
    for form in ("xyxy", "rel_xyxy"):
        size = np.array([1, 1, 1, 1] if form == "xyxy" else [10, 8, 10, 8])
        data = {"images": images, "bounding_boxes": {"boxes": np.array([[[4.0, 3, 7, 5]]]) / size, "labels": [[1]]}}
        layer = layers.RandomCrop(6, 8, bounding_box_format=form, seed=4)
        for _ in range(5):
            out = layer(data)
            rows, columns = np.nonzero(np.asarray(out["images"])[0, ..., 0])
            wanted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            after = np.array([1, 1, 1, 1] if form == "xyxy" else [8, 6, 8, 6])
            np.testing.assert_allclose(np.asarray(out["bounding_boxes"]["boxes"])[0, 0] * after, wanted, atol=1e-4)


def test_boxes_of_unlike_number_and_of_none():
    data = {
        "images": X[:2],
        "bounding_boxes": {"boxes": [[[0, 0, 4, 4], [1, 1, 2, 2]], [[0, 1, 2, 3]]], "labels": [[1, 2], [3]]},
    }
    out = layers.Resizing(12, 16, bounding_box_format="xyxy")(data)["bounding_boxes"]
    assert out["boxes"].tolist() == [[[0, 0, 8, 8], [2, 2, 4, 4]], [[0, 2, 4, 6], [0, 0, 0, 0]]]
    assert out["labels"].tolist() == [[1, 2], [3, -1]]


def test_sizes_in_a_functional_model_of_unknown_size():
    x = gazelle.Input((None, None, 3))
    y = layers.RandomFlip()(layers.Resizing(5, 7)(x))
    assert y.shape == (None, 5, 7, 3)
    assert gazelle.Model(x, y).predict(X, verbose=0).shape == (4, 5, 7, 3)


def test_augmentation_inside_of_fit():
    model = gazelle.Sequential(
        [
            gazelle.Input((6, 8, 3)),
            layers.RandAugment(seed=1),
            layers.RandomCrop(4, 4),
            layers.Rescaling(1 / 255) if hasattr(layers, "Rescaling") else layers.Identity(),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    history = model.fit(X, np.zeros((4, 1)), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_whole_numbers_keep_their_kind_where_they_are_resized():
    whole = X.astype("uint8")
    for kwargs in ({}, {"interpolation": "nearest"}, {"pad_to_aspect_ratio": True}):
        ours, theirs = (np.asarray(m.Resizing(5, 11, **kwargs)(whole)) for m in (layers, keras.layers))
        assert ours.dtype == theirs.dtype == np.uint8
        assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: layers.RandomRotation(2.0), "factor of RandomRotation: expected a number from -1 to 1"),
        (lambda: layers.RandomZoom(-1.0), "height_factor of RandomZoom: expected a number from"),
        (lambda: layers.RandomTranslation(0.1, (0.1, 0.2, 0.3)), "width_factor of RandomTranslation"),
        (lambda: layers.RandomShear(x_factor=-0.1), "x_factor of RandomShear: expected a number from 0 to 1"),
        (lambda: layers.RandomFlip("diagonal"), "mode of RandomFlip: expected one of horizontal"),
        (lambda: layers.RandomRotation(0.1, fill_mode="edge"), "fill_mode of RandomRotation: expected one of reflect"),
        (lambda: layers.RandomBrightness(0.1, value_range=255), "value_range: expected two numbers"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "expected an odd number, or two, got 4"),
        (lambda: layers.RandomErasing(fill_value=(1, 2)), "expected a number or three"),
        (lambda: layers.RandomPerspective(scale=2), "scale of RandomPerspective: expected a number from 0 to 1"),
        (lambda: layers.RandomGrayscale(1.5), "expected a number from 0 to 1, got 1.5"),
        (lambda: layers.Resizing(2, 2, interpolation="cubic"), "interpolation of Resizing"),
        (lambda: layers.Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "got both at once"),
        (lambda: layers.RandomFlip(data_format="last"), "Unknown data_format 'last'"),
        (lambda: layers.RandomFlip()(X[..., 0, 0]), r"RandomFlip 'random_flip.*expected an image of 3 axes or a batch"),
        (lambda: layers.RandomFlip()({"pictures": X}), r"expected a dict with images, got one with \['pictures'\]"),
        (lambda: layers.RandomFlip()(everything()), r"Write RandomFlip\(\.\.\., bounding_box_format='xyxy'\)"),
        (lambda: layers.RandomFlip(bounding_box_format="xyxy")({"images": X, "bounding_boxes": X}), 'dict of "boxes"'),
        (lambda: layers.RandomHue(0.1)(X[..., :2]), "expected 3 channels"),
    ],
)
def test_errors_name_what_is_wrong(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_arguments_are_those_of_keras():
    import inspect

    for name in layers.image.__all__:
        ours, theirs = (
            {k: p.default for k, p in inspect.signature(getattr(m, name)).parameters.items()}
            for m in (layers, keras.layers)
        )
        assert list(ours.items()) == list(theirs.items()), name


def test_boxes_of_one_image_have_no_axis_of_images():
    layer = layers.RandomFlip("horizontal", seed=1, bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[2.0, 1.0, 4.0, 3.0], [6.0, 4.0, 8.0, 6.0]]), "labels": np.array([1, 2])}
    drawn = layer.get_random_transformation({"images": np.ones((10, 8, 3))}, training=True)
    found = layer.transform_bounding_boxes(boxes, {**drawn, "flips": np.ones((1, 1, 1, 1), bool)}, training=True)
    np.testing.assert_allclose(found["boxes"], [[4, 1, 6, 3], [0, 4, 2, 6]])
    np.testing.assert_array_equal(found["labels"], [1, 2])


@pytest.mark.parametrize("make", [layers.CenterCrop, layers.RandomCrop, layers.Resizing])
@pytest.mark.parametrize("size", [(12, 14), (4, 14), (4, 5)])
def test_crops_of_channels_first(make, size):
    x = np.random.default_rng(0).random((2, 8, 10, 3), "float32")
    expected = make(*size, data_format="channels_last")(x, training=False)
    gazelle.config.set_image_data_format("channels_first")
    try:
        found = make(*size)(np.moveaxis(x, -1, 1), training=False)
    finally:
        gazelle.config.set_image_data_format("channels_last")
    np.testing.assert_allclose(np.moveaxis(found, 1, -1), expected, atol=1e-6)
