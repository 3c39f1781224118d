"""Functions of programs with the values that their names had when a graph of TensorFlow 1 or Theano was built.

There, `Lambda(lambda x: x[:, i])(inputs)` in a loop was computed with the i of its own pass, and so were losses in
`compile`; later they are called when the model runs, with the last i.
"""

from __future__ import annotations

import dis
import functools
from types import CellType, CodeType, FunctionType
from typing import TypeVar, cast

from gazelle.compat import era
from gazelle.core.closed_over_tensors import global_names

T = TypeVar("T")
_STORES = ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF")


def bound(function: T) -> T:
    """Return a function of the program with the values that its names have now; anything else as it is.

    A function that assigns names of other functions or of its module keeps them.
    """
    if not isinstance(function, FunctionType) or not era.is_before_tf_keras_2() or _assigns(function.__code__):
        return function
    names, cells = function.__globals__, function.__closure__
    if str(names.get("__name__")).startswith("gazelle."):
        return function
    if not cells and global_names(function.__code__).isdisjoint(names):
        return function
    closure = tuple(map(_copied, cells)) if cells else None
    made = FunctionType(function.__code__, dict(names), function.__name__, function.__defaults__, closure)
    functools.update_wrapper(made, function, assigned=(*functools.WRAPPER_ASSIGNMENTS, "__kwdefaults__"))
    del vars(made)["__wrapped__"]  # the function itself is called, not the one of the program
    vars(made)["_is_bound"] = True
    return cast(T, made)


def bind(holder: object, *attributes: str) -> None:
    """Bind the functions in attributes of an object, once."""
    for name in attributes:
        if name in vars(holder) and not hasattr(vars(holder)[name], "_is_bound"):  # it may be a method of the class
            vars(holder)[name] = bound(vars(holder)[name])


@functools.lru_cache(1000)
def _assigns(code: CodeType) -> bool:
    """Whether code, nested functions included, assigns names from outside of it."""
    own = {i.argval for i in dis.get_instructions(code) if i.opname in _STORES}
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return not own.isdisjoint({*code.co_freevars, *code.co_names}) or any(map(_assigns, inner))


def _copied(cell: CellType) -> CellType:
    try:
        return CellType(cell.cell_contents)
    except ValueError:  # it has no value yet
        return cell
