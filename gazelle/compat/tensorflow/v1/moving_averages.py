"""`tf.train.ExponentialMovingAverage`, and what programs of TensorFlow 1 call around training."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.backend.sessions import Operations
from gazelle.compat.backend.updates import Update
from gazelle.compat.tensorflow import variable_names
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import graph_variables, graphs, scopes
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import Option, TensorLike, TensorResult
from gazelle.core.symbolic import is_symbolic
from gazelle.core.variable import Variable


@named("train.ExponentialMovingAverage")
class ExponentialMovingAverage:
    """Averages of variables: average = decay average + (1 - decay) variable, at each `apply`.

    With `num_updates`, a number or a variable, the decay is at most (1 + num_updates) / (10 + num_updates).
    """

    def __init__(
        self,
        decay: float,
        num_updates: TensorLike = None,
        zero_debias: bool = False,
        name: str = "ExponentialMovingAverage",
    ) -> None:
        if zero_debias:
            raise ValueError("ExponentialMovingAverage: expected zero_debias=False, got True.")
        self.decay, self.num_updates, self.name = decay, num_updates, name
        self._averages: dict[int, tuple[Any, Any]] = {}

    def _rate(self) -> Any:
        """1 - decay."""
        if self.num_updates is None:
            return 1 - self.decay
        limit = lambda n: 1 - np.minimum(self.decay, (1.0 + n) / (10.0 + n))  # noqa: E731
        if isinstance(self.num_updates, int | float):
            return float(limit(self.num_updates))
        decay = self.decay
        return call(
            lambda n: 1 - jnp.minimum(decay, (1 + jnp.asarray(n, "float32")) / (10 + jnp.asarray(n, "float32"))),
            (self.num_updates,),
            {},
        )

    def apply(self, var_list: Sequence[Any] | None = None) -> TensorResult:
        """Update the averages of variables, at once or in a session."""
        given = scopes.get_collection("trainable_variables") if var_list is None else list(var_list)
        rate, updates = self._rate(), Operations()
        for v in given:
            average = self.average(v)
            if average is None:
                average = self._made(v)
            change = (average - v) * rate
            if graphs.active():
                updates.append(Update(average, average - change, adds=True))
            else:
                average.assign_sub(change)
        return updates if graphs.active() else None

    def _made(self, v: Any) -> Any:
        name = self.average_name(v)
        if graphs.active():
            first = np.zeros([n or 1 for n in v.shape], "float32") if is_symbolic(v) else graph_variables.first_value(v)
            made = graph_variables.variable(first, False, full_name=name)
        else:
            made = TensorFlowVariable(unboxed(v), trainable=False, name=name)
        self._averages[id(v)] = v, made
        return made

    def average(self, var: Variable) -> TensorResult:
        """Return the variable with the average of a variable; None before `apply`."""
        return self._averages.get(id(var), (None, None))[1]

    def average_name(self, var: Variable) -> str:
        """Return the name of the average."""
        return f"{variable_names.without_output(var)}/{self.name}"

    def variables_to_restore(self, moving_avg_variables: Sequence[Any] | None = None) -> dict[str, Any]:
        """Return {name: variable}, with the names of averages for variables that have one."""
        averaged = scopes.get_collection("trainable_variables")
        averaged = averaged if moving_avg_variables is None else list(moving_avg_variables)
        named_ = {self.average_name(v): v for v in averaged}
        others = [v for v in scopes.get_collection("variables") if not any(v is w for w in averaged)]
        return named_ | {variable_names.without_output(v): v for v in others}


@named("python.training.moving_averages.assign_moving_average")
def assign_moving_average(
    variable: Option, value: TensorLike, decay: TensorLike, zero_debias: bool = True, name: str | None = None
) -> TensorResult:
    """variable = decay variable + (1 - decay) value; with `zero_debias`, of the average since 0 by its weights."""
    if not zero_debias:
        return variable.assign(variable * decay + value * (1 - decay))
    if variable not in _biased:
        made = []
        for zero in (np.zeros(tuple(variable.shape), "float32"), np.float32(0)):
            of_graph = graph_variables.variable(zero, False, name="biased")
            made.append(TensorFlowVariable(zero, trainable=False) if of_graph is None else of_graph)
        _biased[variable] = made
    average, weight = _biased[variable]
    new, total = average * decay + value * (1 - decay), weight * decay + (1 - decay)
    others = average.assign(new), weight.assign(total)
    if isinstance(others[0], Update):
        return Update(variable, new / total, others)
    return variable.assign(new / total)


#: variable -> the average that starts at 0, and the sum of the weights of its values
_biased: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
