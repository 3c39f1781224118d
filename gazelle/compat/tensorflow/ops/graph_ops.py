"""Functions of tf on symbolic tensors that are operations of gazelle, so that files and exports know them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.backend.execution_order import open_dependencies
from gazelle.compat.backend.shapes import Size
from gazelle.compat.tensorflow import names as table
from gazelle.compat.tensorflow.data.parsing import FixedLenSequenceFeature
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager import custom_gradient
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.function_tables import LISTS, TABLE
from gazelle.compat.tensorflow.names import NAMES, aliases, current_names, earlier_names, fixed_value
from gazelle.compat.tensorflow.ops import nn, sizes
from gazelle.compat.tensorflow.ops.boxes import CombinedNonMaxSuppression
from gazelle.compat.tensorflow.v1.host_nodes import builds_graph, of_sparse, on_values, sparse_result
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import OPS, KerasTensor, is_symbolic, symbolic_leaves
from gazelle.core.variable import Variable

_REDUCTIONS = "input_tensor=x axis=axis keepdims=keepdims"
#: the parameters of a function of NumPy in the table -> those of gazelle's operation of this name
_ELEMENTWISE = {"x": ("x", "x=x"), "x y": ("x1 x2", "x=x1 y=x2")}
#: parameters that TensorFlow and gazelle give other defaults
_DEFAULTS: dict[str, dict[str, Any]] = {"nn.gelu": {"approximate": False}, "unstack": {"axis": 0}}

#: functions that are other ones for losses, and gazelle's operations for files
_OWN = {"nn.softmax": nn.softmax}


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, KerasTensor) or (
        type(value) in (list, tuple) and any(isinstance(part, KerasTensor) for part in value)
    )


def _plain(name: str, value: Any) -> Any:
    if name == "newshape":
        fixed = fixed_value(value)
        is_unknown = [isinstance(n, Size | KerasTensor) for n in fixed] if isinstance(fixed, tuple | list) else []
        if is_unknown.count(True) == 1 and not any(type(n) is int and n == -1 for n in fixed):
            # the size follows from the others, and files can contain -1
            return tuple(-1 if unknown else n for unknown, n in zip(is_unknown, fixed, strict=True))
        return fixed
    if isinstance(value, KerasTensor | Variable):
        return value
    if name == "dtype":
        return name_of(value)
    if type(value) in (list, tuple) and _is_symbolic(value):
        return [_plain(name, part) for part in value]
    return unboxed(value) if name in ("x", "xs", "x1", "x2", "condition") else fixed_value(value)


def _in_graph(name: str, original: Callable[..., Any], op: str, names: Mapping[str, str]) -> Callable[..., Any]:
    """The function, which calls an operation of gazelle on symbolic tensors if it has all the arguments given."""
    signature = inspect.signature(original)
    earlier = earlier_names(signature.parameters)

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not any(map(_is_symbolic, (*args, *kwargs.values()))):
            return original(*args, **kwargs)
        if table.on_name is not None and kwargs.get("name"):
            given_name = kwargs.pop("name")
            made = called(*args, **kwargs)
            table.on_name(given_name, made)
            return made
        kwargs = {key: value for key, value in kwargs.items() if key != "name"}
        arguments = signature.bind(*args, **current_names(kwargs, earlier)).arguments
        given = {k: v for k, v in arguments.items() if k != "name" and v is not signature.parameters[k].default}
        if not given.keys() <= names.keys() or (name == "where" and "y" not in given):  # where(condition): indices
            return original(*args, **kwargs)
        if op in ("mean", "sum", "prod") and _is_rounded(op, given.get("input_tensor")):
            return original(*args, **kwargs)
        if name == "unstack" and isinstance(given["value"], sizes.ShapeTensor):
            return list(given["value"])
        if name == "tile" and _is_symbolic(given["multiples"]):
            return original(*args, **kwargs)  # the operation takes no `Size`
        options = {**_DEFAULTS.get(name, {}), **{names[k]: _plain(names[k], v) for k, v in given.items()}}
        first: list[Any] = []
        for parameter in inspect.signature(OPS[op]).parameters:
            if parameter not in options:
                break
            first.append(options.pop(parameter))
        made = OPS[op](*first, **options) if name not in _OWN else call_op(_OWN[name], tuple(first), options)
        if name == "reshape":
            _hide_inferred_size(made, *first)
        return made

    return called


def _is_rounded(op: str, x: Any) -> bool:
    """Whether a reduction has the dtype of its integers, which operations of Keras widen."""
    dtype = str(getattr(x, "dtype", ""))
    return "int" in dtype and (op == "mean" or dtype not in ("int32", "int64"))


def _hide_inferred_size(made: Any, x: Any, shape: Any) -> None:
    """Let the size in the place of -1 be unknown if the shape contains a size of another tensor, which x may lack."""
    shape = shape if isinstance(shape, tuple | list) else ()
    of_another = any(isinstance(n, Size) and any(tensor is not x for tensor in n.tensors) for n in shape)
    if of_another and any(type(n) is int and n == -1 for n in shape):
        made.shape = tuple(None if type(n) is int and n == -1 else m for n, m in zip(shape, made.shape, strict=True))


def _parameters(function: Any) -> str:
    code = inspect.unwrap(function).__code__  # a signature would be slower
    return " ".join(code.co_varnames[: code.co_argcount])


def _entries() -> Iterator[tuple[str, str]]:
    """(TensorFlow's name, operation and its parameters: "operation TensorFlow's=gazelle's ...")."""
    for names, entry in TABLE["numpy"].items():
        name, _, parameters = entry.partition(" ")
        own, renamed = _ELEMENTWISE.get(parameters, ("", ""))
        if renamed and name in OPS and _parameters(OPS[name]) == own:
            yield names.split()[0], f"{name} {renamed}"
    for names, name in TABLE["reductions"].items():
        yield names.split()[0], f"{name} {_REDUCTIONS}"
    yield from TABLE["graph"].items()


_aliases = aliases()
for _name, _entry in _entries():
    _op, *_pairs = _entry.split()
    _original = NAMES[_name]
    _called = _in_graph(_name, _original, _op, dict(pair.split("=") for pair in _pairs))
    NAMES.update(dict.fromkeys(_aliases.get(id(_original), ()), _called))

_CHANGES: dict[str, Callable[..., Any]] = {
    "cast": lambda x, dtype, **_: sizes.sizes_of(x) if "int" in name_of(dtype) else None,
    "concat": sizes.joined,
    "stack": sizes.stacked,
    "reduce_prod": sizes.product,
    "identity": lambda input, **_: sizes.sizes_of(input),
}
for _name, _change in _CHANGES.items():
    _original = NAMES[_name]
    _called = sizes.keeps_sizes(_change)(_original)
    NAMES.update({name: _called for name, target in list(NAMES.items()) if target is _original})


#: functions of text -> the dtype of their results, if that is not text; they have the shape of the first argument
_OF_TEXT = {"to_number": "float32", "length": "int32", "to_hash_bucket_fast": "int32", "to_hash_bucket": "int32"}
_OF_TEXT |= {"to_hash_bucket_strong": "int32", "regex_full_match": "bool"}
_OF_TEXT |= dict.fromkeys(
    ("encode_base64", "decode_base64", "join", "lower", "upper", "strip", "substr", "regex_replace", "as_string"),
    "string",
)


def _text_result(name: str) -> Callable[..., Any]:
    def made(given: dict[str, Any]) -> KerasTensor:
        shapes = [tuple(t.shape) for t in symbolic_leaves(given)]
        return KerasTensor.derived(max(shapes, key=len), name_of(given.get("out_type", _OF_TEXT[name])))

    return made


for _name in _OF_TEXT:
    for _original in {
        id(f): f for n, f in NAMES.items() if n in (f"strings.{_name}", f"io.{_name}", _name, f"compat.v1.{_name}")
    }.values():
        _called = on_values(_original, _text_result(_name))
        NAMES.update({name: _called for name, target in list(NAMES.items()) if target is _original})


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
_ON_HOST: dict[str, Callable[[dict[str, Any]], Any]] = {
    "strings.reduce_join": _joined,
    "strings.format": lambda _: KerasTensor.derived((), "string"),
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
    "io.encode_png": lambda _: KerasTensor.derived((), "string"),
    "io.encode_jpeg": lambda _: KerasTensor.derived((), "string"),
}
for _name, _results in _ON_HOST.items():
    _original = NAMES[_name]
    _called = on_values(_original, _results)
    NAMES.update({name: _called for name, target in list(NAMES.items()) if target is _original})


def _of_sizes(original: Callable[..., Any]) -> Callable[..., Any]:
    """A part of images, or padded ones, whose position or size may be tensors of a graph."""

    def cut(given: dict[str, Any]) -> KerasTensor:
        image = given["image"]
        return KerasTensor.derived((*image.shape[:-3], None, None, image.shape[-1]), image.dtype)

    with_values = on_values(original, cut)

    @functools.wraps(original)
    def called(image: TensorLike, *sizes: Any, **kwargs: Any) -> TensorResult:
        is_known = not any(map(_is_symbolic, (*sizes, *kwargs.values())))
        return (original if is_known else with_values)(image, *sizes, **kwargs)

    return called


for _name in ("crop_to_bounding_box", "pad_to_bounding_box", "resize_with_crop_or_pad"):
    _original = NAMES[f"image.{_name}"]
    _called = _of_sizes(_original)
    NAMES.update({name: _called for name, target in list(NAMES.items()) if target is _original})


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


_OF_SPARSE: dict[str, Callable[[dict[str, Any]], Any]] = {
    **dict.fromkeys(("add", "concat", "maximum", "minimum", "reset_shape", "retain", "reorder"), _like_first),
    **dict.fromkeys(("reshape", "slice", "transpose"), _like_first),
    "expand_dims": _with_axis,
    "from_dense": lambda given: sparse_result(len(given["tensor"].shape), given["tensor"].dtype),
}
for _name, _results in _OF_SPARSE.items():
    _original = NAMES[f"sparse.{_name}"]
    _called = of_sparse(_results)(_original)
    NAMES.update({name: _called for name, target in list(NAMES.items()) if target is _original})
    NAMES.update({name: _called for name in (f"sparse_{_name}", f"sparse.{_name}") if name in NAMES})
for _name in [f"math.segment_{kind}" for kind in ("sum", "mean", "max", "min", "prod")] + [
    f"sparse.segment_{kind}" for kind in ("sum", "mean", "sqrt_n")
]:  # the number of rows of the result depends on the numbers of the segments
    _original = NAMES[_name]
    _called = of_sparse(lambda given: KerasTensor.derived((None, *given["data"].shape[1:]), given["data"].dtype))(
        _original
    )
    NAMES.update({name: _called for name, target in list(NAMES.items()) if target is _original})
NAMES["compat.v1.string_split"] = NAMES["string_split"] = of_sparse(lambda _: sparse_result(2, "string"))(
    NAMES["compat.v1.string_split"]
)
NAMES["compat.v1.strings.split"] = of_sparse(lambda _: sparse_result(2, "string"))(NAMES["compat.v1.strings.split"])


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


_READING: dict[str, Callable[[dict[str, Any]], Any]] = {
    "io.parse_single_example": _of_features,
    "io.parse_example": lambda given: _of_features(given, None),
    "io.decode_raw compat.v1.decode_raw": _of_bytes,
    "io.decode_csv compat.v1.decode_csv": _of_columns,
    "math.confusion_matrix compat.v1.confusion_matrix": lambda given: KerasTensor.derived(
        (given.get("num_classes"),) * 2, name_of(given.get("dtype") or "int32")
    ),
    "io.read_file": lambda _: KerasTensor.derived((), "string"),
    " ".join([*LISTS["decoders of images"], "image.decode_jpeg"]): _of_image,
}
for _names, _results in _READING.items():
    for _original in {id(NAMES[name]): NAMES[name] for name in _names.split() if name in NAMES}.values():
        _called = of_sparse(_results)(_original)
        NAMES.update({name: _called for name, target in list(NAMES.items()) if target is _original})


def _identity(original: Callable[..., Any]) -> Callable[..., Any]:
    """`tf.identity`, whose result has other gradients where a program overrides them."""

    @functools.wraps(original)
    def identity(input: TensorLike, name: str | None = None) -> TensorResult:
        made = custom_gradient.overridden(input) if is_symbolic(input) else None
        if made is None and open_dependencies() and builds_graph() and not isinstance(input, KerasTensor | Variable):
            made = call_op(jnp.asarray, (unboxed(input),), {})  # a constant whose fetch runs others
        return original(input, name=name) if made is None else made

    return identity


_original = NAMES["identity"]
_called = _identity(_original)
NAMES.update({name: _called for name, target in list(NAMES.items()) if target is _original})
