"""`tf.function`: compiles a function of tensors, with all variables that it reads or assigns, into one program."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.tree_util import PyTreeDef

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.optimizers import hyperparameters
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.dtypes import host_array, name_on_device
from gazelle.compat.tensorflow.eager import autograph, float64
from gazelle.compat.tensorflow.eager.programs import (
    FunctionTrace,
    Needs64BitsError,
    NeedsTapeError,
    NewVariablesError,
    NotCompilableError,
    Program,
    RunsPythonError,
    TracedVariableError,
)
from gazelle.compat.tensorflow.eager.recording import (
    active_tapes,
    in_dataset,
    in_function,
    is_array,
    is_box,
    register_structures,
    unboxed,
)
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.v1.host_nodes import builds_graph, host_node, in_graph
from gazelle.compat.tensorflow.v1.unknown_ranks import forget_rank
from gazelle.compat.types import TensorLike
from gazelle.core import prng, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.dtypes import has_range_of
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable

if TYPE_CHECKING:
    from gazelle.compat.tensorflow.eager.concrete_functions import ConcreteFunction

_eagerly = False
_MAX_TRACES = 8  # a layer may create variables in the first trace, an optimizer in the second


def run_functions_eagerly(eagerly: bool) -> None:
    global _eagerly
    _eagerly = bool(eagerly)


def functions_run_eagerly() -> bool:
    return _eagerly


def is_tracing() -> bool:
    """Whether a `tf.function` is being compiled."""
    scope = tracing.current()
    return isinstance(scope, FunctionTrace)


#: messages of assertions that failed in running programs; None before any program has an assertion
_failed: list[str] | None = None


def check_at_run_time(condition: TensorLike, text: str) -> None:
    """Let the program that is traced raise InvalidArgumentError with this text where a condition does not hold."""
    global _failed
    _failed = _failed or []
    jax.debug.callback(functools.partial(_check, text), condition)


def _check(text: str, condition: Any) -> None:
    if not condition and _failed is not None:
        _failed.append(text)


def _wait_for_assertions() -> None:
    """Raise the error of an assertion that failed in the program that was called."""
    if _failed is not None:
        jax.effects_barrier()
        if _failed:
            text = _failed[0]
            _failed.clear()
            raise InvalidArgumentError(text)


class Function:
    """A function decorated with `@tf.function`.

    Tensors and arrays are arguments of the compiled program; numbers and strings are constants in it. A Python `if` or
    `while` on the value of a tensor is compiled if `autograph` can; else the function runs as plain Python.

    >>> double = Function(lambda x: x * 2)
    >>> double(np.array([1.0, 2.0], "float32")).numpy().tolist()
    [2.0, 4.0]
    """

    def __init__(self, python_function: Callable[..., Any], input_signature: Sequence[object] | None = None) -> None:
        functools.update_wrapper(self, python_function)
        self.python_function, self.input_signature = python_function, input_signature
        self._programs: dict[Any, _FunctionProgram] = {}
        self._plain = self._has_gradients = False  # the second: `tf.gradients` is called

    def __get__(self, owner: Any, cls: Any = None) -> Any:
        if owner is None:
            return self
        bound_functions = owner.__dict__.setdefault("_gazelle_functions", {})
        if self not in bound_functions:
            bound_functions[self] = Function(self.python_function.__get__(owner, cls), self.input_signature)
        return bound_functions[self]

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        with assigned(in_function, not _eagerly):
            return self._called(*args, **kwargs)

    def _called(self, *args: Any, **kwargs: Any) -> Tree:
        if self.input_signature is not None:
            for spec in self.input_signature:
                float64.request(getattr(spec, "dtype", None))
            first = int(_is_unbound(self.python_function))
            checked = itertools.starmap(_checked_argument, zip(self.input_signature, args[first:], strict=False))
            args = (*args[:first], *checked)
        register_structures((*args, *kwargs.values()))
        flat, structure = jax.tree.flatten((args, kwargs), is_leaf=is_box)
        scope = tracing.current()
        in_trace = scope is not None and (scope.values is not None or scope.pure)
        plain = self._plain or _eagerly or in_trace or in_dataset.get() or active_tapes()
        if plain or any(isinstance(v, KerasTensor) for v in flat):
            return self._run(args, kwargs)
        array_indices = [i for i, v in enumerate(flat) if is_array(v) or isinstance(v, TensorWrapper)]
        arrays = [unboxed(flat[i]) for i in array_indices]
        if not all(map(_can_be_on_device, arrays)):
            return self._run(args, kwargs)
        program = self._program(flat, structure, array_indices)
        recorded = None if scope is None else scope.seen  # a tape records the layer around this call
        try:
            with _variables_seen(program, recorded):
                return program(arrays)
        except TracedVariableError:  # the variables are made now, and the next call is compiled
            return self._run(args, kwargs)
        except NotCompilableError:
            self._plain = True
        except NeedsTapeError:
            self._has_gradients = True
        except Needs64BitsError:
            float64.request("float64")
        except Exception as error:
            if not needs_values(error):
                raise
            self._rewrite()
        if self._plain:
            return self._run(args, kwargs)
        self._programs.clear()
        return self(*args, **kwargs)

    def _program(self, flat: list[Any], structure: PyTreeDef, array_indices: list[int]) -> _FunctionProgram:
        """The program for arguments with these leaves, of which those at `array_indices` are arrays."""
        chosen = set(array_indices)
        static = [None if i in chosen else v for i, v in enumerate(flat)]
        constants = tuple(v if _hashable(v) else id(v) for v in static)
        key = (structure, tuple(array_indices), constants, hyperparameters.count_of_variables())
        if key not in self._programs:
            self._programs[key] = _FunctionProgram(self._function(), structure, static, array_indices)
        return self._programs[key]

    def _rewrite(self) -> None:
        """Compile control flow that needs the values of tensors; where that is not possible, compile nothing."""
        rewritten = autograph.rewritten(self.python_function)
        if rewritten is None:
            _warn_uncompiled(self.python_function)
            self._plain = True
        else:
            self.python_function = rewritten

    def _function(self) -> Callable[..., Any]:
        """The Python function, recorded if `tf.gradients` is called in it."""
        if not self._has_gradients:
            return self.python_function
        from gazelle.compat.tensorflow.eager.tape import with_tape

        return with_tape(self.python_function)

    def _run(self, args: Any, kwargs: Any) -> Any:
        """Run the function as plain Python; arrays, and numbers and variables in the result, become tensors."""
        if not _eagerly:
            args, kwargs = jax.tree.map(_boxed_array, (args, kwargs), is_leaf=is_box)
        try:
            out = self._function()(*args, **kwargs)
        except NeedsTapeError:
            if self._has_gradients:
                raise
            self._has_gradients = True
            return self._run(args, kwargs)
        return jax.tree.map(_as_tensor, out, is_leaf=is_box)

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """Return the function for these specs; other arguments are constants of it."""
        from gazelle.compat.tensorflow.eager.concrete_functions import ConcreteFunction

        if self.input_signature is not None or not (args or kwargs):
            return ConcreteFunction(self.python_function, self.input_signature or ())
        bound = inspect.signature(self.python_function).bind_partial(*args, **kwargs)
        given = dict(bound.arguments)
        fixed = {name: v for name, v in given.items() if isinstance(v, bool | int | float | str)}
        if not fixed or given.keys() & {"args", "kwargs"}:
            return ConcreteFunction(self.python_function, bound.args)
        return ConcreteFunction(
            functools.partial(self.python_function, **fixed), [v for name, v in given.items() if name not in fixed]
        )

    def experimental_get_tracing_count(self) -> int:
        return sum(program.traces for program in self._programs.values())


@contextlib.contextmanager
def _variables_seen(program: _FunctionProgram, recorded: dict[int, Any] | None) -> Iterator[None]:
    """Context manager that adds the variables of a program to those that the code around it reads."""
    try:
        for variable in program.variables if recorded is not None else ():
            recorded.setdefault(id(variable), variable)  # with the value before the call
        yield
    finally:
        for variable in program.variables if recorded is not None else ():
            recorded.setdefault(id(variable), variable)


class _FunctionProgram(Program):
    """A function compiled for one signature, with all variables that it uses."""

    context = FunctionTrace

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._result: Any = None
        self._compiled: Any = None
        self.traces = 0

    def __call__(self, arrays: list[Any]) -> Any:
        for _ in range(_MAX_TRACES):
            if self._compiled is None:
                self._compiled = jax.jit(self._trace)
            seed = np.asarray([prng.next_seed(), 0], np.uint32)
            try:
                found, assigned = self._compiled(arrays, [_value(v) for v in self.variables], seed)
                _wait_for_assertions()
            except NewVariablesError as error:
                self._compiled = None
                self.variables += error.variables
                continue
            out = self.finish(self._result, map(boxed, found), assigned)
            return jax.tree.map(_as_tensor, out, is_leaf=is_box)
        raise NotCompilableError

    def _trace(self, arrays: list[Any], values: list[Any], seed: Any) -> Any:
        key = jax.random.wrap_key_data(seed, impl="threefry2x32")
        self._result, found, _, assigned = self.trace(map(boxed, arrays), values, key)
        self.traces += 1
        return found, assigned


def _boxed_array(value: Any) -> Any:
    return boxed(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def _can_be_on_device(array: Any) -> bool:
    """Whether an argument can be compiled: strings and integers of more than 32 bits stay on the host."""
    if not is_array(array) or not isinstance(array, np.ndarray | np.generic):
        return True
    return array.dtype.kind not in "OSU" and has_range_of(np.asarray(array))


def _checked_argument(spec: Any, value: Any) -> Any:
    """An argument as a tensor, checked with the `tf.TensorSpec` of the signature."""
    if not hasattr(spec, "is_compatible_with") or isinstance(value, KerasTensor) or _is_composite(value):
        return value
    if not (is_box(value) or is_array(value)):
        value = boxed(np.asarray(host_array(value, spec.dtype)))
    if not spec.is_compatible_with(value):
        got = f"shape {tuple(np.shape(unboxed(value)))}, dtype {unboxed(value).dtype}"
        raise ArgumentTypeError(message("An argument of a tf.function", expected=repr(spec), got=got))
    return value


def _is_unbound(function: Callable[..., Any]) -> bool:
    """Whether a function is a method without its object, such as `call` of a layer in the class; signatures omit it."""
    return inspect.isfunction(function) and function.__code__.co_varnames[:1] == ("self",)


def _is_composite(value: Any) -> bool:
    """Whether a value is a ragged or sparse tensor."""
    return hasattr(value, "row_splits") or hasattr(value, "dense_shape")


def _warn_uncompiled(function: Callable[..., Any]) -> None:
    """Warn, once for each function, that it is not compiled."""
    code = getattr(function, "__code__", None)
    where = f" ({code.co_filename}, line {code.co_firstlineno})" if code is not None else ""
    name = getattr(function, "__name__", "function")
    warnings.warn(
        message(
            f"tf.function of {name}{where} needs the value of a tensor, so it runs as plain Python, uncompiled",
            hint="The result is the same, but slower. tf.where, tf.cond and tf.while_loop can be compiled.",
        ),
        stacklevel=4,
    )


def _as_tensor(value: Any) -> Any:
    """A number or the value of a variable as a tensor."""
    if isinstance(value, Variable):
        return NAMES["identity"](value)
    return boxed(np.asarray(host_array(value))) if isinstance(value, bool | int | float | str | bytes) else value


def _value(variable: Variable) -> Any:
    return variable._value if variable._owner is None else variable._full()


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


#: texts of JAX: of the state of a loop, and of a shape that is the value of a tensor
_OTHER_SHAPES = ("carry input and carry output must have equal types", "sequences of concrete values of integer type")


def needs_values(error: BaseException | None) -> bool:
    """Whether an error means that a value of a traced tensor is needed, or tensors in a loop change their shapes."""
    while error is not None:
        if isinstance(error, TypeError) and any(text in str(error) for text in _OTHER_SHAPES):
            return True
        if isinstance(
            error,
            jax.errors.ConcretizationTypeError
            | jax.errors.TracerArrayConversionError
            | jax.errors.TracerIntegerConversionError
            | jax.errors.NonConcreteBooleanIndexError,
        ) or getattr(error, "needs_values", False):
            return True
        error = error.__cause__ or error.__context__
    return False


@ignores(
    "autograph jit_compile reduce_retracing experimental_implements experimental_autograph_options"
    " experimental_attributes experimental_relax_shapes experimental_compile experimental_follow_type_hints"
)
def function(
    func: Callable[..., Any] | None = None, input_signature: Sequence[object] | None = None
) -> Function | Callable[[Callable[..., Any]], Function]:
    """`tf.function`: a decorator with or without arguments."""
    if func is None:
        return functools.partial(function, input_signature=input_signature)
    return func if isinstance(func, Function) else Function(func, input_signature)


def _as_python(given: Callable[[Any], Any], function: Any, inputs: Any, types: Any) -> Any:
    """Run a function as Python on what `given` makes of tensors; without inputs or without a function, a decorator."""
    from gazelle.compat.tensorflow.ops.arrays import convert

    if inputs is None:
        if function is None:
            return lambda own: _as_python(given, own, None, types)
        return lambda *args: _as_python(given, function, args, types)
    if builds_graph() or in_graph(list(inputs)):
        call = functools.partial(_as_python, given, function)
        return host_node(call, (list(inputs), types), {}, lambda: _outputs_of_python(inputs, types))
    _require_values(inputs)
    out = function(*given([convert(v) for v in inputs]))
    if isinstance(out, list | tuple):
        each = types if isinstance(types, list | tuple) else [types] * len(out)
        return [convert(v, t) for v, t in zip(out, each, strict=True)]
    one = types[0] if isinstance(types, list | tuple) and types else types
    return None if out is None else convert(out, one or None)


def _require_values(inputs: Any) -> None:
    """Let a function or step run uncompiled: a program would contain what Python returned once, as a constant.

    A step is compiled if the function can be traced.
    """
    scope = tracing.current()
    compiles = scope is not None and scope.values is not None and not scope.guesses and tracing.is_traced()
    is_constant = not any(isinstance(unboxed(v), jax.core.Tracer) for v in jax.tree.leaves(inputs, is_leaf=is_box))
    if is_tracing() or (compiles and is_constant):
        raise RunsPythonError


def _outputs_of_python(inputs: Any, types: Any) -> Any:
    """Tensors of a graph of these types; their shapes are unknown, so they have that of the first input as a guess."""
    shape = tuple(next((v.shape for v in inputs if hasattr(v, "shape")), ()))

    def make(kind: Any) -> KerasTensor:
        made = KerasTensor.derived(shape, name_on_device(kind))
        forget_rank(made)
        return made

    return [make(kind) for kind in types] if isinstance(types, list | tuple) else make(types)


_OF_PYTHON = ["func=None", "inp=None", "Tout=None", "-stateful=None", "-name=None"]
py_function = with_parameters(functools.partial(_as_python, lambda tensors: tensors), _OF_PYTHON)
numpy_function = with_parameters(
    functools.partial(_as_python, lambda tensors: [t.numpy() for t in tensors]), _OF_PYTHON
)
