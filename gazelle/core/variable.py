"""The variable: a named array that can be read and assigned, and is replaced by another array inside a pure call."""

from __future__ import annotations

import contextlib
import functools
import operator
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import arrays, budget, conventions, dtypes, tracing
from gazelle.core.config import resolve
from gazelle.core.errors import ArgumentTypeError, GazelleError, ShapeError, StateError, UnboundVariable, message
from gazelle.core.names import creation_number, scoped
from gazelle.core.printable import printable
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Array, ArrayLike, DTypeLike, InitializerLike, Shape


class StateOwner(Protocol):
    """The owner of the live arrays of variables during training (`training.live_state`)."""

    lock: threading.RLock  # held while a step consumes the arrays, and by readers of several variables

    def flush(self) -> None:
        """Write the arrays of the last finished step back into the variables."""

    def invalidate(self) -> None:
        """Read the values of the variables again, since one was assigned from outside."""


_NUMBERS = (int, float, np.number, np.ndarray, jax.Array)


def _as_array(cls: type) -> None:
    """JAX functions accept a variable in place of its array."""
    jax.tree_util.register_pytree_node(cls, lambda v: ((v.value,), None), lambda _, children: children[0])


class Variable:
    """An array that a layer, metric or optimizer stores between calls.

    Args:
        initializer: The first value: an array, a number, or a function `(shape, dtype) -> array` or its name.
        shape: Shape of the array, needed if `initializer` is a function.
        dtype: Dtype of the array; None is the default float type, or that of an `initializer` that is not a float.
        trainable: Whether an optimizer updates it.
        autocast: Whether a layer of mixed precision reads it in the dtype that it computes in.
        aggregation: Accepted for compatibility: there is one value on all devices.
        synchronization: Accepted for compatibility.
        name: Last part of `path`; None is "variable".
        regularizer: Function of the value that gives a penalty for the loss.
        constraint: Function that is applied to the value after each update.
        persistent: Whether it is saved; False for values that are no weights, such as the states of a stateful layer.
        overwrite_with_gradient: Whether an optimizer replaces the value by its gradient, without learning rate,
            clipping and decay.

    `path` is the name below the layers that were being built, as in Keras. A model sets `key`, the path within it, by
    which checkpoints and the state of optimizers find the weight.

    Raises:
        UnboundVariable: If it is created inside a compiled step.
        ShapeError: If the initial value has another shape than `shape`.

    Example:
        >>> v = Variable([1.0, 2.0], name="scale")
        >>> _ = v.assign(v * 2)
        >>> v.numpy()
        array([2., 4.], dtype=float32)
    """

    key = ""  # this and the next are for variables in pickles of earlier versions
    overwrite_with_gradient = False
    creation_number = 0
    owner_number = 0  # the creation number of the layer whose `add_weight` has made the variable
    made_trainable = True  # decides the position among a layer's weights, which freezing does not change

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _as_array(cls)

    def __init__(
        self,
        initializer: ArrayLike | InitializerLike,
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = None,
        synchronization: str | None = None,
        name: str | None = None,
        *,
        regularizer: Callable[[Any], Any] | None = None,
        constraint: Callable[[Any], Any] | None = None,
        persistent: bool = True,
        overwrite_with_gradient: bool = False,
    ) -> None:
        name = name or "variable"
        if not isinstance(name, str):
            raise ArgumentTypeError(message("name of a Variable", expected="a string", got=repr(name)))
        value: Any = resolve("initializer", initializer) if isinstance(initializer, str) else initializer
        scope = tracing.current()
        if scope is not None and scope.pure:
            raise UnboundVariable(
                message(
                    f"Variable {name!r} would be created inside a compiled step",
                    hint="Create variables and layers in __init__ or build, not in call.",
                )
            )
        if dtype is None and not callable(value):
            given = getattr(value, "dtype", None)
            kind = np.asarray(value).dtype.kind if given is None or isinstance(value, np.ndarray) else ""
            if kind and kind in "OUS":  # NumPy makes NaN of None
                raise ArgumentTypeError(message(f"Variable {name!r}", expected="numbers", got=repr(value)[:80]))
            of_number = {"i": "int32", "u": "int32", "b": "bool"}.get(kind)  # Python's integers and booleans keep it
            dtype = of_number if given is None else dtypes.device_dtype(given)
        own = self._own_dtype = dtypes.standardize(dtype)
        self.name = name
        self.path = self.key = scoped(name)  # the key is final only when a model is known to have the variable
        self.creation_number = creation_number()
        self.trainable = self.made_trainable = trainable
        self.regularizer = regularizer
        self.constraint = constraint
        self.persistent, self.autocast = persistent, autocast
        self.overwrite_with_gradient = overwrite_with_gradient
        self._owner: StateOwner | None = None
        with jax.ensure_compile_time_eval():  # even inside of a trace, weights are concrete arrays
            if callable(value):
                sizes: Any = () if shape is None else shape
                shape = sizes = tuple(int(n) for n in sizes)
                budget.spend(sizes)
                value = value(sizes, dtype=own)
            deferred = arrays.is_placed_by_path() and not isinstance(value, jax.Array)
            self._value: Any = np.array(value, own) if deferred else arrays.from_host(value, own)
        if scope is not None and scope.created is not None and isinstance(self._value, jax.core.Tracer):
            scope.created.append(self)
        if shape is not None and tuple(shape) != self._value.shape:
            raise ShapeError(
                message(f"Variable {name!r}", expected=f"shape {tuple(shape)}", got=f"shape {self._value.shape}")
            )

    @property
    def dtype(self) -> str:
        """The dtype of `value`: while a layer of mixed precision computes, its compute dtype."""
        scope, own = tracing.current(), self._own_dtype
        if scope is None or scope.cast is None or not self.autocast or type(own) is not str:
            return own
        return scope.cast if dtypes.is_float(own) else own

    @dtype.setter
    def dtype(self, dtype: str) -> None:
        self._own_dtype = dtype

    @property
    def value(self) -> Array:
        """The array: inside of a pure call the one passed in, otherwise the variable's own.

        In a layer of mixed precision it has the compute dtype of the layer.
        """
        scope, value = tracing.current(), self._full()
        if scope is None or scope.cast is None or scope.cast == self._own_dtype or not self.autocast:
            return value
        return value.astype(scope.cast) if dtypes.is_float(self._own_dtype) else value

    def _full(self) -> Any:
        """The array in the variable's own dtype."""
        scope = tracing.current()
        if scope is not None and scope.seen is not None:
            scope.seen.setdefault(id(self), self)
        if scope is not None and scope.values is not None:
            if id(self) in scope.values:
                return scope.values[id(self)]
            if scope.pure:  # it would become a constant of the compiled step
                raise UnboundVariable(
                    message(
                        f"Variable '{self.path}' was read inside a compiled step but is not part of the model",
                        hint="Store it as an attribute of a layer of the model (self.x = ...).",
                    )
                )
        owner = self._owner
        if owner is None:
            if isinstance(self._value, np.ndarray):  # of a metric, most of which are never read, or to be sharded
                with jax.ensure_compile_time_eval():
                    self._value = arrays.place(self.key, self._value, self.path)
            return self._value
        with owner.lock:
            owner.flush()
            return self._value

    def assign(self, value: ArrayLike) -> Array:
        """Replace the value.

        Args:
            value: Array of the same shape.

        Returns:
            The new value.

        Raises:
            ShapeError: If it has another shape.
        """
        scope = tracing.current()
        bound = (
            scope is not None and scope.values is not None and (id(self) in scope.values or scope.pure or scope.closed)
        )
        old = self._full()
        new = self._array(value)
        if new.shape != old.shape:
            raise ShapeError(
                message(
                    f"Variable '{self.path}' cannot be assigned",
                    expected=f"shape {old.shape}",
                    got=f"shape {new.shape}",
                )
            )
        if bound:
            assert scope is not None
            assert scope.values is not None
            if self.trainable and conventions.active.assigned_weights_are_trained and dtypes.is_float(self._own_dtype):
                new = with_gradient_of(old, new)
            if id(self) not in scope.values:
                scope.assigned.append(self)  # of a layer that `call` makes: its id must not be used again
            scope.values[id(self)] = new
        elif not isinstance(new, jax.core.Tracer):  # else shapes are being traced: nothing is stored
            with lock_variables([self]):
                if self._owner is not None:
                    self._owner.flush()  # the other variables keep the values of the last step
                self._value = arrays.placed_like(new, old)
                if self._owner is not None:
                    self._owner.invalidate()
        return new

    def _array(self, value: Any) -> jax.Array:
        dtype = dtypes.device_dtype(self._own_dtype)
        if isinstance(value, jax.Array) and value.dtype == dtype and not value.weak_type:
            return value
        if isinstance(value, np.ndarray | np.generic) and value.dtype.itemsize == 8:
            dtypes.check_range(f"The value of {self.name!r}", np.asarray(value), dtype)
        if jnp.iscomplexobj(value) and dtype.kind != "c":  # JAX would take the real part
            what = f"Variable '{self.path}' cannot be assigned"
            raise ArgumentTypeError(message(what, expected=f"real numbers ({dtype})", got="complex ones"))
        try:
            return jnp.asarray(value, dtype)
        except (TypeError, ValueError) as error:
            if isinstance(error, GazelleError | jax.errors.JAXTypeError):
                raise
            what, got = f"Variable '{self.path}' cannot be assigned", repr(value)[:80]
            raise ArgumentTypeError(message(what, expected="numbers", got=got)) from error

    def assign_add(self, value: ArrayLike) -> Array:
        """Add to the value.

        Args:
            value: Array that broadcasts to the shape.

        Returns:
            The new value.
        """
        plain = type(value) is int and value >= 0  # such a number takes the dtype of the variable
        return self.assign(self._full() + (value if plain else self._array(value)))

    def assign_sub(self, value: ArrayLike) -> Array:
        """Subtract from the value.

        Args:
            value: Array that broadcasts to the shape.

        Returns:
            The new value.
        """
        return self.assign(self._full() - self._array(value))

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes along the axes."""
        return tuple(self._value.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return a copy as a NumPy array.

        Returns:
            An array of NumPy.
        """
        return np.array(self._on_host())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self._on_host(), dtype=dtype)

    def _on_host(self) -> Any:
        value = self.value
        if isinstance(value, jax.core.Tracer) and tracing.current() is None:
            what = f"Variable '{self.path}', which was created inside a transformation of JAX, has no value"
            hint = "Create variables before jax.grad, jax.jit or jax.vmap calls the function, or return their values."
            raise StateError(message(what, hint=hint))
        return arrays.to_host(value, self.key)

    def __jax_array__(self) -> Any:
        return self.value

    def __getitem__(self, index: Any) -> Array:
        return self.value[index]

    def __iter__(self) -> Iterator[Array]:
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        if self.size != 1:
            hint = "Use ops.any or ops.all."
            raise ArgumentTypeError(
                message(f"Variable '{self.path}' as a condition", expected="one value", got=self.shape, hint=hint)
            )
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __round__(self, ndigits: int | None = None) -> Array:
        return jnp.round(self.value, ndigits or 0)

    def __format__(self, spec: str) -> str:
        return format(self.value.item(), spec) if spec else repr(self)

    if TYPE_CHECKING:  # assigned below the class

        def __add__(self, other: ArrayLike) -> Array: ...
        def __radd__(self, other: ArrayLike) -> Array: ...
        def __sub__(self, other: ArrayLike) -> Array: ...
        def __rsub__(self, other: ArrayLike) -> Array: ...
        def __mul__(self, other: ArrayLike) -> Array: ...
        def __rmul__(self, other: ArrayLike) -> Array: ...
        def __truediv__(self, other: ArrayLike) -> Array: ...
        def __rtruediv__(self, other: ArrayLike) -> Array: ...
        def __floordiv__(self, other: ArrayLike) -> Array: ...
        def __rfloordiv__(self, other: ArrayLike) -> Array: ...
        def __mod__(self, other: ArrayLike) -> Array: ...
        def __rmod__(self, other: ArrayLike) -> Array: ...
        def __pow__(self, other: ArrayLike) -> Array: ...
        def __rpow__(self, other: ArrayLike) -> Array: ...
        def __matmul__(self, other: ArrayLike) -> Array: ...
        def __rmatmul__(self, other: ArrayLike) -> Array: ...
        def __lt__(self, other: ArrayLike) -> Array: ...
        def __le__(self, other: ArrayLike) -> Array: ...
        def __gt__(self, other: ArrayLike) -> Array: ...
        def __ge__(self, other: ArrayLike) -> Array: ...
        def __and__(self, other: ArrayLike) -> Array: ...
        def __rand__(self, other: ArrayLike) -> Array: ...
        def __or__(self, other: ArrayLike) -> Array: ...
        def __ror__(self, other: ArrayLike) -> Array: ...
        def __xor__(self, other: ArrayLike) -> Array: ...
        def __rxor__(self, other: ArrayLike) -> Array: ...
        def __neg__(self) -> Array: ...
        def __pos__(self) -> Array: ...
        def __invert__(self) -> Array: ...
        def __abs__(self) -> Array: ...

    def __getattr__(self, name: str) -> Any:  # sum, mean, reshape, T, astype ... are the array's own
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.value, name)

    def __getstate__(self) -> dict[str, Any]:
        """The state for a pickle or a copy: the value after the last step, without the owner."""
        if self._owner is not None:
            self._owner.flush()
        return {**self.__dict__, "_owner": None} if "_owner" in self.__dict__ else dict(self.__dict__)

    def __eq__(self, other: object) -> Any:
        """Compare elementwise with numbers and arrays; another variable is equal only if it is the same object."""
        if isinstance(other, KerasTensor):
            return NotImplemented  # the tensor compares its elements
        return self.value == other if isinstance(other, _NUMBERS) else self is other

    def __ne__(self, other: object) -> Any:
        if isinstance(other, KerasTensor):
            return NotImplemented
        return self.value != other if isinstance(other, _NUMBERS) else self is not other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Variable path={printable(self.path)}, shape={self.shape}, dtype={self.dtype}>"


