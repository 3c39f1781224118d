"""Drawings on images, compared with Keras where it does not need OpenCV."""

import keras
import numpy as np
import pytest

import gazelle
from gazelle import visualization

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
R = np.random.default_rng(0)
X = R.integers(0, 256, (2, 6, 5, 3)).astype("float32")
MASKS = R.integers(-1, 4, (2, 6, 5, 1)).astype("int32")
BOXES = {"boxes": np.array([[[1, 1, 8, 6]], [[2, 3, 9, 9]]]), "labels": np.array([[0], [-1]])}
BLACK = np.zeros((2, 12, 12, 3), "uint8")


@pytest.mark.parametrize(
    "kwargs",
    [
        {"num_classes": 4},
        {"num_classes": 2, "alpha": 0.3},
        {},
        {"num_classes": 4, "blend": False},
        {"num_classes": 4, "color_mapping": {i: (i * 20, 5, 200 - i) for i in range(4)}},
        {"num_classes": 4, "ignore_index": 2},
    ],
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_masks_as_in_keras(kwargs, data_format):
    x, masks = (np.moveaxis(v, -1, 1) if data_format == "channels_first" else v for v in (X, MASKS))
    ours, theirs = (
        m.visualization.draw_segmentation_masks(x, masks, data_format=data_format, **kwargs) for m in (gazelle, keras)
    )
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1)


def test_a_frame_of_the_color_and_thickness():
    out = visualization.draw_bounding_boxes(BLACK, BOXES, "xyxy", color=(9, 8, 7), line_thickness=1)
    assert out.dtype == np.uint8
    frame = np.zeros((12, 12), bool)
    frame[1:7, 1:9] = True
    frame[2:6, 2:8] = False
    np.testing.assert_array_equal((out[0] == (9, 8, 7)).all(-1), frame)
    assert (out[1] == 0).all()  # the label -1 stands for no box
    thick = visualization.draw_bounding_boxes(BLACK, BOXES, "xyxy", color=(9, 8, 7), line_thickness=3)
    assert (thick[0] == (9, 8, 7)).all(-1).sum() > frame.sum()


def test_formats_names_and_floats():
    fraction = {"boxes": BOXES["boxes"] / 12, "labels": BOXES["labels"]}
    plain = visualization.draw_bounding_boxes(BLACK, BOXES, "xyxy")
    np.testing.assert_array_equal(visualization.draw_bounding_boxes(BLACK / 1.0, fraction, "rel_xyxy"), plain)
    named = visualization.draw_bounding_boxes(
        BLACK, {**BOXES, "confidences": [[0.5], [0.1]]}, "xyxy", {0: "cat"}, font_scale=0.6
    )
    assert (named != plain).any()
    first = visualization.draw_bounding_boxes(np.moveaxis(BLACK, -1, 1), BOXES, "xyxy", data_format="channels_first")
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), plain)
    assert visualization.draw_bounding_boxes(BLACK[..., :1], BOXES, "xyxy").shape == (2, 12, 12, 1)


def test_every_image_is_in_the_gallery(tmp_path):
    figure = visualization.plot_image_gallery(X.repeat(3, 0)[:5], show=False)
    assert sum(bool(axis.images) for axis in figure.axes) == 5
    kwargs = {"y_true": [0, 1], "y_pred": [1, 7], "label_map": {0: "a", 1: "b"}}
    figure = visualization.plot_image_gallery(X, rows=1, cols=2, show=False, **kwargs)
    assert [axis.get_title() for axis in figure.axes] == ["Label: a  Pred: b", "Label: b  Pred: Unknown"]
    assert visualization.plot_image_gallery(X / 255, value_range=(0, 1), path=tmp_path / "a.png") is None
    assert (tmp_path / "a.png").stat().st_size > 100


def test_galleries_of_boxes_and_masks():
    figure = visualization.plot_bounding_box_gallery(BLACK, "xyxy", BOXES, BOXES, legend=True, show=False)
    shown = figure.axes[0].images[0].get_array()
    assert (shown == (255, 235, 59)).all(-1).any()
    assert [text.get_text() for text in figure.legends[0].texts] == ["Ground Truth", "Prediction"]
    figure = visualization.plot_segmentation_mask_gallery(X, 4, y_true=MASKS, y_pred=MASKS, show=False)
    assert len(figure.axes) == 6


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: visualization.plot_image_gallery(X, path="a.png", show=True), "expected path or show=True, got both"),
        (lambda: visualization.plot_image_gallery(X, y_true=[1, 2]), "label_map: expected a dict"),
        (lambda: visualization.plot_image_gallery(X[0]), "expected a batch of 4 axes"),
        (
            lambda: visualization.draw_bounding_boxes(X, [1], "xyxy"),
            'expected a dict of "boxes" and "labels", got list',
        ),
        (lambda: visualization.draw_segmentation_masks(X, MASKS / 1.0), "segmentation_masks: expected integers"),
        (lambda: visualization.plot_bounding_box_gallery(X, "xyxy", legend=True, legend_handles=[1]), "got both"),
    ],
)
def test_errors_name_what_is_wrong(call, text):
    with pytest.raises(ValueError, match=text):
        call()
