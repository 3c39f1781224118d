"""`tensorflow.python.*`: the private modules that packages import, as a table onto public names.

A name of any of them is looked up in the public modules in turn; the table has those with other names.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

from gazelle.compat import tables
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import depending
from gazelle.compat.tensorflow.data.dataset import class_by_name
from gazelle.compat.tensorflow.eager.recording import only_tapes
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.types import Function, NamedObject, PathLike, ShapeLike, TensorLike, TensorResult

_PARTS = tables.lists("tensorflow", "private modules")
_ENDINGS = re.compile(r"_(ops|impl|util|utils|v2|scope)$")
#: the modules of `tf` in which a name is looked up
_SEARCHED = ("", *tables.lists("tensorflow", "lists")["modules that have names of private ones"])


def smart_cond(
    pred: TensorLike, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: str | None = None
) -> TensorResult:
    """Call one of two functions, in Python if the condition is known."""
    if isinstance(pred, bool | int):
        return (true_fn if pred else false_fn)()
    return NAMES["cond"](pred, true_fn, false_fn)


def smart_constant_value(pred: TensorLike) -> bool | None:
    """Return the value of a condition that is known, else None."""
    return bool(pred) if isinstance(pred, bool | int) else None


def is_ragged(tensor: object) -> bool:
    """Return whether a tensor is a RaggedTensor."""
    return isinstance(tensor, NAMES["RaggedTensor"])


def is_sparse(tensor: object) -> bool:
    """Return whether a tensor is a SparseTensor."""
    return isinstance(tensor, NAMES["SparseTensor"])


def with_dependencies(
    dependencies: Sequence[Any], output_tensor: TensorResult, name: str | None = None
) -> TensorResult:
    """Return the tensor after what it depends on."""
    if not dependencies:
        return output_tensor
    with depending(dependencies):
        return NAMES["identity"](output_tensor)


def _concat(*shapes: Any, static: bool = False) -> list[Any]:
    """Join shapes, sizes and lists of sizes."""
    return [size for shape in shapes for size in (shape if isinstance(shape, list | tuple) else [shape])]


def dimension_at_index(shape: ShapeLike, index: int) -> NamedObject:
    """Return the size of an axis, which is unknown if the rank is."""
    sizes = NAMES["TensorShape"](shape)
    return NAMES["Dimension"](None if sizes.rank is None else sizes[index])


def graph_mode_decorator(function: Callable[..., Any], *inputs: TensorLike) -> TensorResult:
    """Call a function that returns a result and its gradient."""
    return NAMES["custom_gradient"](function)(*inputs)


@ignores("fallback_to_while_loop parallel_iterations")
def pfor(loop_fn: Callable[[Any], Any], iters: TensorLike) -> TensorResult:
    """Call a function of 0, 1, …, and return the stacked results."""
    return NAMES["vectorized_map"](loop_fn, NAMES["range"](iters))


def unchanged(*names: object, **options: object) -> Callable[[Any], Any]:
    """Return a decorator that does nothing."""
    return lambda decorated: decorated


@ignores("decorator_name decorator_doc decorator_argspec")
def make_decorator(target: Function, decorator_func: Function) -> Function:
    """Return a function with the name and the documentation of the one that it replaces."""
    return functools.update_wrapper(decorator_func, target)


@ignores("name optimize out_type")
def shape_internal(input: TensorLike) -> TensorResult:
    """Return the shape of a tensor as a tensor."""
    return NAMES["shape"](input)


def read_file_to_string(filename: PathLike, binary_mode: bool = False) -> str | bytes:
    """Return what a file contains."""
    with open(filename, "rb" if binary_mode else "r") as file:
        return cast("str | bytes", file.read())


def write_string_to_file(filename: PathLike, file_content: str) -> None:
    """Write a file."""
    with open(filename, "w") as file:
        file.write(file_content)


class Convolution:
    """A convolution with fixed options, which layers of tf.keras called until TensorFlow 2.2."""

    def __init__(
        self,
        input_shape: ShapeLike,
        filter_shape: ShapeLike,
        padding: str,
        strides: Sequence[int] | None = None,
        dilation_rate: Sequence[int] | None = None,
        name: str | None = None,
        data_format: str | None = None,
    ) -> None:
        self.input_shape, self.filter_shape, self.padding = input_shape, filter_shape, padding
        self.strides, self.dilation_rate, self.data_format = strides, dilation_rate, data_format

    def __call__(self, inp: TensorLike, filter: TensorLike) -> TensorResult:
        """Return the convolution of a tensor."""
        strides, dilations = self.strides or 1, self.dilation_rate or 1
        return NAMES["nn.convolution"](
            inp, filter, strides=strides, padding=self.padding, data_format=self.data_format, dilations=dilations
        )


class BoolGauge:
    """A number that TensorFlow reports to its monitoring, which is not there."""

    def __init__(self, *description: str) -> None:
        self.value = False

    def get_cell(self, *labels: str) -> BoolGauge:
        """Return the cell of a label."""
        return self

    def set(self, value: bool) -> None:
        """Do nothing."""


class ShardedVariable:
    """A variable that is divided over processes: none of TensorFlow's are."""


#: names that are public nowhere -> the object, its place as "module:name", or the public name
_PRIVATE: dict[str, Any] = {
    **tables.objects("tensorflow")["private names"],
    "disable_op_determinism": lambda: None,
    "remove_undocumented": lambda *_: None,  # of names in a module of a package
    "is_op_determinism_enabled": lambda: True,  # JAX computes deterministically
    "dimension_value": "compat.dimension_value",
    "as_dimension": "Dimension",
    "stop_recording": functools.partial(only_tapes, ()),
    "embedding_context_utils": SimpleNamespace(SequentialEmbeddingContext=contextlib.nullcontext),
}


def is_module(path: str) -> bool:
    """Whether TensorFlow has a private module of this path below `tensorflow.python`."""
    first, *inner = path.split(".")
    last = inner[-1] if len(inner) > 1 else ""
    is_name = last in _PRIVATE or last in NAMES or f"nn.{last}" in NAMES  # ops.rnn.rnn, framework.ops.name_scope
    if first not in _PARTS or first == "keras" or is_name:
        return False
    if inner and _without_version(inner[-1]) in NAMES:  # ops.convert_to_tensor_v2
        return False
    return all(part in _PARTS[first] or part in _PARTS["ops"] or _ENDINGS.search(part) for part in inner)


def section(name: str) -> str | None:
    """The module that contains a private one which `tensorflow.python` also has as an attribute, such as `math_ops`."""
    return next((s for s in ("ops", "framework", "eager") if "." not in name and is_module(f"{s}.{name}")), None)


def _without_version(name: str) -> str | None:
    """The public name of a private `name_v2`, as TensorFlow names the functions of its releases."""
    return name[:-3] if name.endswith(("_v1", "_v2")) else None


def find(name: str, look_up: Callable[[str], Any]) -> NamedObject:
    """The object of a name of any private module; None if there is none."""
    known = _PRIVATE.get(name, _without_version(name) or class_by_name(name) or name)
    if not isinstance(known, str):
        return known
    if ":" in known:
        return tables.resolve(known, "gazelle.compat.tensorflow")
    if known.startswith("__"):
        return None
    for module in _SEARCHED:
        full = f"{module}.{known}" if module else known
        try:
            found = look_up(full)
        except AttributeError:
            continue
        if found is not None:
            return found
    return None
