"""tf.image: bounding boxes, as (top, left, bottom, right) from 0 to 1."""

from __future__ import annotations

import heapq
from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.names import named, op
from gazelle.compat.tensorflow.ops.arrays import array_of
from gazelle.compat.tensorflow.ops.gathering import gather
from gazelle.compat.tensorflow.ops.randoms import generator, next_key, seed_of_draw
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message

_ROUNDING = 1e-6  # a point on the edge of the image may lie outside by rounding


@op("image.crop_and_resize", host=False, static=("crop_size",))
def crop_and_resize(
    image: TensorLike,
    boxes: TensorLike,
    box_indices: TensorLike,
    crop_size: ShapeLike,
    method: str = "bilinear",
    extrapolation_value: float = 0.0,
) -> TensorResult:
    image, boxes = jnp.asarray(image, "float32"), jnp.asarray(boxes, "float32")
    grid, inside = [], []
    for axis, count in enumerate(crop_size):
        low, high, last = boxes[:, axis, None], boxes[:, axis + 2, None], image.shape[axis + 1] - 1
        step = (high - low) * last / max(count - 1, 1)  # in the order of TensorFlow: halves are rounded up
        at = low * last + jnp.arange(count) * step if count > 1 else (low + high) * last / 2
        inside.append((at >= -_ROUNDING * last) & (at <= last * (1 + _ROUNDING)))
        grid.append(jnp.clip(at, 0, last))
    number, rows, columns = jnp.asarray(box_indices)[:, None, None], grid[0][:, :, None], grid[1][:, None, :]
    pixels = lambda y, x: image[number, y.astype("int32"), x.astype("int32")]  # noqa: E731
    if method == "nearest":
        found = pixels(jnp.floor(rows + 0.5), jnp.floor(columns + 0.5))
    else:
        (top, down), (left, right) = ((jnp.floor(at), (at - jnp.floor(at))[..., None]) for at in (rows, columns))
        upper, lower = (
            pixels(y, left) * (1 - right) + pixels(y, jnp.ceil(columns)) * right for y in (top, jnp.ceil(rows))
        )
        found = upper * (1 - down) + lower * down
    return jnp.where((inside[0][:, :, None] & inside[1][:, None, :])[..., None], found, extrapolation_value)


@op("image.extract_glimpse", host=False, static=("size",))
def extract_glimpse(
    input: TensorLike,
    size: ShapeLike,
    offsets: TensorLike,
    centered: bool = True,
    normalized: bool = True,
    noise: str | bool = "uniform",
) -> TensorResult:
    """`tf.image.extract_glimpse`: a part of each image; outside of it are random values of its range, or zeros."""
    return _glimpse(input, size, offsets, (centered, normalized, noise), False)


@op("compat.v1.image.extract_glimpse", host=False, static=("size",))
@ignores("uniform_noise")
def extract_glimpse_of_1(
    input: TensorLike, size: ShapeLike, offsets: TensorLike, centered: bool = True, normalized: bool = True
) -> TensorResult:
    """`tf.image.extract_glimpse` of TensorFlow 1, in which offsets are always those of the middle of the part."""
    return _glimpse(input, size, offsets, (centered, normalized, "uniform"), True)


def _glimpse(image: Any, size: Any, offsets: Any, options: tuple[bool, bool, str | bool], is_v1: bool) -> Any:
    centered, normalized, noise = options
    image, sizes, part = jnp.asarray(image, "float32"), jnp.float32(image.shape[1:3]), jnp.float32(size)
    start = jnp.asarray(offsets, "float32") * (sizes if normalized else 1)
    if centered:  # 0 is the middle of the image
        start = (start / 2 if normalized or is_v1 else start) + sizes / 2
    start = (start - part / 2 if is_v1 or (centered and normalized) else start).astype("int32")
    rows, columns = (start[:, axis, None] + jnp.arange(size[axis]) for axis in (0, 1))
    inside = [(at >= 0) & (at < image.shape[axis + 1]) for axis, at in enumerate((rows, columns))]
    found = image[jnp.arange(len(image))[:, None, None], rows[:, :, None], columns[:, None, :]]
    if noise != "zero":
        filled = jax.random.uniform(next_key(), found.shape, minval=image.min(), maxval=image.max())
    else:
        filled = jnp.zeros_like(found)
    return jnp.where((inside[0][:, :, None] & inside[1][:, None, :])[..., None], found, filled)