def is_variable(value: object) -> bool:
    """Return whether a value is a variable."""
    return isinstance(value, Variable)


def with_gradient_of(variable: Array, value: Array) -> Array:
    """The value, whose gradient is that of a variable: how the value was computed does not count."""
    return jax.lax.stop_gradient(value) + (variable - jax.lax.stop_gradient(variable))


@contextlib.contextmanager
def lock_variables(variables: Iterable[Variable]) -> Iterator[None]:
    """Block training steps of other threads, so that the variables' values belong to one step."""
    owners = {id(v._owner): v._owner for v in variables if v._owner is not None}
    with contextlib.ExitStack() as stack:
        for key in sorted(owners):  # a fixed lock order avoids deadlock
            stack.enter_context(owners[key].lock)
        yield


def _binary(name: str, function: Callable[[Any, Any], Any]) -> None:
    def plain(self: Variable, other: Any) -> Any:
        if isinstance(other, KerasTensor | TensorWrapper):
            return NotImplemented  # the operator of the tensor stores the variable in the graph, not its current value
        return function(self.value, other.value if isinstance(other, Variable) else other)

    def reflected(self: Variable, other: Any) -> Any:
        return function(other, self.value)

    setattr(Variable, f"__{name}__", plain)
    setattr(Variable, f"__r{name}__", reflected)


def _logical(name: str, a: Any, b: Any) -> Any:
    return getattr(jnp, f"logical_{name}")(a, b)


def _unary(name: str, function: Callable[[Any], Any]) -> None:
    setattr(Variable, f"__{name}__", lambda self: function(self.value))


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    _binary(_name, getattr(operator, _name))
for _name in ("lt", "le", "gt", "ge"):
    _function = getattr(operator, _name)
    setattr(Variable, f"__{_name}__", lambda self, other, f=_function: f(self.value, other))
for _name in ("and", "or", "xor"):  # of truth values, as in Keras
    _binary(_name, functools.partial(_logical, _name))
Variable.__invert__ = lambda self: jnp.logical_not(self.value)  # type: ignore[method-assign]
for _name in ("neg", "abs", "pos"):
    _unary(_name, getattr(operator, _name))

_as_array(Variable)
