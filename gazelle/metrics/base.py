"""The metric: sums that are kept over batches, and the number they amount to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle import initializers
from gazelle.core import dtypes, policies, tracing
from gazelle.core.config import Configurable, snake
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.lookup import Lookup
from gazelle.core.names import unique_name
from gazelle.core.variable import Variable


class Metric(Configurable):
    """A number about all batches since `reset_state`: `update_state` adds a batch to the sums, `result` reads them.

    A subclass makes its sums with `add_weight` in `__init__`, or in `build` where their shape depends on the data.

    Args:
        dtype: dtype of the computation; 'float32' by default.
        name: name in logs; made from the class if None.

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
    _direction: str | None = None  # "up" or "down": which way is better, where that is known

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or unique_name("metrics", snake(type(self).__name__))
        self.dtype = policies.get(dtype or dtypes.floatx()).compute_dtype
        self._sums: list[Variable] = []

    # What an author writes -------------------------------------------------------------------------------------------

    def build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        """Make the sums whose shape depends on the data. Called before the first update."""

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} needs def update_state(self, y_true, y_pred, sample_weight=None): ..."
        )

    def result(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs def result(self): return ...")

    def reset_state(self) -> None:
        """Set all sums to 0."""
        for variable in self.variables:
            variable.assign(jnp.zeros(variable.shape, variable.dtype))

    def add_variable(
        self,
        shape: Any = (),
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a variable that is kept between batches; 0 at first unless `initializer` says otherwise."""
        if "_sums" not in self.__dict__:
            raise StateError(
                message(
                    f"{type(self).__name__} was not set up",
                    hint=f"Start {type(self).__name__}.__init__ with super().__init__().",
                )
            )
        if isinstance(shape, str):  # Keras 2 wrote the name first
            shape, name = (), shape
        first = initializers.get("zeros" if initializer is None else initializer)
        variable = Variable(first, tuple(shape), dtypes.standardize(dtype), trainable=False, name=name or "variable")
        variable.path = f"{self.name}/{variable.name}"
        self._sums.append(variable)
        return variable

    def add_weight(self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: Any = None) -> Variable:
        """`add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    # What a reader asks ----------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def named_variables(self) -> dict[str, Variable]:
        """{path: variable} of the sums, also of metrics held in attributes; paths are unique in this metric."""
        out: dict[str, Variable] = {}
        for path, variable in _found(self.__dict__):
            if all(variable is not other for other in out.values()):
                key, number = path, 0
                while key in out:
                    key, number = f"{path}_{number + 1}", number + 1
                out[key] = variable
        return out

    @property
    def variables(self) -> list[Variable]:
        return list(self.named_variables().values())

    def stateless_update_state(self, metric_variables: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """`update_state` as a pure function: the values of `variables` in, their new values out."""
        return self._pure(self.update_state, metric_variables, *args, **kwargs)[1]

    def stateless_result(self, metric_variables: Any) -> Any:
        """`result` as a pure function of the values of `variables`."""
        return self._pure(self.result, metric_variables)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The values of `variables` after `reset_state`."""
        return self._pure(self.reset_state, [variable.value for variable in self.variables])[1]

    def _pure(self, method: Any, values: Sequence[Any], *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
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
        out, after, _ = tracing.pure(method, named)(dict(zip(named, values, strict=True)), *args, **kwargs)
        return out, list(after.values())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _found(value: Any) -> Iterator[tuple[str, Variable]]:
    if isinstance(value, Variable):
        yield value.name, value
    elif isinstance(value, Metric):
        for path, variable in value.named_variables().items():
            yield f"{value.name}/{path}", variable
    elif isinstance(value, (list, tuple, Mapping)):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if key != "_config":
                yield from _found(item)


_lookup: Lookup[Any] = Lookup("metric", "metrics")
get, serialize, deserialize = _lookup.get, _lookup.serialize, _lookup.deserialize
