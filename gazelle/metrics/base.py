"""The base class of metrics, and metrics by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import initializers
from gazelle.core import dtypes, policies, tracing
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, StateError, message, missing_method
from gazelle.core.lookup import Lookup
from gazelle.core.names import snake, unique_name
from gazelle.core.printable import printable
from gazelle.core.prng import SeedGenerator
from gazelle.core.types import Array, ArrayLike, DTypeLike, InitializerLike, PolicyLike, Shape
from gazelle.core.variable import Variable
from gazelle.losses.label_values import check_labels
from gazelle.losses.target_shapes import kind_of


class Metric(Configurable):
    """Base class of metrics: sums over batches since `reset_state`, and the number computed from them.

    A subclass creates its sums with `add_weight` in `__init__`, or in `build` if their shape depends on the data, and
    defines `update_state` and `result`.

    Args:
        dtype: Dtype of the computation; 'float32' by default.
        name: Name in logs; by default made from the class name.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.largest = self.add_weight(name="largest")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.largest.assign(jnp.maximum(self.largest, jnp.max(y_pred)))
        ...     def result(self):
        ...         return self.largest.value
        >>> float(Largest()(np.zeros(2), np.array([3.0, 1.0])))
        3.0
    """

    _namespace = "metrics"
    _snake_case_names = True
    _takes_logits = False  # whether it is for predictions that are logits, or have some
    _direction: str | None = None  # "up" or "down": the direction of improvement, None if it is unknown

    def __init__(self, dtype: PolicyLike = None, name: str | None = None) -> None:
        self.name = name or unique_name("metrics", snake(type(self).__name__))
        self.dtype = policies.get(dtype or dtypes.floatx()).compute_dtype
        self._sums: list[Variable] = []

    # Defined by subclasses -------------------------------------------------------------------------------------------

    def _build(self, y_true_shape: Shape | None, y_pred_shape: Shape) -> None:
        """Create the sums whose shape depends on the data. Called before the first update.

        Args:
            y_true_shape: Shape of the targets.
            y_pred_shape: Shape of the predictions.
        """

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch to the sums.

        Args:
            args: The values of the batch; in most metrics y_true, y_pred and sample_weight.
            kwargs: The same by name.
        """
        raise missing_method(self, "update_state(self, y_true, y_pred, sample_weight=None)")

    def result(self) -> Array:
        """Return the metric of all batches since `reset_state`.

        Returns:
            A scalar in most metrics, or a dict of scalars.
        """
        raise missing_method(self, "result(self)")

    def reset_state(self) -> None:
        """Set all sums to 0."""
        for variable in self.variables:
            variable.assign(jnp.zeros(variable.shape, variable.dtype))

    def add_variable(
        self,
        shape: Shape = (),
        initializer: InitializerLike = None,
        dtype: DTypeLike | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Create a variable that is kept between batches.

        Args:
            shape: Shape of the variable.
            initializer: First value, by name or as a function of shape and dtype; 0 by default.
            dtype: Dtype; None means the default float dtype.
            aggregation: Ignored; accepted for compatibility with Keras.
            name: Name of the variable.

        Returns:
            The variable.

        Raises:
            StateError: If `__init__` of the subclass did not call `super().__init__()`.
        """
        if "_sums" not in self.__dict__:
            raise StateError(
                message(
                    f"{type(self).__name__} was not set up",
                    hint=f"Start {type(self).__name__}.__init__ with super().__init__().",
                )
            )
        if isinstance(shape, str):  # Keras 2 has the name first
            shape, name = (), shape
        identifier: Any = "zeros" if initializer is None else initializer
        first = initializers.get(identifier)
        variable = Variable(first, tuple(shape), dtypes.standardize(dtype), trainable=False, name=name or "variable")
        variable.path = variable.key = f"{self.name}/{variable.name}"
        self._sums.append(variable)
        return variable

    def add_weight(
        self,
        shape: Shape = (),
        initializer: InitializerLike = None,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> Variable:
        """Create a variable: `add_variable`.

        Args:
            shape: Shape of the variable.
            initializer: First value, by name or as a function of shape and dtype; 0 by default.
            dtype: Dtype; None means the default float dtype.
            name: Name of the variable.

        Returns:
            The variable.
        """
        return self.add_variable(shape, initializer, dtype, name=name)

    def _check_labels(self, y_true: np.ndarray, units: int) -> None:
        """Raise an error for labels that the metric cannot count; called on the host before anything is compiled."""
        if kind_of(self) == "classes":
            check_labels(self, y_true, units, counts=True)

    # State -----------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        """Add a batch to the sums and return the result."""
        self.update_state(*args, **kwargs)
        return self.result()

    def named_variables(self) -> dict[str, Variable]:
        """Return all variables by a path that is unique in this metric.

        Returns:
            {path: variable}, including those of metrics in attributes.
        """
        out: dict[str, Variable] = {}
        seen: set[int] = set()
        for path, variable in _find_variables(self.__dict__):
            if id(variable) not in seen:
                seen.add(id(variable))
                key, number = path, 0
                while key in out:
                    key, number = f"{path}_{number + 1}", number + 1
                out[key] = variable
        return out

    def extra_variables(self) -> dict[str, Variable]:
        """Return what `update_state` may use besides `variables`: of seed generators and layers in attributes.

        Returns:
            {path: variable}; `reset_state` does not change them.
        """
        out: dict[str, Variable] = {}
        for key, one in self.__dict__.items():
            if isinstance(one, SeedGenerator):
                out[f"{key}/{one.state.name}"] = one.state
            elif isinstance(one, Metric):
                out |= {f"{key}/{path}": variable for path, variable in one.extra_variables().items()}
            elif not isinstance(one, type | Variable) and isinstance(
                inner := getattr(one, "variables", None), list
            ):  # a layer
                out |= {f"{key}/{number}": v for number, v in enumerate(inner) if isinstance(v, Variable)}
        return out

    @property
    def variables(self) -> list[Variable]:
        """All variables of the metric."""
        return list(self.named_variables().values())

    def stateless_update_state(self, metric_variables: Sequence[ArrayLike], *args: Any, **kwargs: Any) -> list[Array]:
        """Return the values of `variables` after an update: `update_state` as a pure function.

        Args:
            metric_variables: Values of `variables`.
            args: Arguments of `update_state`.
            kwargs: Arguments of `update_state`.

        Returns:
            New values of `variables`.
        """
        return self._call_pure(self.update_state, metric_variables, *args, **kwargs)[1]

    def stateless_result(self, metric_variables: Sequence[ArrayLike]) -> Array:
        """Return the result for values of `variables`: `result` as a pure function.

        Args:
            metric_variables: Values of `variables`.

        Returns:
            The result.
        """
        return self._call_pure(self.result, metric_variables)[0]

    def stateless_reset_state(self) -> list[Array]:
        """Return the values of `variables` after `reset_state`.

        Returns:
            Values of `variables`.
        """
        return self._call_pure(self.reset_state, [variable.value for variable in self.variables])[1]

    def _call_pure(self, method: Any, values: Sequence[Any], *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        named = self.named_variables()
        if len(values) != len(named):
            raise ArgumentError(
                message(
                    f"Metric '{self.name}'",
                    expected=f"{len(named)} values ({', '.join(named)})",
                    got=f"{len(values)}",
                    hint="Give the values of .variables, in that order.",
                )
            )
        arrays = [value.value if isinstance(value, Variable) else value for value in values]
        extra = self.extra_variables()
        given = dict(zip(named, arrays, strict=True)) | {path: variable.value for path, variable in extra.items()}
        out, after, _ = tracing.functionalize(method, named | extra)(given, *args, **kwargs)
        return out, [after[path] for path in named]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={printable(self.name)}>"


def _find_variables(value: Any) -> Iterator[tuple[str, Variable]]:
    if isinstance(value, Variable):
        yield value.name, value
    elif isinstance(value, Metric):
        for path, variable in value.named_variables().items():
            yield f"{value.name}/{path}", variable
    elif isinstance(value, (list, tuple, Mapping)):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if key != "_config" and isinstance(item, (Variable, Metric, list, tuple, Mapping)):
                yield from _find_variables(item)


_lookup: Lookup[Any] = Lookup("metric", "metrics")
get, serialize, deserialize = _lookup.get, _lookup.serialize, _lookup.deserialize
