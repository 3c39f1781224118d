"""The variable: an array with a name that can be read, assigned, and bound to another array inside a pure call."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import bind, dtypes
from gazelle.core.errors import ShapeError, UnboundVariable, message


class Lease(Protocol):
    """Whoever holds the live arrays of variables while they train (`training.loop`)."""

    def settle(self) -> None:
        """Write the arrays of the last finished step back into the variables."""

    def touched(self) -> None:
        """A variable was assigned from outside; take the variables' values up again."""


class Variable:
    """An array that a layer, metric or optimizer keeps between calls.

    Args:
        value: the first value: an array, a number, or a function `(shape, dtype) -> array`.
        shape: needed where `value` is a function.
        dtype: dtype of the array; the default float type if None.
        trainable: whether an optimizer may change it.
        name: the last part of `path`.
        persistent: False for what is no weight and stands in no file, such as the states of a stateful layer.

    >>> v = Variable([1.0, 2.0], name="scale")
    >>> v.assign(v * 2)
    >>> v.numpy()
    array([2., 4.], dtype=float32)
    """

    def __init__(
        self, value: Any, shape: Any = None, dtype: Any = None, trainable: bool = True, name: str = "variable",
        *, regularizer: Callable[[Any], Any] | None = None, constraint: Callable[[Any], Any] | None = None,
        persistent: bool = True,
    ) -> None:  # fmt: skip
        scope = bind.current()
        if scope is not None and scope.pure:
            raise UnboundVariable(
                message(f"Variable {name!r} would be created inside a compiled step",
                        mend="Create variables and layers in __init__ or build, not in call.")
            )  # fmt: skip
        if dtype is None:
            given = getattr(value, "dtype", None)
            dtype = given if given is not None and dtypes.is_float(given) is False else None
        self.dtype = dtypes.standardize(dtype)
        self.name = self.path = name
        self.trainable = trainable
        self.regularizer = regularizer
        self.constraint = constraint
        self.persistent = persistent
        self._lease: Lease | None = None
        with jax.ensure_compile_time_eval():  # a trace may be running; weights are real arrays all the same
            if callable(value):
                shape = tuple(int(n) for n in (shape if shape is not None else ()))
                value = value(shape, dtype=self.dtype)
            self._value = jnp.asarray(value, self.dtype)
        if shape is not None and tuple(shape) != self._value.shape:
            raise ShapeError(
                message(f"Variable {name!r}", expected=f"shape {tuple(shape)}", got=f"shape {self._value.shape}")
            )

    @property
    def value(self) -> Any:
        """The array: the bound one inside a pure call, the variable's own elsewhere."""
        scope = bind.current()
        if scope is not None and scope.values is not None:
            if id(self) in scope.values:
                return scope.values[id(self)]
            if scope.pure:  # going on would bake today's value into the compiled step
                raise UnboundVariable(
                    message(f"Variable '{self.path}' was read inside a compiled step but is not part of the model",
                            mend="Keep it as an attribute of a layer of the model (self.x = ...).")
                )  # fmt: skip
        if self._lease is not None:
            self._lease.settle()
        return self._value

    def assign(self, value: Any) -> None:
        """Replace the value; the shape must stay."""
        scope = bind.current()
        bound = scope is not None and scope.values is not None and (id(self) in scope.values or scope.pure)
        old = self.value
        new = jnp.asarray(value, self.dtype)
        if new.shape != old.shape:
            raise ShapeError(
                message(f"Variable '{self.path}' cannot be assigned", expected=f"shape {old.shape}",
                        got=f"shape {new.shape}")
            )  # fmt: skip
        if bound:
            assert scope is not None
            assert scope.values is not None
            scope.values[id(self)] = new
        elif isinstance(new, jax.core.Tracer):  # shapes are being traced: nothing is stored
            return
        else:
            self._value = new
            if self._lease is not None:
                self._lease.touched()

    def assign_add(self, value: Any) -> None:
        """value <- value + `value`."""
        self.assign(self.value + jnp.asarray(value, self.dtype))

    def assign_sub(self, value: Any) -> None:
        """value <- value - `value`."""
        self.assign(self.value - jnp.asarray(value, self.dtype))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._value.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def numpy(self) -> np.ndarray[Any, Any]:
        """A copy as a NumPy array."""
        return np.array(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.value, dtype=dtype)

    def __jax_array__(self) -> Any:
        return self.value

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value.item(), spec) if spec else repr(self)

    def __getattr__(self, name: str) -> Any:  # sum, mean, reshape, T, astype ... are the array's own
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.value, name)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"


def _binary(name: str, function: Callable[[Any, Any], Any]) -> None:
    def plain(self: Variable, other: Any) -> Any:
        return function(self.value, other.value if isinstance(other, Variable) else other)

    def reflected(self: Variable, other: Any) -> Any:
        return function(other, self.value)

    setattr(Variable, f"__{name}__", plain)
    setattr(Variable, f"__r{name}__", reflected)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    _binary(_name, getattr(operator, _name))
for _name in ("lt", "le", "gt", "ge"):
    _function = getattr(operator, _name)
    setattr(Variable, f"__{_name}__", lambda self, other, f=_function: f(self.value, other))
for _name in ("neg", "abs"):
    _function = getattr(operator, _name)
    setattr(Variable, f"__{_name}__", lambda self, f=_function: f(self.value))

# JAX functions take a variable for its array.
jax.tree_util.register_pytree_node(Variable, lambda v: ((v.value,), None), lambda _, children: children[0])
