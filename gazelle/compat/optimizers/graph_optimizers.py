"""User-defined optimizers of Keras 1 and 2, whose `get_updates` returns assignments as parts of a graph."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp

from gazelle import tree
from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.arguments.translation import keywords
from gazelle.compat.backend.functions import all_updates, variables_of
from gazelle.compat.backend.gradients import StepLoss, gradients
from gazelle.compat.backend.lifting import GraphVariable
from gazelle.compat.backend.updates import GradientStep, OptimizerStep, rate_factors, update_add
from gazelle.compat.classes import compat_class, core_class
from gazelle.compat.old_names import weight_name
from gazelle.compat.types import TensorLike
from gazelle.core import prng, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.own_code import from_gazelle
from gazelle.core.symbolic import KerasTensor, any_symbolic, is_symbolic
from gazelle.core.types import Array
from gazelle.core.variable import Variable
from gazelle.layers.input import Input
from gazelle.models.graph import Graph
from gazelle.optimizers import Optimizer
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.state import keep_in_state
from gazelle.optimizers.transforms import Arrays, Slots


def _use(updates: Sequence[Any], weights: Mapping[str, GraphVariable]) -> bool:
    """Whether updates are those of these weights."""
    steps = (key for u in updates if isinstance(u, OptimizerStep) for key in u.params)
    used = {*steps, *(str(id(u.variable)) for u in updates if not isinstance(u, OptimizerStep))}
    return not used.isdisjoint(str(id(v)) for v in weights.values())


class GraphOptimizer(Optimizer, abstract=True):
    """Optimizer whose step runs the graph that `get_updates` returned.

    `get_updates` is called once, with placeholder variables for the weights and symbolic tensors for the gradients.
    The other variables that it assigns are the slots; those of another model receive the new values, too. Steps of
    other optimizers, which it called, are taken with the same gradients.
    """

    _weights: dict[str, GraphVariable] | None = None
    _targets: Sequence[Variable] = ()
    _read: Sequence[Variable] = ()
    _rates: Mapping[str, KerasTensor] = {}  # prefix of a step -> its learning rate, if it is computed in the graph
    #: prefix of a step -> its gradients among the outputs, if the graph computes them
    _replaced: Mapping[str, slice] = {}
    _inner: Sequence[tuple[str, OptimizerStep, list[str]]] = ()  # prefix of the slots, step, paths of its weights

    def _build_graph(self, params: Arrays) -> None:
        order = {key: number for number, key in enumerate(self._keys)}  # a step is traced with sorted keys
        params = dict(sorted(params.items(), key=lambda item: order.get(item[0], 0)))
        with jax.ensure_compile_time_eval(), tracing.outside():  # builds a graph, even inside a trace
            # user code may make slots from the values of the weights; without values, slots were loaded
            values = {p: jnp.zeros(w.shape) if isinstance(w, jax.core.Tracer) else w for p, w in params.items()}
            known = {p: self._keys.of(p) for p in params} if era.number() < 3 else {}
            names = {p: f"{p}:0" if (v := known.get(p)) is None else weight_name(v.path) for p in params}
            before = self._weights or {}, vars(self).get("_gradients", {})
            self._weights = {p: GraphVariable(values[p], dtype=w.dtype, name=names[p]) for p, w in params.items()}
            self._gradients = {p: Input(batch_shape=w.shape, dtype=str(w.dtype)) for p, w in params.items()}
            arguments: dict[str, Any] = {
                "loss": StepLoss(self._step_gradients),
                "params": list(self._weights.values()),
                "constraints": {},
            }
            accepted = inspect.signature(self.get_updates).parameters
            with assigned(rate_factors, {}):
                given = self.get_updates(**{word: value for word, value in arguments.items() if word in accepted})
        updates = list(all_updates(given))
        # `get_updates` may return its first result again
        if before[0].keys() == params.keys() and _use(updates, before[0]):
            self._weights, self._gradients = before
        paths = {str(id(v)): p for p, v in self._weights.items()}
        steps = [u for u in updates if isinstance(u, OptimizerStep)]
        self._inner = [(f"inner_{n}.", step, [paths[key] for key in step.params]) for n, step in enumerate(steps)]
        pairs = [(u.variable, u.value) for u in updates if not isinstance(u, OptimizerStep) and any_symbolic(u.value)]
        self._rates = {prefix: step.rate_factor for prefix, step, _ in self._inner if is_symbolic(step.rate_factor)}
        outputs = [*(value for _, value in pairs), *self._rates.values()]
        self._replaced = {}
        for prefix, step, part in self._inner:
            if isinstance(step, GradientStep):  # `get_updates` replaced the `get_gradients` of this optimizer
                self._replaced[prefix] = slice(len(outputs), len(outputs) + len(part))
                outputs += cast(Any, step.loss)  # a list
        self._graph = Graph(list(self._gradients.values()), outputs)
        self._seed = prng.next_seed()  # of noise
        self._targets = [variable for variable, _ in pairs]
        own = {id(v) for v in (*self._weights.values(), *self._targets, *self._keys.variables)}
        self._read = [v for key, v in variables_of(self._graph).items() if key not in own]
        others = self._weights_of_others()
        for name, variable in self._slots_of().items():
            if name not in others:
                keep_in_state(variable, self, name, "")

    def _slots_of(self) -> dict[str, Variable]:
        weights = {id(v) for v in (self._weights or {}).values()}
        slots = dict.fromkeys(v for v in self._targets if id(v) not in weights)
        return {f"slot_{n}": v for n, v in enumerate(slots)}

    def _weights_of_others(self) -> dict[str, Variable]:
        """The slots that are weights of other models, which may read and assign them between steps."""
        return {name: v for name, v in self._slots_of().items() if "/" in v.path}  # those of layers have paths

    @staticmethod
    def _part(prefix: str, values: Any) -> dict[str, Any]:
        """The slots or hyperparameters of a step of another optimizer."""
        return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}

    @ignores("constraints")  # those of the weights are applied after each step
    def get_updates(self, loss: TensorLike, params: TensorLike, *rest: TensorLike) -> list[Any]:
        """Return the step of the optimizer that this one is derived from, for `super().get_updates(loss, params)`."""
        if rest:  # (params, constraints, loss), as in Keras 1
            params, loss = loss, rest[0]
        if "_inherited" not in vars(self):
            core: Any = core_class(type(self))
            rate, given = self.learning_rate, {key: vars(self)[key] for key in keywords(core) & vars(self).keys()}
            decay = self.decay if self._initial_decay else 0.0
            given |= {"learning_rate": float(rate) if isinstance(rate, Variable) else rate, "decay": decay}
            inherited = self.__dict__["_inherited"] = compat_class(core)(**given)
            if isinstance(rate, Variable):
                self.__dict__["_user_rate"] = inherited.learning_rate  # a callback that sets one sets both
        weights: Any = params
        pairs = zip(self.get_gradients(loss, weights), weights, strict=True)
        return [GradientStep(self.__dict__["_inherited"], pairs), update_add(self.iterations, 1)]

    def get_gradients(self, loss: TensorLike, params: Sequence[Variable]) -> list[Any]:
        """Return the gradients of a loss; inside `get_updates`, those of the step."""
        return gradients(loss, params)

    def _step_gradients(self, params: Sequence[Variable]) -> list[Any]:
        gradients_by_id = {id(v): self._gradients[p] for p, v in (self._weights or {}).items()}
        return [gradients_by_id[id(v)] for v in params]

    # Interface of Optimizer ------------------------------------------------------------------------------------------

    def _init_rule(self, params: Arrays) -> Any:
        self._build_graph(params)
        slots = {name: {"": v.value} for name, v in self._slots_of().items()}
        for prefix, step, paths in self._inner:
            inner = step.optimizer.init({p: params[p] for p in paths})
            slots |= {prefix + name: arrays for name, arrays in inner.items()}
        return slots

    @property
    def state(self) -> Slots:
        """The slots; those that are weights of other models have the values that were assigned last."""
        slots = Optimizer.state.fget(self)  # type: ignore[attr-defined]
        return slots | {n: {"": v._value} for n, v in self._weights_of_others().items() if n in slots}

    @state.setter
    def state(self, slots: Slots) -> None:
        Optimizer.state.fset(self, slots)  # type: ignore[attr-defined]

    def hyper(self) -> Arrays:
        """The variables that the graph reads without assigning them; a callback may set the learning rate."""
        found = {f"read_{n}": v.value for n, v in enumerate(self._read)}
        inner = [(prefix, step.optimizer.hyper()) for prefix, step, _ in self._inner]
        return found | {prefix + name: value for prefix, values in inner for name, value in values.items()}

    def own_variables(self) -> list[Variable]:
        """The step counter and the variables that the training loop stores: those of `hyper`, and of other models."""
        inner = (v for _, step, _ in self._inner for v in step.optimizer.own_variables())
        return [self._iterations, *self._read, *inner, *self._weights_of_others().values()]

    def keras_order(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        """The slots in the order in which `get_updates` assigns them, which belong to no single weight; inner ones."""
        own = [(name, "") for name in self._slots_of()] if self._weights else []
        return own + [
            (prefix + name, path)
            for prefix, step, part in self._inner
            for name, path in step.optimizer.keras_order(part)
        ]

    def flush(self, slots: Slots, hyper: Mapping[str, Array], step: Array) -> None:
        """Store the values at the end of a training loop."""
        super().flush(slots, hyper, step)
        for n, variable in enumerate(self._read):
            variable._value = hyper.get(f"read_{n}", variable._value)
        for name, variable in self._weights_of_others().items():
            variable._value = slots[name][""] if name in slots else variable._value
        for prefix, inner, _ in self._inner:
            inner.optimizer.flush(self._part(prefix, slots), self._part(prefix, hyper), step)

    def _rate_of_step(self, hyper: Arrays, step: Any) -> Any:
        self._given = hyper
        return jnp.zeros(())

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Any, lr: Any, t: Any) -> Any:
        # the slots were loaded, so `init` was not called
        if self._weights is None or self._weights.keys() != params.keys():
            self._build_graph(params)
        assert self._weights is not None
        values = {id(self._weights[p]): w for p, w in params.items()}
        values |= {id(v): slots[name][""] for name, v in self._slots_of().items()}
        values |= {id(v): self._given.get(f"read_{n}", v._value) for n, v in enumerate(self._read)}
        counts = [vars(step.optimizer).get("_count_in_graph") for _, step, _ in self._inner]
        values |= {id(count): t - 1 for count in counts if count is not None}
        values |= {id(v): params[self._keys[v]] for v in self._keys.variables if self._keys[v] in params}
        arrays = [grads.get(p, jnp.zeros_like(params[p])) for p in self._gradients]
        key = jnp.asarray([self._seed, t], "uint32")  # each step draws other numbers
        with tracing.entered(tracing.TraceContext(values=dict(values), key=key, closed=True)):
            found = tree.flatten(self._graph.run(arrays))
        rates = dict(zip(self._rates, found[len(self._targets) :], strict=False))
        for variable, value in zip(self._targets, found, strict=False):
            values[id(variable)] = jnp.asarray(value, values[id(variable)].dtype)
        slots = slots | {name: {"": values[id(v)]} for name, v in self._slots_of().items()}
        after = {p: values[id(v)] for p, v in self._weights.items()}
        for prefix, step, paths in self._inner:
            own, mine = self._part(prefix, slots), {p: after[p] for p in paths}
            hyper = self._part(prefix, self._given)
            if "learning_rate" in hyper:
                own_rate = hyper["learning_rate"]
                hyper["learning_rate"] = rates[prefix] if prefix in rates else own_rate * step.rate_factor
            own_grads = found[self._replaced[prefix]] if prefix in self._replaced else map(grads.get, paths)
            mine, own = step.optimizer.update(mine, dict(zip(paths, own_grads, strict=True)), own, hyper, t - 1)
            after, slots = after | mine, slots | {prefix + name: arrays for name, arrays in own.items()}
        return after, slots

    # Attributes that user code sets -----------------------------------------------------------------------------------

    @property
    def iterations(self) -> Variable:
        """The number of updates, which user code counts."""
        return self.__dict__.setdefault("_count", GraphVariable(0, dtype="int32", name="iterations"))

    @iterations.setter
    def iterations(self, value: Variable) -> None:
        self.__dict__["_count"] = value

    @property
    def learning_rate(self) -> Any:
        """The variable of this name in user code, or `lr`; that of the optimizer that this one is derived from."""
        inherited = None if core_class(type(self)) is Optimizer else self.__dict__.get("_learning_rate")
        return self.__dict__.get("_user_rate", self.__dict__.get("lr", inherited))

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        current, given = self.learning_rate, cast(Any, value)
        if isinstance(current, Variable) and not isinstance(value, Variable):
            current.assign(given)
        else:
            self.__dict__["_user_rate"] = value

    @property
    def variables(self) -> list[Variable]:
        """The slots, with their values after the last step."""
        slots = {name: v for name, v in self._slots_of().items() if name in self.state} if self._weights else {}
        for name, variable in slots.items():
            variable.assign(self.state[name][""])
        return list(slots.values())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of every optimizer, or of the one this is derived from; user code adds its own."""
        if core_class(type(self)) is not Optimizer:
            return super().get_config()
        clips = {key: getattr(self, key) for key in ("clipnorm", "clipvalue")}
        return {key: value for key, value in clips.items() if value is not None}

    def program_key(self) -> tuple[Any, ...]:
        """Return a key that no other optimizer has, since each has its own graph."""
        return (id(self),)


def is_user_defined(optimizer: object) -> bool:
    """Whether a user-defined class has `get_updates` or `get_gradients`, but none of the later methods."""
    owners = [c for c in type(optimizer).__mro__ if not from_gazelle(c)]
    later = ("rule", "update_step", "_resource_apply_dense")
    return any(name in vars(c) for c in owners for name in ("get_updates", "get_gradients")) and not any(
        name in vars(c) for c in owners for name in later
    )
