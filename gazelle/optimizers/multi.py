"""Several optimizers as one, each for its own weights: rates of their own for each layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import SimpleNamespace
from typing import Any, NoReturn

import jax
import jax.numpy as jnp

from gazelle.core.config import ArgumentTypeError, Configurable, serialize, serialize_object
from gazelle.core.errors import ArgumentError, GazelleError, message
from gazelle.core.variable import Variable
from gazelle.optimizers.base import Optimizer, Slots
from gazelle.optimizers.transforms import Arrays

_COUNT, _RATE = "iteration", "learning_rate"


class ManyRatesError(GazelleError, AttributeError):
    """A MultiOptimizer has no single learning rate."""


def _checked(what: str, optimizer: Any) -> Optimizer:
    """`optimizer` if it may work for others."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentTypeError(message(what, expected="an optimizer, such as Adam()", got=repr(optimizer)))
    if type(optimizer).__name__ in ("MultiOptimizer", "LossScaleOptimizer"):
        raise ArgumentError(message(what, expected="an optimizer with a rule of its own", got=type(optimizer).__name__))
    return optimizer


class OptimizerMap(Configurable, MutableMapping[str, Optimizer]):
    """Patterns of variables' paths -> optimizers.

    A path is looked for as a key, then as a full match of the keys as regular expressions; `default_optimizer` has
    what is left.

    Errors: ArgumentError when two patterns fit one path, and for a key that is there already.

    >>> optimizers = OptimizerMap(SGD(0.1), {"encoder/.*": SGD(0.01, name="slow")})
    >>> optimizers["encoder/dense/kernel"], optimizers["head/kernel"]
    (<SGD name=slow>, <SGD name=sgd>)
    """

    _namespace = "optimizers"

    def __init__(self, default_optimizer: Any, optimizer_map: Mapping[str, Any] | None = None) -> None:
        _checked("default_optimizer of OptimizerMap", default_optimizer)
        if not isinstance(optimizer_map, Mapping | None):
            raise ArgumentTypeError(
                message("optimizer_map of OptimizerMap", expected="a dict {pattern: optimizer}", got=optimizer_map)
            )
        self.optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        fits = [key] if key in self.optimizer_map else [p for p in self.optimizer_map if re.fullmatch(p, key)]
        if len(fits) > 1:
            raise ArgumentError(
                message(
                    f"The optimizer of '{key}'",
                    expected="one pattern that fits",
                    got=", ".join(map(repr, fits)),
                    hint="Make the patterns narrower.",
                )
            )
        return self.optimizer_map[fits[0]] if fits else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Any) -> None:
        if not isinstance(key, str):
            raise ArgumentError(message("Key of OptimizerMap", expected="a path or a pattern", got=repr(key)))
        if key in self.optimizer_map:
            raise ArgumentError(
                message(
                    f"OptimizerMap has '{key}' already", got=self.optimizer_map[key], hint=f"del map[{key!r}] first."
                )
            )
        self.optimizer_map[key] = _checked(f"OptimizerMap['{key}']", optimizer)

    def __delitem__(self, key: str) -> None:
        del self.optimizer_map[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.optimizer_map)

    def __len__(self) -> int:
        return len(self.optimizer_map)

    def __call__(self, variable: Any) -> Optimizer:
        """The optimizer of a variable."""
        return self[variable.path]


