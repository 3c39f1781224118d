"""Optimizers around others: Lookahead, MovingAverage and SWA move or average weights, MultiOptimizer divides them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import jax.numpy as jnp

from gazelle import optimizers
from gazelle.compat.addons.registration import addon
from gazelle.compat.namespaces import namespace
from gazelle.compat.types import Option
from gazelle.core.serialization import serialize
from gazelle.core.types import Array, ArrayLike, Config
from gazelle.core.variable import Variable
from gazelle.optimizers import Optimizer
from gazelle.optimizers import get as get_optimizer
from gazelle.optimizers.arguments import invalid
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.transforms import Arrays, Slots
from gazelle.optimizers.updates import Constraints

_INNER = "inner."  # prefix of the slots of the inner optimizer


class OptimizerWrapper(Optimizer, abstract=True):
    """Optimizer that calls `after_update` with the weights that another optimizer has updated.

    Both have the same step counter and learning rate. A subclass has one slot, which starts at `first_slot`.
    """

    def __init__(self, optimizer: Optimizer | str, name: str, **clipping: float | None) -> None:
        super().__init__(0.0, name=name)
        self.optimizer = get_optimizer(optimizer)
        for argument, bound in clipping.items():
            setattr(self.optimizer, argument, bound)
        self._share()

    def _share(self) -> None:
        self._iterations, self._learning_rate = self.optimizer._iterations, self.optimizer._learning_rate

    def after_update(self, w: Array, slot: Array, step: Array) -> tuple[Array, Array]:
        """Return the new values of a weight and of its slot; `step` is the number of steps before this one."""
        raise NotImplementedError

    # Pure functions --------------------------------------------------------------------------------------------------

    def init(self, params: Arrays) -> Slots:
        own: Any = {name: {p: self.init_slot(name, p, w) for p, w in params.items()} for name in self.slots}
        return own | {_INNER + name: arrays for name, arrays in self.optimizer.init(params).items()}

    def hyper(self) -> Arrays:
        return self.optimizer.hyper()

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Array | None],
        slots: Slots,
        hyper: Arrays,
        step: ArrayLike,
        constraints: Constraints = None,
    ) -> tuple[Arrays, Slots]:
        step, (name,) = jnp.asarray(step), self.slots
        params, inner = self.optimizer.update(params, grads, _inner(slots), hyper, step, constraints)
        pairs = {p: self.after_update(w, slots[name][p], step) for p, w in params.items() if p in slots[name]}
        dtypes = {p: w.dtype for p, w in params.items()}
        after = {p: w.astype(dtypes[p]) for p, (w, _) in pairs.items()}
        own = {p: slot.astype(dtypes[p]) for p, (_, slot) in pairs.items()}
        return {**params, **after}, {name: own} | {_INNER + key: arrays for key, arrays in inner.items()}

    def rates(self, slots: Slots, hyper: Arrays, step: Array) -> list[Array]:
        return self.optimizer.rates(_inner(slots), hyper, step)

    def finalize(self, params: Arrays, slots: Slots) -> Arrays:
        return self.optimizer.finalize(params, _inner(slots))

    def overwrite(self, paths: Iterable[str]) -> None:
        super().overwrite(paths)
        self.optimizer.overwrite(self._overwritten)

    # State and settings ----------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Variable | Array:
        """The learning rate of the inner optimizer."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        self.optimizer.learning_rate = value
        self._share()

    def keras_order(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        own = [(name, path) for name in self.slots for path in paths]
        return own + [(_INNER + slot, path) for slot, path in self.optimizer.keras_order(paths)]

    def program_key(self) -> tuple[Any, ...]:
        own = {key: value for key, value in self._config.items() if key not in ("optimizer", "name")}
        return type(self).__name__, repr(own), *self.optimizer.program_key()

    def get_config(self) -> Config:
        own = {key: getattr(self, key) for key in self._config if hasattr(self, key)}
        return {key: serialize(value) for key, value in own.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        inner = config["optimizer"]
        if isinstance(inner, Mapping):  # which may have arguments of earlier versions
            inner = namespace("gazelle.optimizers").deserialize(inner, custom_objects)
        return super().from_config({**config, "optimizer": inner}, custom_objects)


def _inner(slots: Slots) -> Slots:
    return {name.removeprefix(_INNER): arrays for name, arrays in slots.items() if name.startswith(_INNER)}


@addon
class Lookahead(OptimizerWrapper, abstract=True):
    """Slow weights s that every `sync_period` updates move towards the weights, which then return to them.

    s <- s + slow_step_size (w - s),  w <- s.

    Source: Zhang et al., "Lookahead Optimizer: k steps forward, 1 step back", 2019.
    """

    slots = ("slow",)

    def __init__(
        self,
        optimizer: Optimizer | str,
        sync_period: int = 6,
        slow_step_size: float = 0.5,
        name: str = "Lookahead",
        **kwargs: float | None,
    ) -> None:
        super().__init__(optimizer, name, **kwargs)

    def init_slot(self, name: str, path: str, w: Array) -> Array:
        return jnp.array(w)

    def after_update(self, w: Array, slot: Array, step: Array) -> tuple[Array, Array]:
        due = (step + 1) % self.sync_period == 0
        slow = jnp.where(due, slot + self.slow_step_size * (w - slot), slot)
        return jnp.where(due, slow, w), slow


class AveragedOptimizerWrapper(OptimizerWrapper, abstract=True):
    """Optimizer that keeps averages of the weights."""

    slots = ("average",)

    def assign_average_vars(self, var_list: Iterable[Variable]) -> None:
        """Assign the averages to variables; those without one are unchanged."""
        variables = list(var_list)
        self.build([variable for variable in variables if variable.trainable])
        averages = self.averages()
        for variable in variables:
            if self.key_of(variable) in averages:
                variable.assign(averages[self.key_of(variable)].value)

    def shadow_copy(self, model_weights: Iterable[Variable]) -> None:
        """Create the averages."""
        self.build(model_weights)

    @property
    def has_shadow_copy(self) -> bool:
        """Whether there are averages."""
        return bool(self.averages())

    def swap_weights(self) -> None:
        """Exchange the weights and their averages."""
        averages = self.averages()
        for variable in self._keys.variables:
            average = averages[self.key_of(variable)]
            value = variable.numpy()
            variable.assign(average.value)
            average.assign(value)


@addon
class MovingAverage(AveragedOptimizerWrapper, abstract=True):
    """Exponential moving averages:  a <- d a + (1 - d) w.

    d is `average_decay`, at most (1 + num_updates) / (10 + num_updates), and 0 before `start_step`. With
    `dynamic_decay` it is also at most (1 + n) / (10 + n) after n steps from there.
    """

    def __init__(
        self,
        optimizer: Optimizer | str,
        average_decay: float = 0.99,
        num_updates: int | None = None,
        start_step: int = 0,
        dynamic_decay: bool = False,
        name: str = "MovingAverage",
        **kwargs: float | None,
    ) -> None:
        super().__init__(optimizer, name, **kwargs)

    def init_slot(self, name: str, path: str, w: Array) -> Array:
        return jnp.array(w)

    def after_update(self, w: Array, slot: Array, step: Array) -> tuple[Array, Array]:
        decay: Any = self.average_decay
        if self.num_updates is not None:
            decay = min(decay, (1 + self.num_updates) / (10 + self.num_updates))
        count = (step - self.start_step).astype("float32")
        if self.dynamic_decay:
            decay = jnp.minimum(decay, (1 + count) / (10 + count))
        decay = jnp.where(count < 0, 0.0, decay)
        return w, decay * slot + (1 - decay) * w


@addon
class SWA(AveragedOptimizerWrapper, abstract=True):
    """The mean of the weights after the updates `start_averaging`, from 0, and every `average_period` after it.

    Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
    """

    def __init__(
        self,
        optimizer: Optimizer | str,
        start_averaging: int = 0,
        average_period: int = 10,
        name: str = "SWA",
        **kwargs: float | None,
    ) -> None:
        super().__init__(optimizer, name, **kwargs)
        if average_period < 1:
            raise invalid(self, "average_period", "an integer of at least 1")
        if start_averaging < 0:
            raise invalid(self, "start_averaging", "an integer of at least 0")

    def after_update(self, w: Array, slot: Array, step: Array) -> tuple[Array, Array]:
        since = step - self.start_averaging
        count = (since // self.average_period).astype("float32")
        due = (since >= 0) & (since % self.average_period == 0)
        return w, jnp.where(due, (slot * count + w) / (count + 1), slot)


@addon
class MultiOptimizer(optimizers.MultiOptimizer, abstract=True):
    """`tfa.optimizers.MultiOptimizer`: optimizers for the weights of their layers.

    The argument is a list of (optimizer, layer or list of layers). Weights of other layers are not changed.
    """

    def __init__(
        self,
        optimizers_and_layers: Sequence[tuple[Optimizer, Option]] | None = None,
        optimizer_specs: Sequence[Mapping[str, Option]] | None = None,
        name: str = "MultiOptimizer",
    ) -> None:
        self._others = optimizers.SGD(0.0, name="others")
        super().__init__(self._of_variable, name=name)
        for optimizer, _ in self._pairs():
            self._add(optimizer)

    def _pairs(self) -> Iterator[tuple[Optimizer, Option]]:
        """(optimizer, weights of its layers or their paths)."""
        for optimizer, layers in self.optimizers_and_layers or ():
            parts = layers if isinstance(layers, list | tuple) else [layers]
            yield optimizer, [weight for layer in parts for weight in layer.weights]
        for spec in self.optimizer_specs or ():
            yield spec["optimizer"], spec["weights"]

    def _of_variable(self, variable: Any) -> Optimizer:
        path = f"/{variable.path}"  # that of a loaded model is without the name of the model
        own = (o for o, weights in self._pairs() if any(f"/{each}".endswith(path) for each in _paths(weights)))
        return next(own, self._others)

    def get_config(self) -> Config:
        """Return the optimizers and the paths of their weights."""
        specs = [{"optimizer": optimizer, "weights": _paths(weights)} for optimizer, weights in self._pairs()]
        return {"optimizer_specs": serialize(specs), "name": self.name}


def _paths(weights: Any) -> list[str]:
    return [w if isinstance(w, str) else w.path for w in weights]