def _overlap(box: Any, others: Any) -> Any:
    """Intersection over union of a box with others, of which any two opposite corners are given."""
    box, others = (
        np.concatenate([np.minimum(v[..., :2], v[..., 2:]), np.maximum(v[..., :2], v[..., 2:])], -1)
        for v in (box, others)
    )
    top, left = np.maximum(box[:2], others[:, :2]).T
    bottom, right = np.minimum(box[2:], others[:, 2:]).T
    shared = np.maximum(0, bottom - top) * np.maximum(0, right - left)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return shared / np.maximum((box[2] - box[0]) * (box[3] - box[1]) + areas - shared, 1e-12)


def _non_max_suppression(
    boxes: Any, scores: Any, limit: int, iou_threshold: float, score_threshold: float
) -> list[int]:
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if len(kept) == limit or scores[index] <= score_threshold:
            break
        if not kept or (_overlap(boxes[index], boxes[kept]) <= iou_threshold).all():
            kept.append(int(index))
    return kept


def _softly_suppressed(
    boxes: Any, scores: Any, limit: int, score_threshold: float, sigma: float
) -> tuple[Tensor, Tensor]:
    """The boxes by score, which is multiplied by exp(-overlap^2 / 2 sigma) for each box that was chosen before."""
    waiting = [(-score, index, 0) for index, score in enumerate(scores.tolist()) if score > score_threshold]
    heapq.heapify(waiting)
    kept: list[tuple[int, float]] = []
    while waiting and len(kept) < limit:
        negative, index, compared = heapq.heappop(waiting)
        score = -negative
        for other, _ in kept[compared:]:
            overlap = float(_overlap(boxes[index], boxes[[other]])[0])
            score *= np.exp(-0.5 / sigma * overlap**2)
        if score == -negative:
            kept.append((index, score))
        elif score > score_threshold:
            heapq.heappush(waiting, (-score, index, len(kept)))
    indices, values = [index for index, _ in kept], [value for _, value in kept]
    return Tensor(np.asarray(indices, "int32")), Tensor(np.asarray(values, "float32"))


@named("image.non_max_suppression")
def non_max_suppression(
    boxes: TensorLike,
    scores: TensorLike,
    max_output_size: TensorLike,
    iou_threshold: float = 0.5,
    score_threshold: float = float("-inf"),
) -> Tensor:
    """`tf.image.non_max_suppression`: indices of the best boxes whose overlap is at most `iou_threshold`."""
    kept = _non_max_suppression(
        array_of(boxes), array_of(scores), int(max_output_size), float(iou_threshold), float(score_threshold)
    )
    return Tensor(np.asarray(kept, "int32"))


@named("image.non_max_suppression_padded")
@ignores("name sorted_input canonicalized_coordinates tile_size")
def non_max_suppression_padded(
    boxes: TensorLike,
    scores: TensorLike,
    max_output_size: TensorLike,
    iou_threshold: float = 0.5,
    score_threshold: float = float("-inf"),
    pad_to_max_output_size: bool = False,
) -> tuple[Tensor, Tensor]:
    """`tf.image.non_max_suppression_padded`: (indices, their number), with zeros up to the maximum on request."""
    kept = non_max_suppression(boxes, scores, max_output_size, iou_threshold, score_threshold).array
    rest = int(max_output_size) - len(kept) if pad_to_max_output_size else 0
    return Tensor(np.pad(kept, (0, rest))), Tensor(np.asarray(len(kept), "int32"))