class MultiOptimizer(Optimizer):
    """Gives each weight to one of several optimizers, each with its own rate, clipping and averages.

    Args:
        optimizer_map: an `OptimizerMap`, or a function (variable) -> optimizer that may look at the variable's
            `path`, `name`, `shape` and `dtype`.
        loss_scale_factor: takes the place of the inner optimizers' own.

    The rates and counters of the inner optimizers are part of the state, so they can be read and assigned while it
    trains: `multi.optimizers[0].learning_rate.assign(0.1)`.

    >>> multi = MultiOptimizer(OptimizerMap(SGD(1.0), {"head/.*": SGD(0.1)}))
    >>> params = {"body/w": jnp.zeros(1), "head/w": jnp.zeros(1)}
    >>> grads = {path: jnp.ones(1) for path in params}
    >>> {path: float(w[0]) for path, w in multi.update(params, grads, multi.init(params), multi.hyper(), 0)[0].items()}
    {'body/w': -1.0, 'head/w': -0.10000000149011612}
    """

    def __init__(self, optimizer_map: Any, loss_scale_factor: float | None = None, name: str | None = None) -> None:
        self.optimizers: list[Optimizer] = []
        self._labels: list[str] = []
        self._chosen: dict[str, int] = {}  # path -> number of its optimizer
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        if not callable(optimizer_map):
            raise ArgumentTypeError(
                message(
                    "optimizer_map of MultiOptimizer",
                    expected="an OptimizerMap or a function of a variable",
                    got=repr(optimizer_map),
                    hint="MultiOptimizer(OptimizerMap(Adam(), {'encoder/.*': SGD()}))",
                )
            )
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._number(optimizer)

    # Who is whose ----------------------------------------------------------------------------------------------------

    def _number(self, optimizer: Optimizer) -> int:
        """The number of an inner optimizer; a new one hands its counter and its rate to our state."""
        for number, known in enumerate(self.optimizers):
            if known is optimizer:
                return number
        label, more = optimizer.name, 0
        while label in self._labels:
            more += 1
            label = f"{optimizer.name}_{more}"
        self.optimizers.append(optimizer)
        self._labels.append(label)
        optimizer.loss_scale_factor = self.loss_scale_factor
        if optimizer.use_ema:
            self.use_ema = True
        for what, attribute in ((_COUNT, "_iterations"), (_RATE, "_learning_rate")):
            held = getattr(optimizer, attribute)
            if isinstance(held, Variable):
                self._state[f"{label}.{what}"] = {"": held._value}
                setattr(optimizer, attribute, self.slot_variable(f"{label}.{what}"))
        return len(self.optimizers) - 1

    def _groups(self, params: Arrays) -> list[tuple[str, Optimizer, list[str]]]:
        """(label, optimizer, paths) of each inner optimizer."""
        for path, w in params.items():
            if path not in self._chosen:
                variable = SimpleNamespace(path=path, name=path.rsplit("/", 1)[-1], shape=tuple(w.shape), dtype=w.dtype)
                with jax.ensure_compile_time_eval():
                    optimizer = _checked(f"The optimizer of '{path}'", self.optimizer_map(variable))
                    self._chosen[path] = self._number(optimizer)
        return [
            (label, optimizer, [p for p in params if self._chosen[p] == number])
            for number, (label, optimizer) in enumerate(zip(self._labels, self.optimizers, strict=True))
        ]

    # The pure part ---------------------------------------------------------------------------------------------------

    def init(self, params: Arrays) -> Slots:
        out: Slots = {}
        for label, optimizer, paths in self._groups(params):
            out |= {f"{label}.{_COUNT}": {"": jnp.zeros((), jnp.int32)}}
            if isinstance(optimizer._learning_rate, Variable):
                out |= {f"{label}.{_RATE}": {"": optimizer._learning_rate.value}}
            inner = optimizer.init({p: params[p] for p in paths})
            out |= {f"{label}.{name}": arrays for name, arrays in inner.items()}
        return out

    def hyper(self) -> Arrays:
        """The rates that are functions of nothing; the others are part of the slots, or of the program."""
        pairs = zip(self._labels, self.optimizers, strict=True)
        loose = {lb: o.hyper() for lb, o in pairs if not isinstance(o._learning_rate, Variable)}
        return super().hyper() | {f"{lb}.{name}": value for lb, found in loose.items() for name, value in found.items()}

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Any],
        slots: Slots,
        hyper: Arrays,
        step: Any,
        constraints: Mapping[str, Any] | None = None,
    ) -> tuple[Arrays, Slots]:
        params, slots = dict(params), dict(slots)
        for label, optimizer, paths in self._groups(params):
            if not paths:
                continue
            own = {name.removeprefix(f"{label}."): a for name, a in slots.items() if name.startswith(f"{label}.")}
            count, rate = own.pop(_COUNT)[""], own.pop(_RATE, None)
            given = {} if rate is None else {_RATE: rate[""]}
            if f"{label}.{_RATE}" in hyper:
                given = {_RATE: hyper[f"{label}.{_RATE}"]}
            after, own = optimizer.update(
                {p: params[p] for p in paths},
                {p: grads[p] for p in paths if p in grads},
                own,
                given,
                count,
                constraints,
            )
            params |= after
            slots |= {f"{label}.{name}": arrays for name, arrays in own.items()} | {
                f"{label}.{_COUNT}": {"": count + 1}
            }
        return params, slots

    def finalize(self, params: Arrays, slots: Slots) -> Arrays:
        for name, arrays in slots.items():
            if name.endswith(".average"):
                params = params | {p: a for p, a in arrays.items() if p in params}
        return params

    # The user's view -------------------------------------------------------------------------------------------------

    def keras_order(self, paths: Any) -> list[tuple[str, str]]:
        out = []
        for number, (label, optimizer) in enumerate(zip(self._labels, self.optimizers, strict=True)):
            held = [what for what in (_COUNT, _RATE) if f"{label}.{what}" in self._state]
            own = optimizer.keras_order([p for p in paths if self._chosen.get(p) == number])
            own = [(s, p) for s, p in own if p in self._state.get(f"{label}.{s}", {p: 0})]
            out += [(f"{label}.{what}", "") for what in held] + [(f"{label}.{slot}", path) for slot, path in own]
        return out

    def finalize_variable_values(self, var_list: Any) -> None:
        for variable in var_list:
            key = self.key_of(variable)
            for name, arrays in self.state.items():
                if name.endswith(".average") and key in arrays:
                    variable.assign(arrays[key])

    def _show_rate(self) -> NoReturn:
        raise ManyRatesError(
            message("A MultiOptimizer has no learning rate of its own", hint="Use those of multi.optimizers[i].")
        )

    def recipe(self) -> tuple[Any, ...]:
        return type(self).__name__, self.loss_scale_factor, *(o.recipe() for o in self.optimizers), str(self._chosen)

    def get_config(self) -> dict[str, Any]:
        chooser: OptimizerMap | Callable[[Any], Any] = self.optimizer_map
        shown = serialize_object(chooser) if isinstance(chooser, OptimizerMap) else serialize(chooser)
        return {"optimizer_map": shown, "loss_scale_factor": self.loss_scale_factor, "name": self.name}
