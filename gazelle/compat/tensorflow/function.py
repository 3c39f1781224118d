"""`tf.function`: a function of tensors, and of all variables it touches, as one compiled program."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.recording import is_array, is_box, listen, listeners, unboxed, unlisten
from gazelle.compat.tensorflow.values import host_array
from gazelle.core import prng, tracing
from gazelle.core.config import ArgumentTypeError
from gazelle.core.errors import message
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable

_eagerly = False
_ATTEMPTS = 8  # a layer may make its variables at the first trace, an optimizer at the second


def run_functions_eagerly(eagerly: bool) -> None:
    """`tf.config.run_functions_eagerly`."""
    global _eagerly
    _eagerly = bool(eagerly)


def functions_run_eagerly() -> bool:
    return _eagerly


class NotCompilable(Exception):  # noqa: N818 - never seen by users
    """The function does what only plain execution can do."""


class Again(Exception):  # noqa: N818
    """The trace met variables that it was not given."""


def is_tracing() -> bool:
    """Whether a `tf.function` is being compiled."""
    scope = tracing.current()
    return isinstance(scope, _Frame)


class _Frame(tracing.TraceContext):
    """The scope of a trace."""


class Function:
    """What `@tf.function` makes.

    Numbers and strings among the arguments are part of a program, tensors and arrays flow into it. Python's own `if`
    and `while` on values of tensors cannot be compiled here: such a function runs plainly, as it is written.

    >>> double = Function(lambda x: x * 2)
    >>> double(np.array([1.0, 2.0], "float32")).numpy().tolist()
    [2.0, 4.0]
    """

    def __init__(self, python_function: Callable[..., Any], input_signature: Any = None) -> None:
        functools.update_wrapper(self, python_function)
        self.python_function, self.input_signature = python_function, input_signature
        self._programs: dict[Any, _Program] = {}
        self._plain = False

    def __get__(self, owner: Any, cls: Any = None) -> Any:
        if owner is None:
            return self
        held = owner.__dict__.setdefault("_gazelle_functions", {})
        if self not in held:
            held[self] = Function(self.python_function.__get__(owner, cls), self.input_signature)
        return held[self]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.input_signature is not None:
            args = tuple(itertools.starmap(_fitted, zip(self.input_signature, args, strict=False)))
        flat, structure = jax.tree.flatten((args, kwargs), is_leaf=is_box)
        scope = tracing.current()
        inside = scope is not None and (scope.values is not None or scope.pure)
        if self._plain or _eagerly or inside or listeners() or any(isinstance(v, KerasTensor) for v in flat):
            return self._run(args, kwargs)
        places = [i for i, v in enumerate(flat) if is_array(v) or isinstance(v, TensorWrapper)]
        arrays = [unboxed(flat[i]) for i in places]
        if any(is_array(a) and isinstance(a, np.ndarray | np.generic) and a.dtype.kind in "OSU" for a in arrays):
            return self._run(args, kwargs)  # strings stay on the host
        taken = set(places)
        fixed = [None if i in taken else v for i, v in enumerate(flat)]
        key = (structure, tuple(places), tuple(v if _hashable(v) else id(v) for v in fixed))
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = _Program(self.python_function, structure, fixed, places)
        try:
            return program(arrays)
        except NotCompilable:
            pass
        except Exception as error:
            if not _asked_for_values(error):
                raise
            _tell(self.python_function)
        self._plain = True
        return self._run(args, kwargs)

    def _run(self, args: Any, kwargs: Any) -> Any:
        """The function as plain Python; numbers that it gives are tensors, as those of a compiled one."""
        out = self.python_function(*args, **kwargs)
        return jax.tree.map(_as_tensor, out, is_leaf=is_box)

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def experimental_get_tracing_count(self) -> int:
        return len(self._programs)


class _Program:
    """One signature of a function: compiled over its arrays and the values of the variables that it touches."""

    def __init__(self, function: Callable[..., Any], structure: Any, fixed: list[Any], places: list[int]) -> None:
        self.function, self.structure, self.fixed, self.places = function, structure, fixed, places
        self.variables: list[Variable] = []
        self.assigned: list[Variable] = []
        self.result: Any = None
        self.compiled: Any = None

    def __call__(self, arrays: list[Any]) -> Any:
        for _ in range(_ATTEMPTS):
            if self.compiled is None:
                self.compiled = jax.jit(self._trace)
            seed = np.asarray([prng.next_seed(), 0], np.uint32)
            try:
                out, after = self.compiled(arrays, [_value(v) for v in self.variables], seed)
            except Again:
                self.compiled = None
                continue
            for variable, value in zip(self.assigned, after, strict=True):
                if variable._owner is None:
                    variable._value = value
                else:
                    variable.assign(value)
            structure, static = self.result
            rest = iter(out)
            return jax.tree.unflatten(structure, [boxed(next(rest)) if v is _ARRAY else _as_tensor(v) for v in static])
        raise NotCompilable

    def _trace(self, arrays: list[Any], values: list[Any], seed: Any) -> Any:
        filled = list(self.fixed)
        for place, array in zip(self.places, arrays, strict=True):
            filled[place] = boxed(array)
        args, kwargs = jax.tree.unflatten(self.structure, filled)
        bound = {id(v): value for v, value in zip(self.variables, values, strict=True)}
        before = dict(bound)
        seen: dict[int, Variable] = {}
        key = jax.random.wrap_key_data(seed, impl="threefry2x32")
        token = listen(())
        try:
            with tracing.entered(_Frame(values=bound, closed=True, key=key, seen=seen)):
                out = self.function(*args, **kwargs)
        finally:
            unlisten(token)
        new = [v for number, v in seen.items() if number not in before]
        if new:
            self.variables += new
            raise Again
        self.assigned = [v for v in self.variables if bound[id(v)] is not before[id(v)]]
        flat, structure = jax.tree.flatten(out, is_leaf=is_box)
        flat = [unboxed(v) for v in flat]
        self.result = structure, [_ARRAY if is_array(v) else v for v in flat]
        return [v for v in flat if is_array(v)], [bound[id(v)] for v in self.assigned]


_ARRAY = object()


def _fitted(spec: Any, value: Any) -> Any:
    """An argument as the tensor that a `tf.TensorSpec` of the signature asks for."""
    if not hasattr(spec, "is_compatible_with") or isinstance(value, KerasTensor):
        return value
    if not (is_box(value) or is_array(value)):
        value = boxed(np.asarray(host_array(value, spec.dtype)))
    if not spec.is_compatible_with(value):
        raise ArgumentTypeError(
            message(
                "An argument of a tf.function",
                expected=repr(spec),
                got=f"shape {tuple(np.shape(unboxed(value)))}, dtype {unboxed(value).dtype}",
            )
        )
    return value


def _tell(function: Callable[..., Any]) -> None:
    """Say, once for each function, that it is not compiled."""
    code = getattr(function, "__code__", None)
    where = f" ({code.co_filename}, line {code.co_firstlineno})" if code is not None else ""
    name = getattr(function, "__name__", "function")
    warnings.warn(
        message(
            f"tf.function of {name}{where} asks for the value of a tensor, so it runs as plain Python, uncompiled",
            hint="Right, but slower. tf.where, tf.cond and tf.while_loop are compiled.",
        ),
        stacklevel=3,
    )


def _as_tensor(value: Any) -> Any:
    return boxed(np.asarray(host_array(value))) if isinstance(value, bool | int | float) else value


def _value(variable: Variable) -> Any:
    return variable._value if variable._owner is None else variable._full()


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _asked_for_values(error: BaseException | None) -> bool:
    """Whether Python asked for the value of a tensor that is being traced."""
    while error is not None:
        if isinstance(
            error,
            jax.errors.ConcretizationTypeError
            | jax.errors.TracerArrayConversionError
            | jax.errors.TracerIntegerConversionError
            | jax.errors.NonConcreteBooleanIndexError,
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def function(
    func: Any = None,
    input_signature: Any = None,
    autograph: bool = True,
    jit_compile: Any = None,
    reduce_retracing: bool = False,
    experimental_relax_shapes: Any = None,
    **_: Any,
) -> Any:
    """`tf.function`, as a decorator with and without arguments."""
    if func is None:
        return functools.partial(function, input_signature=input_signature)
    return func if isinstance(func, Function) else Function(func, input_signature)


def py_function(func: Any = None, inp: Any = None, Tout: Any = None, name: Any = None) -> Any:
    """`tf.py_function`: `func` runs as Python on tensors. Also a decorator."""
    return _as_python(func, inp, Tout, lambda tensors: tensors)


def numpy_function(func: Any = None, inp: Any = None, Tout: Any = None, stateful: bool = True, name: Any = None) -> Any:
    """`tf.numpy_function`: `func` is given arrays of NumPy. Also a decorator."""
    return _as_python(func, inp, Tout, lambda tensors: [tensor.numpy() for tensor in tensors])


def _as_python(function: Any, inputs: Any, types: Any, given: Callable[[Any], Any]) -> Any:
    from gazelle.compat.tensorflow.arrays import convert

    if inputs is None:
        if function is None:
            return lambda own: _as_python(own, None, types, given)
        return lambda *args: _as_python(function, args, types, given)
    out = function(*given([convert(v) for v in inputs]))
    if isinstance(out, list | tuple):
        each = types if isinstance(types, list | tuple) else [types] * len(out)
        return [convert(v, t) for v, t in zip(out, each, strict=True)]
    one = types[0] if isinstance(types, list | tuple) and types else types
    return None if out is None else convert(out, one or None)
