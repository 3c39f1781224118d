"""Several optimizers as one, each for its own weights: different learning rates for different layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from types import SimpleNamespace
from typing import Any, NoReturn

import jax
import jax.numpy as jnp

from gazelle.core import path_patterns
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, ArgumentTypeError, GazelleError, message
from gazelle.core.serialization import serialize, serialize_object
from gazelle.core.types import Array, ArrayLike, Config
from gazelle.core.variable import Variable
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.transforms import Arrays, Slots
from gazelle.optimizers.updates import Constraints

_COUNT, _RATE = "iteration", "learning_rate"


class ManyRatesError(GazelleError, AttributeError):
    """A MultiOptimizer has no single learning rate."""


def _checked(what: str, optimizer: object) -> Optimizer:
    """Return an optimizer that may be an inner one, or raise an error."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentTypeError(message(what, expected="an optimizer, such as Adam()", got=repr(optimizer)))
    if type(optimizer).__name__ in ("MultiOptimizer", "LossScaleOptimizer"):
        raise ArgumentError(message(what, expected="an optimizer with a rule of its own", got=type(optimizer).__name__))
    return optimizer


class OptimizerMap(Configurable, MutableMapping[str, Optimizer]):
    """Mapping from patterns of variable paths to optimizers.

    A path is first looked up as a key, then as a full match of the keys as regular expressions. For a variable of a
    model it is that of Keras, `Variable.path`, and if no key matches it, the same without the name of the model.

    Args:
        default_optimizer: Optimizer of all other variables.
        optimizer_map: {path or regular expression: optimizer}.

    Raises:
        ArgumentTypeError: If a value is no optimizer.
        ArgumentError: On look-up, if two patterns match a path; on assignment, if the key exists.

    Example:
        >>> optimizers = OptimizerMap(SGD(0.1), {"encoder/.*": SGD(0.01, name="slow")})
        >>> optimizers["encoder/dense/kernel"], optimizers["head/kernel"]
        (<SGD name=slow>, <SGD name=sgd>)
    """

    _namespace = "optimizers"

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None) -> None:
        _checked("default_optimizer of OptimizerMap", default_optimizer)
        if not isinstance(optimizer_map, Mapping | None):
            raise ArgumentTypeError(
                message("optimizer_map of OptimizerMap", expected="a dict {pattern: optimizer}", got=optimizer_map)
            )
        self.optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        return self.of(key)

    def of(self, *paths: str) -> Optimizer:
        """Return the optimizer of a variable with several paths, of which the first that a key matches counts.

        Args:
            *paths: The paths.

        Returns:
            The optimizer.

        Raises:
            ArgumentError: If two keys match a path.
        """
        matches = path_patterns.matching(self.optimizer_map, *paths)
        if len(matches) > 1:
            raise ArgumentError(
                message(
                    f"The optimizer of '{paths[0]}'",
                    expected="one matching pattern",
                    got=", ".join(map(repr, matches)),
                    hint="Make the patterns more specific.",
                )
            )
        return self.optimizer_map[matches[0]] if matches else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
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

    def warn_of_unused(self, paths: Iterable[str]) -> None:
        """Warn of patterns that match none of the trained variables, so that their optimizers are not used.

        Args:
            paths: Paths of the trained variables.
        """
        known = list(paths)
        for pattern in path_patterns.unused(self.optimizer_map, known):
            path_patterns.warn_of_unused("OptimizerMap", pattern, "trained variable", known)

    def __call__(self, variable: Variable) -> Optimizer:
        """Return the optimizer of a variable."""
        return self[variable.path]


