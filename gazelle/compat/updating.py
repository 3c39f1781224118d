"""Optimizers that programs wrote in the way of Keras 1 and 2: `get_updates` gives assignments as parts of a graph."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.backend.gradients import gradients
from gazelle.compat.backend.lifting import GraphVariable
from gazelle.compat.backend.running import variables_of
from gazelle.compat.backend.updates import Update
from gazelle.core import tracing
from gazelle.core.symbolic import any_symbolic
from gazelle.core.variable import Variable
from gazelle.layers.input import Input
from gazelle.models.graph import Graph
from gazelle.optimizers import Optimizer
from gazelle.optimizers.transforms import Arrays

_NOWHERE = "the gradients that a step computes"  # the loss that `get_updates` is given


class Updating(Optimizer, abstract=True):
    """`get_updates` is asked once, for variables that stand for the weights and tensors that stand for the gradients;
    a step runs the graph of what it gave. What it assigns besides the weights are the slots.
    """

    _weights: dict[str, GraphVariable] | None = None

    def _write(self, params: Arrays) -> None:
        with jax.ensure_compile_time_eval(), tracing.outside():  # a graph is written, whoever asked
            self._weights = {
                p: GraphVariable(jnp.zeros(w.shape), dtype=w.dtype, name="weight") for p, w in params.items()
            }
            self._gradients = {p: Input(batch_shape=w.shape, dtype=str(w.dtype)) for p, w in params.items()}
            words = {"loss": _NOWHERE, "params": list(self._weights.values()), "constraints": {}}
            asked = inspect.signature(self.get_updates).parameters
            given = self.get_updates(**{word: value for word, value in words.items() if word in asked})
        pairs = [(u.variable, u.value) if isinstance(u, Update) else u for u in given if isinstance(u, Update | tuple)]
        pairs = [(variable, value) for variable, value in pairs if any_symbolic(value)]
        self._graph = Graph(list(self._gradients.values()), [value for _, value in pairs])
        self._targets = [variable for variable, _ in pairs]
        own = {id(v) for v in (*self._weights.values(), *self._targets)}
        self._read = [v for key, v in variables_of(self._graph).items() if key not in own]

    def _slots_of(self) -> dict[str, Variable]:
        weights = {id(v) for v in (self._weights or {}).values()}
        slots = dict.fromkeys(v for v in self._targets if id(v) not in weights)
        return {f"slot_{n}": v for n, v in enumerate(slots)}

    def get_gradients(self, loss: Any, params: Any) -> list[Any]:
        """The gradients of a loss; inside `get_updates`, those of the step."""
        if not isinstance(loss, str):
            return gradients(loss, params)
        places = {id(v): self._gradients[p] for p, v in (self._weights or {}).items()}
        return [places[id(v)] for v in params]

    # What the trunk asks ---------------------------------------------------------------------------------------------

    def _init_rule(self, params: Arrays) -> Any:
        self._write(params)
        return {name: {"": v.value} for name, v in self._slots_of().items()}

    def hyper(self) -> Arrays:
        """The variables that the graph reads and does not assign: a callback may set the rate."""
        return {f"read_{n}": v.value for n, v in enumerate(self.__dict__.get("_read", ()))}

    def own_variables(self) -> list[Variable]:
        """The counter of steps and the variables of `hyper`: a loop that trains holds them."""
        return [self._iterations, *self.__dict__.get("_read", ())]

    def keras_order(self, paths: Any) -> list[tuple[str, str]]:
        """In the order in which `get_updates` assigns them: they belong to no weight that we know of."""
        return [(name, "") for name in self._slots_of()] if self._weights else []

    def flush(self, slots: Any, hyper: Any, step: Any) -> None:
        """Put what a training loop ended with to rest."""
        super().flush(slots, hyper, step)
        for n, variable in enumerate(self.__dict__.get("_read", ())):
            variable._value = hyper.get(f"read_{n}", variable._value)

    def _rate(self, hyper: Arrays, step: Any) -> Any:
        self._given = hyper
        return jnp.zeros(())

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Any, lr: Any, t: Any) -> Any:
        if self._weights is None or self._weights.keys() != params.keys():  # slots of a file, no `init`
            self._write(params)
        assert self._weights is not None
        values = {id(self._weights[p]): w for p, w in params.items()}
        values |= {id(v): slots[name][""] for name, v in self._slots_of().items()}
        values |= {id(v): self._given.get(f"read_{n}", v._value) for n, v in enumerate(self._read)}
        arrays = [grads.get(p, jnp.zeros_like(params[p])) for p in self._gradients]
        with tracing.entered(tracing.TraceContext(values=dict(values), closed=True)):
            found = self._graph.run(arrays)
        for variable, value in zip(self._targets, found, strict=True):
            values[id(variable)] = jnp.asarray(value, values[id(variable)].dtype)
        slots = slots | {name: {"": values[id(v)]} for name, v in self._slots_of().items()}
        return {p: values[id(v)] for p, v in self._weights.items()}, slots

    # What an author sets ---------------------------------------------------------------------------------------------

    @property
    def iterations(self) -> Any:
        """The author's count of updates."""
        return self.__dict__.setdefault("_count", GraphVariable(0, dtype="int32", name="iterations"))

    @iterations.setter
    def iterations(self, value: Any) -> None:
        self.__dict__["_count"] = value

    @property
    def learning_rate(self) -> Any:
        """The author's variable of this name, or `lr`."""
        return self.__dict__.get("_author_rate", self.__dict__.get("lr"))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        held = self.learning_rate
        if isinstance(held, Variable) and not isinstance(value, Variable):
            held.assign(value)
        else:
            self.__dict__["_author_rate"] = value

    @property
    def variables(self) -> list[Variable]:
        """What `get_updates` assigns besides the weights, as it stands after the last step."""
        held = {name: v for name, v in self._slots_of().items() if name in self.state} if self._weights else {}
        for name, variable in held.items():
            variable.assign(self.state[name][""])
        return list(held.values())

    def get_config(self) -> dict[str, Any]:
        """What every optimizer takes: the author adds the own words."""
        clips = {key: getattr(self, key) for key in ("clipnorm", "clipvalue")}
        return {key: value for key, value in clips.items() if value is not None}

    def program_key(self) -> tuple[Any, ...]:
        """No two are equal: what they compute lies in a graph of their own."""
        return (id(self),)


@functools.cache
def _class_of(cls: type) -> type:
    return type(cls)(cls.__name__, (cls, Updating), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def wrote(thing: Any) -> bool:
    """Whether an optimizer's class is a program's own, with `get_updates`."""
    owner = next((c for c in type(thing).__mro__ if "get_updates" in c.__dict__), None)
    return owner is not None and not owner.__module__.startswith("gazelle.")


def begin(thing: Any, words: dict[str, Any]) -> None:
    """Make an optimizer of a program `Updating`, before its constructor of ours runs with these words."""
    if not isinstance(thing, Updating):
        cls: Any = type(thing)
        thing.__class__ = _class_of(cls)
    words.setdefault("learning_rate", 0.0)
