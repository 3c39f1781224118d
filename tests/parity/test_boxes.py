"""Bounding boxes against Keras: formats, transformations, overlaps."""

import itertools

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from deviations import same

from gazelle.utils import bounding_boxes

R = np.random.default_rng(0)
BOXES = np.sort(R.uniform(0, 20, (2, 3, 2, 2)), axis=2).reshape(2, 3, 4).astype("float32")
OTHERS = np.sort(R.uniform(0, 20, (2, 4, 2, 2)), axis=2).reshape(2, 4, 4).astype("float32")
FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")
ABSOLUTE = FORMATS[:5]
MOVE = [np.array(v, "float32") for v in ([30, -80], [0.1, 0], [0, -0.2], [1, 1.5], [5, 0], [0, -10])]
ABSENT = np.concatenate([BOXES[:, :2], -np.ones((2, 1, 4), "float32")], 1)

CASES = [
    *[("convert_format", (BOXES, *pair, 20, 24), {}) for pair in itertools.product(FORMATS, FORMATS)],
    ("affine_transform", (BOXES, *MOVE, 20, 24), {}),
    ("affine_transform", (BOXES, *MOVE, 20, 24), {"center_x": 0.2, "center_y": 0.9}),
    ("crop", (BOXES, 2, 3, 10, 12), {}),
    ("pad", (BOXES, 2, 3), {}),
    *[("compute_iou", (BOXES, OTHERS, form), {"image_shape": (20, 24, 3)}) for form in FORMATS],
    ("compute_iou", (BOXES[0], OTHERS[0], "xyxy"), {}),
    ("compute_iou", (BOXES[0], OTHERS[0], "yxyx"), {}),
    *[("compute_ciou", (BOXES, OTHERS[:, :3], form), {}) for form in ABSOLUTE],
    *[
        ("encode_box_to_deltas", (OTHERS[:, :3], BOXES, "xyxy", "xyxy"), {"encoding_format": form, "variance": v})
        for form in ("center_xywh", "center_yxhw")
        for v in (None, [0.1, 0.1, 0.2, 0.2])
    ],
    *[
        ("decode_deltas_to_boxes", (OTHERS[:, :3], BOXES / 20, "xyxy", "xywh"), {"encoded_format": form, "variance": v})
        for form in ("center_xywh", "center_yxhw")
        for v in (None, [0.1, 0.1, 0.2, 0.2])
    ],
]


@pytest.mark.parametrize(("name", "args", "kwargs"), [pytest.param(*c, id=f"{c[0]}-{i}") for i, c in enumerate(CASES)])
def test_equals_keras(name, args, kwargs):
    ours, theirs = (getattr(m, name) for m in (bounding_boxes, keras.utils.bounding_boxes))
    given = [jnp.asarray(a) if isinstance(a, np.ndarray) else a for a in args]
    same(ours(*given, **kwargs), theirs(*given, **kwargs))


@pytest.mark.parametrize("form", ["xyxy", "rel_xyxy"])
def test_clipped_as_in_keras(form):
    boxes = {"boxes": BOXES * 2 - 8 if form == "xyxy" else BOXES / 8 - 0.5, "labels": np.arange(6).reshape(2, 3)}
    ours, theirs = (
        m.clip_to_image_size({k: jnp.asarray(v) for k, v in boxes.items()}, 9, 11, form)
        for m in (bounding_boxes, keras.utils.bounding_boxes)
    )
    for key in boxes:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-6)
    assert (np.asarray(ours["labels"]) == -1).any()


def test_pairs_with_an_absent_box_are_marked():
    got = np.asarray(bounding_boxes.compute_iou(ABSENT[0], OTHERS[0], "xyxy", use_masking=True, mask_val=-7))
    assert (got[2] == -7).all()
    assert (got[:2] >= 0).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: bounding_boxes.convert_format(BOXES, "xyxx", "xywh"), "Unknown format of boxes 'xyxx'"),
        (lambda: bounding_boxes.convert_format(BOXES, "xyxy", "rel_xywh"), "expected height and width of the image"),
        (lambda: bounding_boxes.convert_format(BOXES[..., :3], "xyxy", "xywh"), "expected a last axis of 4"),
        (lambda: bounding_boxes.crop(BOXES, 0, 0, 1, 1, "xywh"), "expected 'xyxy', got 'xywh'"),
        (lambda: bounding_boxes.compute_ciou(BOXES, BOXES, "rel_xyxy"), "boxes in pixels"),
    ],
)
def test_errors_name_what_is_wrong(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_every_name_is_there():
    assert {n for n in dir(keras.utils.bounding_boxes) if n[0] != "_"} <= set(bounding_boxes.__all__)