class MultiOptimizer(Optimizer):
    """Optimizer that applies one of several inner optimizers to each weight.

    The learning rates and step counters of the inner optimizers are part of the state, so they can be read and
    assigned during training: `multi.optimizers[0].learning_rate.assign(0.1)`.

    Args:
        optimizer_map: An `OptimizerMap`, or a function variable -> optimizer that may read the `path`, `name`, `shape`
            and `dtype` of the variable.
        loss_scale_factor: Factor of the loss; replaces that of the inner optimizers.
        name: Name in files; by default made from the class name.

    Raises:
        ArgumentTypeError: If `optimizer_map` is not callable, or returns no optimizer.

    Example:
        >>> multi = MultiOptimizer(OptimizerMap(SGD(1.0), {"head/.*": SGD(0.1)}))
        >>> params = {"body/w": jnp.zeros(1), "head/w": jnp.zeros(1)}
        >>> grads = {path: jnp.ones(1) for path in params}
        >>> params, slots = multi.update(params, grads, multi.init(params), multi.hyper(), 0)
        >>> {path: float(w[0]) for path, w in params.items()}
        {'body/w': -1.0, 'head/w': -0.10000000149011612}
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Any], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        self.optimizers: list[Optimizer] = []
        self._labels: list[str] = []
        self._index_of: dict[str, int] = {}  # path -> index of its optimizer
        self._paths: dict[
            str, tuple[str, ...]
        ] = {}  # path -> all paths of the variable, which patterns are compared with
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
                self._add(optimizer)

    def _add(self, optimizer: Optimizer) -> int:
        """Return the index of an inner optimizer. Step counter and learning rate of a new one become slots."""
        for index, known in enumerate(self.optimizers):
            if known is optimizer:
                return index
        label, number = optimizer.name, 0
        while label in self._labels:
            number += 1
            label = f"{optimizer.name}_{number}"
        self.optimizers.append(optimizer)
        self._labels.append(label)
        optimizer.loss_scale_factor = self.loss_scale_factor
        optimizer.overwrite(self._overwritten)
        if optimizer.use_ema:
            self.use_ema = True
        for what, attribute in ((_COUNT, "_iterations"), (_RATE, "_learning_rate")):
            variable = getattr(optimizer, attribute)
            if isinstance(variable, Variable):
                self._state[f"{label}.{what}"] = {"": variable._value}
                setattr(optimizer, attribute, self.slot_variable(f"{label}.{what}"))
        return len(self.optimizers) - 1

    def set_paths(self, model: str, variables: Mapping[str, Variable]) -> None:
        """Store the paths of the variables of a model in Keras, with and without the name of the model.

        Args:
            model: The path of the model.
            variables: {path in the state: variable}.
        """
        for key, variable in variables.items():
            self._paths[key] = (variable.path, variable.path.removeprefix(f"{model}/"))

    def _optimizer_of(self, path: str, w: Array) -> object:
        variable = self._keys.of(path)  # of a model without `compile`, whose keys are not the paths of its variables
        paths = self._paths.get(path) or ((path,) if variable is None else (variable.path, path))
        if isinstance(self.optimizer_map, OptimizerMap):
            return self.optimizer_map.of(*paths)
        name = path.rsplit("/", 1)[-1]
        return self.optimizer_map(SimpleNamespace(path=paths[0], name=name, shape=tuple(w.shape), dtype=w.dtype))

    def _groups(self, params: Arrays) -> list[tuple[str, Optimizer, list[str]]]:
        """Return (label, optimizer, paths) of each inner optimizer."""
        for path, w in params.items():
            if path not in self._index_of:
                with jax.ensure_compile_time_eval():
                    optimizer = _checked(f"The optimizer of '{path}'", self._optimizer_of(path, w))
                    self._index_of[path] = self._add(optimizer)
        return [
            (label, optimizer, [p for p in params if self._index_of[p] == index])
            for index, (label, optimizer) in enumerate(zip(self._labels, self.optimizers, strict=True))
        ]

    # Pure functions --------------------------------------------------------------------------------------------------

    def init(self, params: Arrays) -> Slots:
        if isinstance(self.optimizer_map, OptimizerMap):
            self.optimizer_map.warn_of_unused(each for path in params for each in self._paths.get(path, (path,)))
        slots: Slots = {}
        for label, optimizer, paths in self._groups(params):
            slots |= {f"{label}.{_COUNT}": {"": jnp.zeros((), jnp.int32)}}
            if isinstance(optimizer._learning_rate, Variable):
                slots |= {f"{label}.{_RATE}": {"": optimizer._learning_rate.value}}
            inner = optimizer.init({p: params[p] for p in paths})
            slots |= {f"{label}.{name}": arrays for name, arrays in inner.items()}
        return slots

    def hyper(self) -> Arrays:
        """Return the learning rates that are functions without arguments.

        All others are part of the slots or, as schedules, of the compiled program.

        Returns:
            {"<label>.learning_rate": number}, and "learning_rate".
        """
        pairs = zip(self._labels, self.optimizers, strict=True)
        inner = {label: o.hyper() for label, o in pairs if not isinstance(o._learning_rate, Variable)}
        return super().hyper() | {f"{label}.{name}": v for label, found in inner.items() for name, v in found.items()}

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Array | None],
        slots: Slots,
        hyper: Arrays,
        step: ArrayLike,
        constraints: Constraints = None,
    ) -> tuple[Arrays, Slots]:
        params, slots = dict(params), dict(slots)
        for label, optimizer, paths in self._groups(params):
            if not paths:
                continue
            inner, given, count = _inner_state(label, slots, hyper)
            after, inner = optimizer.update(
                {p: params[p] for p in paths},
                {p: grads[p] for p in paths if p in grads},
                inner,
                given,
                count,
                constraints,
            )
            params |= after
            slots |= {f"{label}.{name}": arrays for name, arrays in inner.items()}
            slots |= {f"{label}.{_COUNT}": {"": count + 1}}
        return params, slots

    def rename(self, variables: Mapping[str, Variable]) -> dict[str, str]:
        changed = super().rename(variables)
        self._index_of = {changed.get(key, key): index for key, index in self._index_of.items()}
        return changed

    def overwrite(self, paths: Iterable[str]) -> None:
        super().overwrite(paths)
        for optimizer in self.optimizers:
            optimizer.overwrite(self._overwritten)

    @property
    def named_optimizers(self) -> dict[str, Optimizer]:
        """The inner optimizers by their names, which are unique."""
        return dict(zip(self._labels, self.optimizers, strict=True))

    def rates(self, slots: Slots, hyper: Arrays, step: Array) -> list[Array]:
        found = [(o, _inner_state(label, slots, hyper)) for label, o in zip(self._labels, self.optimizers, strict=True)]
        return [rate for optimizer, state in found for rate in optimizer.rates(*state)]

    def finalize(self, params: Arrays, slots: Slots) -> Arrays:
        for name, arrays in slots.items():
            if name.endswith(".average"):
                params = params | {p: a for p, a in arrays.items() if p in params}
        return params

    # State and settings ----------------------------------------------------------------------------------------------

    def keras_order(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        order = []
        for index, (label, optimizer) in enumerate(zip(self._labels, self.optimizers, strict=True)):
            shared = [what for what in (_COUNT, _RATE) if f"{label}.{what}" in self._state]
            inner = optimizer.keras_order([p for p in paths if self._index_of.get(p) == index])
            inner = [(s, p) for s, p in inner if p in self._state.get(f"{label}.{s}", {p: 0})]
            order += [(f"{label}.{what}", "") for what in shared] + [(f"{label}.{slot}", path) for slot, path in inner]
        return order

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        for variable in var_list:
            key = self.key_of(variable)
            for name, arrays in self.state.items():
                if name.endswith(".average") and key in arrays:
                    variable.assign(arrays[key])

    def _check_rate_exists(self) -> NoReturn:
        raise ManyRatesError(
            message("A MultiOptimizer has no learning rate of its own", hint="Use those of multi.optimizers[i].")
        )

    def program_key(self) -> tuple[Any, ...]:
        inner = (o.program_key() for o in self.optimizers)
        return type(self).__name__, self.loss_scale_factor, *inner, str(self._index_of)

    def get_config(self) -> Config:
        mapping: Any = self.optimizer_map
        config = serialize_object(mapping) if isinstance(mapping, OptimizerMap) else serialize(mapping)
        return {"optimizer_map": config, "loss_scale_factor": self.loss_scale_factor, "name": self.name}


def _inner_state(label: str, slots: Slots, hyper: Arrays) -> tuple[Slots, Arrays, Array]:
    """(slots, hyper, number of finished steps) of an inner optimizer."""
    inner = {name.removeprefix(f"{label}."): a for name, a in slots.items() if name.startswith(f"{label}.")}
    count, rate = inner.pop(_COUNT)[""], inner.pop(_RATE, None)
    given = {} if rate is None else {_RATE: rate[""]}
    if f"{label}.{_RATE}" in hyper:
        given = {_RATE: hyper[f"{label}.{_RATE}"]}
    return inner, given, count