@named("image.non_max_suppression_with_scores")
def non_max_suppression_with_scores(
    boxes: TensorLike,
    scores: TensorLike,
    max_output_size: TensorLike,
    iou_threshold: float = 0.5,
    score_threshold: float = float("-inf"),
    soft_nms_sigma: float = 0.0,
) -> tuple[Any, Any]:
    """`tf.image.non_max_suppression_with_scores`: (indices, scores), which overlaps reduce if there is a sigma."""
    if soft_nms_sigma:
        return _softly_suppressed(
            array_of(boxes), array_of(scores), int(max_output_size), score_threshold, soft_nms_sigma
        )
    kept = non_max_suppression(boxes, scores, max_output_size, iou_threshold, score_threshold)
    return kept, gather(scores, kept)


CombinedNonMaxSuppression = namedtuple(
    "CombinedNonMaxSuppression", "nmsed_boxes nmsed_scores nmsed_classes valid_detections"
)


@named("image.combined_non_max_suppression")
def combined_non_max_suppression(
    boxes: TensorLike,
    scores: TensorLike,
    max_output_size_per_class: TensorLike,
    max_total_size: TensorLike,
    iou_threshold: float = 0.5,
    score_threshold: float = float("-inf"),
    pad_per_class: bool = False,
    clip_boxes: bool = True,
) -> tuple[Any, ...]:
    """`tf.image.combined_non_max_suppression`: (boxes, scores, classes, counts) for each image of a batch."""
    all_boxes, all_scores, limit = array_of(boxes), array_of(scores), int(max_total_size)
    if pad_per_class:
        limit = min(limit, int(max_output_size_per_class) * all_scores.shape[-1])
    out = np.zeros((len(all_boxes), limit, 6), "float32")
    counts = np.zeros(len(all_boxes), "int32")
    for number, (own_boxes, class_scores) in enumerate(zip(all_boxes, all_scores, strict=True)):
        found = []
        for kind in range(class_scores.shape[1]):
            own = own_boxes[:, min(kind, own_boxes.shape[1] - 1)]
            for index in _non_max_suppression(
                own, class_scores[:, kind], int(max_output_size_per_class), iou_threshold, score_threshold
            ):
                box = own[index].clip(0, 1) if clip_boxes else own[index]
                found.append((*box, class_scores[index, kind], kind))
        found = sorted(found, key=lambda row: -row[4])[:limit]
        counts[number] = len(found)
        if found:
            out[number, : len(found)] = found
    return CombinedNonMaxSuppression(Tensor(out[..., :4]), Tensor(out[..., 4]), Tensor(out[..., 5]), Tensor(counts))


