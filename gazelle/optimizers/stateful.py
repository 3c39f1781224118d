"""The optimizer in the hands of a user: slots at rest, variables to read, gradients applied by one's own loop."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, ShapeError, StateError, message
from gazelle.core.traceback import warn
from gazelle.core.variable import Variable

if TYPE_CHECKING:
    from gazelle.optimizers.base import Slots


class SlotVariable(Variable):
    """A slot as a Variable: reads and writes the array that rests in `optimizer.state`."""

    def __init__(self, optimizer: Any, slot: str, key: str) -> None:
        self._place = (optimizer, slot, key)
        array = optimizer.state[slot][key]
        super().__init__(array, dtype=array.dtype, trainable=False, name=_joined(key, slot))
        self.path = f"{optimizer.name}/{self.name}"

    @property
    def _value(self) -> Any:
        optimizer, slot, key = self._place
        return optimizer.state[slot][key]

    @_value.setter
    def _value(self, value: Any) -> None:
        optimizer, slot, key = self._place
        optimizer.state[slot][key] = value

    @property
    def _owner(self) -> Any:
        return self._place[0]._iterations._owner

    @_owner.setter
    def _owner(self, owner: Any) -> None:
        """The optimizer is leased, not its slots one by one."""


def _joined(key: str, slot: str) -> str:
    return f"{key.replace('/', '_')}_{slot}" if key else slot


class StatefulOptimizer:
    """The part of an optimizer that has state: `state`, `variables`, `build`, `apply`."""

    if TYPE_CHECKING:
        built: bool
        _made: list[tuple[tuple[str, str], Variable]]
        _trainable_variables: list[Variable]

        def __getattr__(self, name: str) -> Any: ...  # the pure part stands in `Optimizer`

    def _lay_hands(self) -> None:
        self.built = False
        self._state: Slots = {}
        self._keys: dict[int, str] = {}  # id(variable) -> its key in the state
        self._made = []  # ((slot, path), variable) that an author's own `build` added
        self._trainable_variables = []  # those that stand for the weights there
        self._known: list[Variable] = []  # those variables: keeps the ids alive
        self._keyed = False  # `_keys` and `_state` are known to fit
        self._compiled: tuple[Any, Any] = (None, None)
        self._slot_variables: dict[tuple[str, str], SlotVariable] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle or a copy holds: slots by variable, since ids are of this process; nothing compiled."""
        keys = [(variable, self._keys[id(variable)]) for variable in self._known]
        return {**self.__dict__, "_state": self.state, "_keys": keys, "_compiled": (None, None)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _keys={id(variable): key for variable, key in state["_keys"]})

    # State at rest ---------------------------------------------------------------------------------------------------

    @property
    def state(self) -> Slots:
        """{slot: {path: array}} after the last finished step."""
        owner = self._iterations._owner
        if owner is not None:
            owner.flush()
        return self._state

    @state.setter
    def state(self, slots: Slots) -> None:
        self._state = {name: dict(arrays) for name, arrays in slots.items()}
        self._keyed = False

    def slot_variable(self, slot: str, key: str = "") -> SlotVariable:
        """The variable of a slot, always the same one: a step binds it."""
        place = slot, key
        if place not in self._slot_variables:
            self._slot_variables[place] = SlotVariable(self, slot, key)
        return self._slot_variables[place]

    def own_variables(self) -> list[Variable]:
        """The Variables a training loop holds besides the slots: the counter of steps and the rate, if it is one."""
        rate = self._learning_rate
        return [self._iterations, *([rate] if isinstance(rate, Variable) else [])]

    def flush(self, slots: Slots, hyper: Mapping[str, Any], step: Any) -> None:
        """Put what a training loop ended with to rest, without telling the loop that something was assigned."""
        self.state = slots
        self._iterations._value = step
        if isinstance(self._learning_rate, Variable) and "learning_rate" in hyper:
            self._learning_rate._value = hyper["learning_rate"]

    def fits(self, params: Mapping[str, Any]) -> bool:
        """Whether `state` holds slots for all of these weights."""
        wanted = jax.eval_shape(self.init, dict(params))
        resting = self._state
        return all(slot in resting for slot in wanted) and all(
            path in resting[slot] and resting[slot][path].shape == array.shape
            for slot, arrays in wanted.items()
            for path, array in arrays.items()
        )

    def build(self, variables: Iterable[Variable]) -> None:
        """Make slots for these variables; slots that are there already stay."""
        if self._standing:  # an author's own `build` calls its parent's
            self.built = True
            return
        new = [v for v in variables if id(v) not in self._keys]
        if self._keyed and not new:
            return
        resting = set(_paths(self.state))
        for variable in self._known:  # a model that held it has named it anew
            if self._keys[id(variable)] not in resting and variable.path in resting:
                self._keys[id(variable)] = variable.path
        for variable in new:
            taken, key, number = set(self._keys.values()), variable.path, 0
            while key in taken:  # variables outside of a model may share a name
                number += 1
                key = f"{variable.path}_{number}"
            self._keys[id(variable)] = key
            self._known.append(variable)
        with (
            tracing.entered(tracing.Scope()),
            jax.ensure_compile_time_eval(),
        ):  # slots are made of weights, not of tracers
            params = {self._keys[id(v)]: v.value for v in self._known}
            fits = bool(self._state) and self.fits(params)
            fresh, old = {} if fits else self.init(params), self._state
        if not fits:
            kept = {
                slot: {k: a for k, a in old.get(slot, {}).items() if k not in arrays or a.shape == arrays[k].shape}
                for slot, arrays in fresh.items()
            }
            self.state = {slot: arrays | kept[slot] for slot, arrays in fresh.items()}
        self.built = self._keyed = True

    def key_of(self, variable: Variable) -> str:
        """The key of a variable's slots in `state`."""
        return self._keys.get(id(variable), variable.path)

    # As Keras orders it ----------------------------------------------------------------------------------------------

    def keras_order(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        """(slot, path) of each array as Keras writes them, after iterations and learning_rate (no schedule).

        paths: of the trainable weights, in the model's order.
        """
        names = ["average"] if self.use_ema else []
        names += ["gradient_accumulator"] if self.gradient_accumulation_steps else []
        blocks = [(name,) for name in names]
        blocks += [self.slots[: self._together], *((name,) for name in self.slots[self._together :])]
        held = self._state  # not every weight need have every slot
        places = [(slot, path) for block in blocks for path in paths for slot in block]
        each = [(slot, path) for slot, path in places if slot not in held or path in held[slot]]
        own = [place for place, _ in self._made] if self._is_written() else []
        return [*each, *((name, "") for name in self.scalars), *own]

    @property
    def variables(self) -> list[Variable]:
        """The steps done, the rate (no schedule), and all slots, in the order of Keras' files."""
        if self._known:
            self.build(())
        paths = [self._keys[id(v)] for v in self._known] or _paths(self.state)
        return [*self.own_variables(), *(self.slot_variable(*place) for place in self.keras_order(paths))]

    def held_variables(self) -> list[Variable]:
        """All that an update reads and assigns besides the weights."""
        return [*self.own_variables(), *(self.slot_variable(*place) for place in _flat(self.state))]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the values of `variables`, all or none."""
        own = self.variables
        arrays = [np.asarray(w) for w in weights]
        if [v.shape for v in own] != [a.shape for a in arrays]:
            raise ShapeError(
                message(
                    f"set_weights of {self.name}",
                    expected=f"arrays of shapes {[v.shape for v in own]}",
                    got=[a.shape for a in arrays],
                    hint="" if self.built else "Build it first: optimizer.build(model.trainable_variables).",
                )
            )
        for variable, array in zip(own, arrays, strict=True):
            variable.assign(array)

    # One's own loop --------------------------------------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Update variables from (gradient, variable) pairs. Returns the number of finished steps.

        >>> v = Variable([1.0, 2.0], name="v")
        >>> int(SGD(0.5).apply_gradients([(jnp.array([2.0, 2.0]), v)]))
        1
        >>> v.numpy()
        array([0., 1.], dtype=float32)
        """
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update variables by gradients, in their order; without `trainable_variables` those of `build`.

        In a model's `train_step` it is part of the compiled step, as the variables are.

        Errors: StateError inside `jax.jit`: call the pure `update` or `stateless_apply` there.
        """
        variables = self._known if trainable_variables is None else list(trainable_variables)
        grads = list(grads)
        if not grads:
            return
        self._check_pairs(grads, variables)
        missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
        if len(missing) == len(grads):
            what = f"{self.name}.apply"
            raise ArgumentError(message(what, expected="a gradient for some variable", got="None for all"))
        if missing:
            warn(f"No gradients for {', '.join(missing)}: they stay as they are.")
        self.build(variables)
        given = {self._keys[id(v)]: g for g, v in zip(grads, variables, strict=True)}
        params = {self._keys[id(v)]: v.value for v in self._known}
        constraints = {self._keys[id(v)]: v.constraint for v in self._known if v.constraint is not None}
        if tracing.binds():
            held = self._bound_state(), self.hyper(), self._iterations.value
            with tracing.entered(tracing.Scope()):  # all it needs is given
                params, slots = self.update(params, given, *held, constraints)
            for place, array in _flat(slots).items():
                self.slot_variable(*place).assign(array)
        else:
            update = self._program(constraints)
            params, self._state = update(params, given, self.state, self.hyper(), self._iterations.value)
        for variable in self._known:
            variable.assign(params[self._keys[id(variable)]])
        self._iterations.assign_add(1)

    def _bound_state(self) -> Slots:
        """`state` as the present scope sees it."""
        return {slot: {k: self.slot_variable(slot, k).value for k in arrays} for slot, arrays in self._state.items()}

    def _program(self, constraints: Mapping[str, Any]) -> Any:
        """The compiled update, made anew when an argument or a constraint has changed."""
        mark = (self.recipe(), sorted((key, id(c)) for key, c in constraints.items()))
        if self._compiled[0] != mark:
            self._compiled = (mark, jax.jit(functools.partial(self.update, constraints=constraints)))
        return self._compiled[1]

    def _check_pairs(self, grads: Sequence[Any], variables: Sequence[Variable]) -> None:
        if len(grads) != len(variables):
            hint = "" if self.built else "Give the variables too: optimizer.apply(grads, variables)."
            raise ArgumentError(
                message(
                    f"{self.name}.apply",
                    expected=f"{len(variables)} gradients, one per variable",
                    got=len(grads),
                    hint=hint,
                )
            )
        for grad, variable in zip(grads, variables, strict=True):
            if isinstance(grad, jax.core.Tracer) and not tracing.binds():
                raise StateError(
                    message(
                        f"{self.name}.apply was called inside a compiled function",
                        hint="Use the pure optimizer.update or optimizer.stateless_apply there.",
                    )
                )
            if grad is not None and tuple(np.shape(grad)) != variable.shape:
                raise ShapeError(
                    message(
                        f"Gradient of '{variable.path}'",
                        expected=f"shape {variable.shape}",
                        got=f"shape {tuple(np.shape(grad))}",
                    )
                )

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Pure `apply` on lists of arrays, in the orders of `variables` and of the variables of `build`.

        Returns the new (trainable_variables, optimizer_variables).
        """
        if not self.built:
            raise StateError(
                message(
                    f"{self.name}.stateless_apply came before build",
                    hint="Call optimizer.build(model.trainable_variables) first.",
                )
            )
        keys = [self._keys[id(v)] for v in self._known]
        order, count = self.keras_order(keys), len(self.own_variables())
        for what, got, wanted in (
            ("optimizer_variables", optimizer_variables, count + len(order)),
            ("grads", grads, len(keys)),
            ("trainable_variables", trainable_variables, len(keys)),
        ):
            if len(got) != wanted:
                raise ArgumentError(message(f"{what} of stateless_apply", expected=f"{wanted} arrays", got=len(got)))
        arrays = [jnp.asarray(a) for a in optimizer_variables]
        slots: Slots = {}
        for (slot, key), array in zip(order, arrays[count:], strict=True):
            slots.setdefault(slot, {})[key] = array
        hyper = {"learning_rate": arrays[1]} if count == 2 else self.hyper()
        params = dict(zip(keys, map(jnp.asarray, trainable_variables), strict=True))
        constraints = {self._keys[id(v)]: v.constraint for v in self._known if v.constraint is not None}
        params, slots = self.update(params, dict(zip(keys, grads, strict=True)), slots, hyper, arrays[0], constraints)
        return [params[k] for k in keys], [arrays[0] + 1, *arrays[1:count], *(slots[s][k] for s, k in order)]

    def averages(self) -> dict[str, SlotVariable]:
        """{key: variable} of the averages that `use_ema` keeps, those of optimizers inside among them."""
        held = {slot: arrays for slot, arrays in self.state.items() if slot.rsplit(".", 1)[-1] == "average"}
        return {key: self.slot_variable(slot, key) for slot, arrays in held.items() for key in arrays}

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Put the averages of `use_ema` into the variables: the end of training."""
        averages = self.state.get("average", {})
        for variable in var_list:
            if self.key_of(variable) in averages:
                variable.assign(averages[self.key_of(variable)])


def _flat(state: Slots) -> dict[tuple[str, str], Any]:
    return {(slot, key): array for slot, arrays in state.items() for key, array in arrays.items()}


def _paths(state: Slots) -> list[str]:
    return list(dict.fromkeys(path for arrays in state.values() for path in arrays if path))
