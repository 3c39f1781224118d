"""Functions of tf that need values, on symbolic tensors: they compute on the host when a graph runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from gazelle.compat.tensorflow.data.parsing import FixedLenSequenceFeature
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.function_tables import LISTS
from gazelle.compat.tensorflow.names import NAMES, replace
from gazelle.compat.tensorflow.ops.boxes import CombinedNonMaxSuppression
from gazelle.compat.tensorflow.v1.host_nodes import on_values, sparse_result
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import ShapeError
from gazelle.core.symbolic import KerasTensor, any_symbolic, symbolic_leaves

#: the function of the arguments of a call that makes its results in a graph
Results = Callable[[dict[str, Any]], Any]


def _let_take_graphs(results: Mapping[str, Results], stops_gradients: bool = True) -> None:
    """Let functions, of which each entry may have several names, take tensors of a graph."""
    for names, make in results.items():
        for original in {id(NAMES[name]): NAMES[name] for name in names.split() if name in NAMES}.values():
            replace(original, on_values(original, make, stops_gradients))


#: functions of text -> the dtype of their results, if that is not text; they have the shape of the first argument
_OF_TEXT = {"to_number": "float32", "length": "int32", "to_hash_bucket_fast": "int32", "to_hash_bucket": "int32"}
_OF_TEXT |= {"to_hash_bucket_strong": "int32", "regex_full_match": "bool"}
_OF_TEXT |= dict.fromkeys(
    ("encode_base64", "decode_base64", "join", "lower", "upper", "strip", "substr", "regex_replace", "as_string"),
    "string",
)


def _text_result(name: str) -> Results:
    def made(given: dict[str, Any]) -> KerasTensor:
        shapes = [tuple(t.shape) for t in symbolic_leaves(given)]
        return KerasTensor.derived(max(shapes, key=len), name_of(given.get("out_type", _OF_TEXT[name])))

    return made


_let_take_graphs({f"strings.{name} io.{name} {name} compat.v1.{name}": _text_result(name) for name in _OF_TEXT})


def _joined(given: dict[str, Any]) -> KerasTensor:
    shape, axis, keeps = given["inputs"].shape, given.get("axis"), given.get("keepdims")
    axes = range(len(shape)) if axis is None else [int(a) % len(shape) for a in np.ravel(axis)]
    sizes = [1 if i in axes else n for i, n in enumerate(shape) if keeps or i not in axes]
    return KerasTensor.derived(sizes, "string")


def _best_of_images(given: dict[str, Any]) -> Any:
    made, counts = KerasTensor.derived, (given["boxes"].shape[0], None)
    sizes = {"nmsed_boxes": (*counts, 4), "nmsed_scores": counts, "nmsed_classes": counts}
    parts = {name: made(shape, "float32") for name, shape in sizes.items()}
    return CombinedNonMaxSuppression(**parts, valid_detections=made(counts[:1], "int32"))


#: functions that compute on the host -> their results in a graph
_ON_HOST: dict[str, Results] = {
    **dict.fromkeys(
        ("io.read_file", "io.encode_png", "io.encode_jpeg", "strings.format"),
        lambda _: KerasTensor.derived((), "string"),
    ),
    "strings.reduce_join": _joined,
    "math.bincount": lambda given: KerasTensor.derived(
        (None,), "int32" if given.get("weights") is None else given["weights"].dtype
    ),
    "image.non_max_suppression": lambda _: KerasTensor.derived((None,), "int32"),
    "image.non_max_suppression_with_scores": lambda _: (
        KerasTensor.derived((None,), "int32"),
        KerasTensor.derived((None,), "float32"),
    ),
    "image.non_max_suppression_padded": lambda _: (
        KerasTensor.derived((None,), "int32"),
        KerasTensor.derived((), "int32"),
    ),
    "image.combined_non_max_suppression": _best_of_images,
    "image.draw_bounding_boxes": lambda given: KerasTensor.derived(given["images"].shape, "float32"),
}
_let_take_graphs(_ON_HOST)


def _of_sizes(original: Callable[..., Any]) -> Callable[..., Any]:
    """A part of images, or padded ones, whose position or size may be tensors of a graph."""

    def cut(given: dict[str, Any]) -> KerasTensor:
        image = given["image"]
        return KerasTensor.derived((*image.shape[:-3], None, None, image.shape[-1]), image.dtype)

    with_values = on_values(original, cut)

    @functools.wraps(original)
    def called(image: TensorLike, *sizes: Any, **kwargs: Any) -> TensorResult:
        is_known = not any_symbolic(sizes, kwargs)
        return (original if is_known else with_values)(image, *sizes, **kwargs)

    return called


for _name in ("crop_to_bounding_box", "pad_to_bounding_box", "resize_with_crop_or_pad"):
    replace(NAMES[f"image.{_name}"], _of_sizes(NAMES[f"image.{_name}"]))


def _of_values(original: Callable[..., Any]) -> Callable[..., Any]:
    """`tf.sequence_mask`, whose number of columns may be the largest length, or a tensor that depends on values."""

    def mask(given: dict[str, Any]) -> KerasTensor:
        return KerasTensor.derived((*given["lengths"].shape, None), name_of(given.get("dtype", "bool")))

    with_values = on_values(original, mask)

    @functools.wraps(original)
    def called(lengths: TensorLike, maxlen: TensorLike = None, *args: Any, **kwargs: Any) -> TensorResult:
        try:
            return original(lengths, maxlen, *args, **kwargs)
        except ShapeError:
            return with_values(lengths, maxlen, *args, **kwargs)

    return called


replace(NAMES["sequence_mask"], _of_values(NAMES["sequence_mask"]))


def _sparse_parts(given: dict[str, Any]) -> list[Any]:
    is_sparse = lambda v: hasattr(v, "dense_shape")  # noqa: E731
    return [v for v in jax.tree.leaves(list(given.values()), is_leaf=is_sparse) if is_sparse(v)]


def _like_first(given: dict[str, Any]) -> Any:
    """The result in a graph of a function of sparse tensors; dense if one of two terms is."""
    parts = _sparse_parts(given)
    if "b" in given and len(parts) == 1:  # a sum with a dense tensor
        dense = given["a"] if parts[0] is given["b"] else given["b"]
        return KerasTensor.derived(tuple(dense.shape), parts[0].dtype)
    rank = len(np.ravel(given["shape"])) if "shape" in given else len(parts[0].shape)
    return sparse_result(rank, parts[0].dtype)


def _with_axis(given: dict[str, Any]) -> Any:
    (part,) = _sparse_parts(given)
    return sparse_result(len(part.shape) + 1, part.dtype)


_OF_SPARSE: dict[str, Results] = {
    **dict.fromkeys(("add", "concat", "maximum", "minimum", "reset_shape", "retain", "reorder"), _like_first),
    **dict.fromkeys(("reshape", "slice", "transpose"), _like_first),
    "expand_dims": _with_axis,
    "fill_empty_rows": lambda given: (_like_first(given), KerasTensor.derived((None,), "bool")),
    "split": lambda given: [_like_first(given) for _ in range(int(given["num_split"]))],
    "from_dense": lambda given: sparse_result(len(given["tensor"].shape), given["tensor"].dtype),
}
_let_take_graphs({f"sparse.{name} sparse_{name}": make for name, make in _OF_SPARSE.items()}, False)


def _rows_of_segments(given: dict[str, Any]) -> KerasTensor:
    """The number of rows depends on the numbers of the segments."""
    return KerasTensor.derived((None, *given["data"].shape[1:]), given["data"].dtype)


def _of_features(given: dict[str, Any], *first: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, spec in given["features"].items():
        kind = {"int64": "int32"}.get(name_of(spec.dtype), name_of(spec.dtype))
        if hasattr(spec, "shape"):
            more = (None,) if isinstance(spec, FixedLenSequenceFeature) else ()
            made[name] = KerasTensor.derived((*first, *more, *spec.shape), kind)
        else:
            made[name] = sparse_result(1 + len(first), kind)
    return made


def _of_columns(given: dict[str, Any]) -> list[Any]:
    columns = [np.asarray(unboxed(default)) for default in given["record_defaults"]]
    kinds = ["string" if c.dtype.kind in "OSU" else {"f": "float32"}.get(c.dtype.kind, "int32") for c in columns]
    return [KerasTensor.derived(given["records"].shape, kind) for kind in kinds]


def _of_bytes(given: dict[str, Any]) -> KerasTensor:
    value = given.get("input_bytes", given.get("bytes"))
    return KerasTensor.derived((*value.shape, given.get("fixed_length")), name_of(given["out_type"]))


def _of_image(given: dict[str, Any]) -> KerasTensor:
    return KerasTensor.derived((None, None, given.get("channels") or None), name_of(given.get("dtype", "uint8")))


_KINDS_OF_SEGMENTS = {"math": ("sum", "mean", "max", "min", "prod"), "sparse": ("sum", "mean", "sqrt_n")}
_SEGMENTS = [f"{module}.segment_{kind}" for module, kinds in _KINDS_OF_SEGMENTS.items() for kind in kinds]
_WITH_GRADIENTS: dict[str, Results] = {
    **dict.fromkeys(_SEGMENTS, _rows_of_segments),
    **dict.fromkeys(
        ("string_split compat.v1.string_split", "compat.v1.strings.split"), lambda _: sparse_result(2, "string")
    ),
    "io.parse_single_example": _of_features,
    "io.parse_example": lambda given: _of_features(given, None),
    "io.decode_raw compat.v1.decode_raw": _of_bytes,
    "io.decode_csv compat.v1.decode_csv": _of_columns,
    "math.confusion_matrix compat.v1.confusion_matrix": lambda given: KerasTensor.derived(
        (given.get("num_classes"),) * 2, name_of(given.get("dtype") or "int32")
    ),
    " ".join([*LISTS["decoders of images"], "image.decode_jpeg"]): _of_image,
}
_let_take_graphs(_WITH_GRADIENTS, False)