@named("image.sample_distorted_bounding_box")
def sample_distorted_bounding_box(
    image_size: TensorLike,
    bounding_boxes: TensorLike,
    seed: int | None = None,
    min_object_covered: float = 0.1,
    aspect_ratio_range: Sequence[float] = (0.75, 1.33),
    area_range: Sequence[float] = (0.05, 1.0),
    max_attempts: int = 100,
    use_image_if_no_bounding_boxes: bool = False,
    seed2: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """`tf.image.sample_distorted_bounding_box`: (begin, size, box) of a random part that covers a part of a box."""
    height, width = (int(n) for n in array_of(image_size)[:2])
    boxes, draw = array_of(bounding_boxes).reshape(-1, 4), generator(seed or seed2)
    if not len(boxes) and not use_image_if_no_bounding_boxes:
        hint = "use_image_if_no_bounding_boxes=True"
        raise ArgumentError(message("bounding_boxes", expected="at least one box", got="none", hint=hint))
    boxes = (boxes if len(boxes) else np.asarray([[0, 0, 1, 1]])) * [height, width, height, width]
    part = (0, 0, height, width)
    for _ in range(max_attempts):
        ratio = draw.uniform(*map(float, aspect_ratio_range))
        least, most = (float(share) * height * width for share in area_range)
        limit = min(round((most / ratio) ** 0.5), height, int((width + 0.5) / ratio))
        first = min(max(round((least / ratio) ** 0.5), 1), limit)
        rows = int(draw.integers(first, limit + 1)) if limit else 0
        columns = min(round(rows * ratio), width)
        if not least <= rows * columns <= most or not rows * columns:
            continue
        top, left = int(draw.integers(height - rows + 1)), int(draw.integers(width - columns + 1))
        low = np.maximum(boxes[:, :2], (top, left))
        high = np.minimum(boxes[:, 2:], (top + rows, left + columns))
        covered, whole = (np.prod(np.maximum(b - a, 0), 1) for a, b in ((low, high), (boxes[:, :2], boxes[:, 2:])))
        if (covered >= float(min_object_covered) * whole).any():
            part = (top, left, rows, columns)
            break
    top, left, rows, columns = part
    box = np.asarray([top / height, left / width, (top + rows) / height, (left + columns) / width], "float32")
    begin, size = (np.asarray(v, "int32") for v in ([top, left, 0], [rows, columns, -1]))
    return Tensor(begin), Tensor(size), Tensor(box.reshape(1, 1, 4))


@named("image.stateless_sample_distorted_bounding_box")
def stateless_sample_distorted_bounding_box(
    image_size: TensorLike, bounding_boxes: TensorLike, seed: TensorLike, *args: Any, **kwargs: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """`sample_distorted_bounding_box`, whose result depends on the pair `seed` only."""
    return sample_distorted_bounding_box(image_size, bounding_boxes, seed_of_draw(seed), *args, **kwargs)


#: yellow, blue, red, lime, purple, olive, maroon, navy, aqua, fuchsia
_COLORS = [[1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0.5, 0, 0.5], [0.5, 0.5, 0], [0.5, 0, 0], [0, 0, 0.5]]
_COLORS += [[0, 1, 1], [1, 0, 1]]


@named("image.draw_bounding_boxes")
def draw_bounding_boxes(images: TensorLike, boxes: TensorLike, colors: TensorLike = None) -> Tensor:
    """`tf.image.draw_bounding_boxes`: lines of one pixel."""
    out = np.array(array_of(images))
    height, width = out.shape[1:3]
    palette = _COLORS if colors is None else array_of(colors)
    for picture, own_boxes in zip(out, array_of(boxes), strict=True):
        for number, (top, left, bottom, right) in enumerate(own_boxes):
            color = np.asarray(palette[number % len(palette)])[: out.shape[-1]]
            a, b = int(top * (height - 1)), int(bottom * (height - 1))
            c, d = int(left * (width - 1)), int(right * (width - 1))
            picture[[a, b], c : d + 1] = color
            picture[a : b + 1, [c, d]] = color
    return Tensor(out)


_YUV = np.asarray(
    [[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026]], "float32"
)
_YIQ = np.asarray(
    [[0.299, 0.59590059, 0.2115], [0.587, -0.27455667, -0.52273617], [0.114, -0.32134392, 0.31119955]], "float32"
)


def _colors(matrix: Any) -> Any:
    return lambda images: images @ matrix.astype(jnp.promote_types(images.dtype, jnp.float16))


#: the inverse as TensorFlow rounds it
_FROM_YIQ = np.asarray(
    [[1, 1, 1], [0.95598634, -0.27201283, -1.10674021], [0.6208248, -0.64720424, 1.70423049]], "float32"
)
for _name, _matrix, _back in (
    ("yuv", _YUV, np.linalg.inv(_YUV.astype("float64")).astype("float32")),
    ("yiq", _YIQ, _FROM_YIQ),
):
    op(f"image.rgb_to_{_name}")(_colors(_matrix))
    op(f"image.{_name}_to_rgb")(_colors(_back))


@op("image.image_gradients", host=False)
def image_gradients(image: TensorLike) -> TensorResult:
    down, right = jnp.diff(image, axis=1), jnp.diff(image, axis=2)
    return jnp.pad(down, [(0, 0), (0, 1), (0, 0), (0, 0)]), jnp.pad(right, [(0, 0), (0, 0), (0, 1), (0, 0)])
