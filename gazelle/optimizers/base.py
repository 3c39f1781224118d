"""The base class of optimizers.

The file is long because it is one public class, whose methods are mostly documentation and call other modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Never

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import arrays, outdated
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, ArgumentTypeError, message
from gazelle.core.names import snake
from gazelle.core.own_code import from_gazelle
from gazelle.core.printable import printable
from gazelle.core.replaced_methods import overrides, replaced
from gazelle.core.serialization import serialize
from gazelle.core.types import Array, ArrayLike, Config, DTypeLike, InitializerLike, Shape
from gazelle.core.variable import Variable
from gazelle.optimizers import learning_rate as rates
from gazelle.optimizers import stateful, updates
from gazelle.optimizers.arguments import SHARED, check_shared_arguments, unknown_argument
from gazelle.optimizers.custom import CustomUpdate, redirect_build
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.state import SlotVariable, VariableKeys, flat, has_slots, paths_of
from gazelle.optimizers.transforms import Arrays, Slots
from gazelle.optimizers.updates import Constraints


class Optimizer(Configurable):
    """Base class of optimizers: rules that update weights by their gradients.

    There are two ways to define an optimizer. Name the `slots` (arrays per weight, zeros at first) and write
    `rule(self, w, g, *slots, lr, t)`, which returns the new weight and slots, with `lr` the learning rate and t = 1,
    2, ... the number of the update. Or, as in Keras, write `build(self, variables)`, which calls
    `add_variable_from_reference`, and `update_step(self, gradient, variable, learning_rate)`, which assigns variables.

    `init` and `update` are pure functions on {path: array}; a compiled training step calls them. `apply` updates
    variables in place.

    Args:
        learning_rate: A number, a schedule, a function of the step, or a function without arguments.
        weight_decay: Decoupled weight decay; before each update  w <- w - lr weight_decay w.  None for no decay.
        clipnorm: Bound of the norm of each gradient. At most one of the three clipping arguments may be set.
        clipvalue: Bound of each number of a gradient.
        global_clipnorm: Bound of the norm of all gradients together.
        use_ema: Keeps averages  a <- ema_momentum a + (1 - ema_momentum) w,  which replace the weights at the end of
            training.
        ema_momentum: Momentum of the averages.
        ema_overwrite_frequency: Updates after which the averages replace the weights; None for the end only.
        loss_scale_factor: Factor of the loss; gradients are divided by it.
        gradient_accumulation_steps: Steps per update; the update uses the mean of their gradients.
        name: Name in files; by default made from the class name.

    Raises:
        ArgumentError: If an argument is invalid.
        ArgumentTypeError: If an argument is unknown.

    Example:
        >>> class Sign(Optimizer):
        ...     slots = ("last",)
        ...     def rule(self, w, g, last, *, lr, t):
        ...         return w - lr * jnp.sign(g + last), g
        >>> sign = Sign(learning_rate=0.5)
        >>> params = {"w": jnp.array([1.0, 2.0])}
        >>> grads = {"w": jnp.array([3.0, -3.0])}
        >>> params, slots = sign.update(params, grads, sign.init(params), sign.hyper(), step=0)
        >>> params["w"].tolist()
        [0.5, 2.5]
    """

    _namespace = "optimizers"
    slots: tuple[str, ...] = ()
    scalars: Mapping[str, float] = {}  # slots that all weights share, and their first values
    initial_values: Mapping[str, float] = {}  # first values of slots that do not start at 0
    _interleaved_slots = 2  # Keras' files store this many slots weight by weight, the others slot by slot
    loss_scale_factor: float | None
    _clipping = ("clipnorm", "global_clipnorm", "clipvalue")  # in this order
    _clips_once = True  # whether only one of them may be set

    if not TYPE_CHECKING:
        __getattr__ = outdated.missing_attribute

    def __init__(
        self,
        learning_rate: LearningRate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **unknown_arguments: Never,
    ) -> None:
        if unknown_arguments:
            raise unknown_argument(self, next(iter(unknown_arguments)))
        self.name = name or snake(type(self).__name__)
        check_shared_arguments(self)
        self._iterations = Variable(0, dtype="int32", trainable=False, name="iteration")
        self._iterations.path = self._iterations.key = f"{self.name}/iteration"
        self._learning_rate = rates.as_variable_or_function(type(self).__name__, learning_rate)
        if isinstance(self._learning_rate, Variable):
            self._learning_rate.path = self._learning_rate.key = f"{self.name}/learning_rate"
        self._excluded: tuple[Sequence[Variable], str] = ((), "")
        self.built = False
        self._overwritten: frozenset[str] = frozenset()
        self._state: Slots = {}
        self._keys = VariableKeys()
        self._complete = False  # all variables in `_keys` have their slots
        self._custom = CustomUpdate(self)
        self._trainable_variables: list[Variable] = []  # read by user-defined optimizers
        self._compiled: tuple[Any, Any] = (None, None)  # key and compiled update of `apply`
        self._slot_variables: dict[tuple[str, str], SlotVariable] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__ and not from_gazelle(cls):
            cls.build = redirect_build(cls.__dict__["build"])  # type: ignore[method-assign]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_state": self.state, "_compiled": (None, None)}

    def current_rate(self) -> float | None:
        """Return the learning rate of this moment without stopping a training; None for a schedule or a function.

        Returns:
            A number or None.
        """
        variable = self._learning_rate
        if not isinstance(variable, Variable):
            return None
        owner: Any = variable._owner
        if owner is None or owner.state is None or owner.flushed or owner.dirty:
            return float(variable._value)
        return float(owner.state.hyper.get("learning_rate", variable))

    # Defined by subclasses -------------------------------------------------------------------------------------------

    def rule(self, *args: Any, **kwargs: Any) -> Array | tuple[Array, ...]:
        """Return the new value of one weight and of its slots.

        A subclass has the signature  (w, g, *slots, lr, t, **scalars) -> (w, *slots).

        Args:
            args: The weight, its gradient and its slots.
            kwargs: `lr`, the learning rate; `t`, the number of the update from 1; the shared scalars by name.

        Returns:
            The new weight and slots.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no rule: def rule(self, w, g, *slots, lr, t): return (w, *slots)."
        )

    def init_slot(self, name: str, path: str, w: Array) -> Array | None:
        """Return the first value of a slot of one weight, or None if the weight does not have this slot.

        Args:
            name: Name of the slot.
            path: Path of the weight.
            w: The weight.

        Returns:
            An array or None.
        """
        return arrays.full_like(w, self.initial_values.get(name, 0))

    def weight_decay_of(self, path: str, w: Array) -> float | None:
        """Return the weight decay of one weight, None for no decay.

        Args:
            path: Path of the weight.
            w: The weight.

        Returns:
            A rate or None.
        """
        return self.weight_decay if self._decays(path) else None

    def next_scalars(self, scalars: Arrays, t: Array) -> Arrays:
        """Return the shared scalars of an update, which `rule` receives as keyword arguments.

        Args:
            scalars: Their values in the update before.
            t: Number of the update, from 1.

        Returns:
            The new scalars by name.
        """
        return scalars

    def update_step(self, gradient: Array, variable: Variable, learning_rate: Array | None = None) -> None:
        """Assign the new value of one variable, and of variables from `build`: the alternative to `rule`.

        A subclass of an optimizer with a rule may call `super().update_step(...)`, which applies that rule; called
        directly on a built optimizer, it updates the variable at once.

        Args:
            gradient: Gradient of the variable.
            variable: The variable.
            learning_rate: The learning rate; None for that of the step.
        """
        self._custom.apply_inherited_rule(gradient, variable, learning_rate)

    def _finish_step(self) -> None:
        """Update what belongs to no weight, after `update_step` of all weights."""

    # Called by a user's `build` and `update_step` --------------------------------------------------------------------

    def add_variable(
        self,
        shape: Shape,
        initializer: InitializerLike = "zeros",
        dtype: DTypeLike | None = None,
        aggregation: str = "none",
        layout: object = None,
        name: str | None = None,
    ) -> Variable:
        """Create a variable that is kept between updates.

        Args:
            shape: Shape of the variable.
            initializer: First value, by name or as a function of shape and dtype.
            dtype: Dtype; None means the default float dtype.
            aggregation: Ignored; accepted for compatibility with Keras.
            layout: Ignored; accepted for compatibility with Keras.
            name: Name of the variable.

        Returns:
            The variable.

        Raises:
            ArgumentError: If it is called outside of `build`.
        """
        return self._custom.add(initializer, shape, dtype, name or "variable", "")

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: InitializerLike = "zeros"
    ) -> Variable:
        """Create a variable of the shape and dtype of a weight.

        Args:
            reference_variable: The weight.
            name: Name of the variable.
            initializer: First value, by name or as a function of shape and dtype.

        Returns:
            The variable.

        Raises:
            ArgumentError: If it is called outside of `build`.
        """
        like = reference_variable
        return self._custom.add(initializer, like.shape, like.dtype, name or "variable", like.key)

    def add_optimizer_variables(
        self,
        trainable_variables: Iterable[Variable],
        name: str | Sequence[str],
        initializer: InitializerLike | Sequence[InitializerLike] = "zeros",
    ) -> list[Any]:
        """Create one variable for each weight.

        Args:
            trainable_variables: The weights.
            name: Name of the variables, or several names.
            initializer: First value, or one for each name.

        Returns:
            A list of variables; a list of such lists for several names.
        """
        weights = list(trainable_variables)
        if isinstance(name, str):
            return [self.add_variable_from_reference(w, name, initializer) for w in weights]  # type: ignore[arg-type]
        per_name: Any = [initializer] * len(name) if isinstance(initializer, str) else initializer
        rows = [
            [self.add_variable_from_reference(w, *pair) for pair in zip(name, per_name, strict=True)] for w in weights
        ]
        return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in name]

    def assign(self, variable: Variable, value: ArrayLike) -> None:
        """Set  variable <- value.

        Args:
            variable: The variable.
            value: An array.
        """
        variable.assign(value)

    def assign_add(self, variable: Variable, value: ArrayLike) -> None:
        """Set  variable <- variable + value.

        Args:
            variable: The variable.
            value: An array.
        """
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: ArrayLike) -> None:
        """Set  variable <- variable - value.

        Args:
            variable: The variable.
            value: An array.
        """
        variable.assign_sub(value)

    def _get_variable_index(self, variable: Variable) -> int:
        return next(i for i, v in enumerate(self._trainable_variables) if v is variable)

    # Pure functions, called by compiled steps ------------------------------------------------------------------------

    def init(self, params: Arrays) -> Slots:
        """Return the slots before the first update: {slot: {path: array}}.

        Args:
            params: The weights, {path: array}.

        Returns:
            The slots.
        """
        return updates.init(self, params)

    def hyper(self) -> Arrays:
        """Return the numbers that may change between updates without a new compilation: the learning rate.

        A schedule is part of the compiled program, so it adds no number.

        Returns:
            {"learning_rate": number}, or {} for a schedule.
        """
        if isinstance(self._learning_rate, Variable):
            return {"learning_rate": self._learning_rate.value}
        if rates.depends_on_step(self._learning_rate):
            return {}
        return {"learning_rate": arrays.from_host(self._learning_rate(), np.float32)}

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Array | None],
        slots: Slots,
        hyper: Arrays,
        step: ArrayLike,
        constraints: Constraints = None,
    ) -> tuple[Arrays, Slots]:
        """Return the weights and slots after one step.

        In this order: unscale, accumulate and clip gradients, decay weights, apply the rule, average, apply
        constraints. Weights without a gradient are unchanged, and those of variables with `overwrite_with_gradient`
        are replaced by their gradients.

        Args:
            params: The weights, {path: array}.
            grads: Their gradients, {path: array}.
            slots: Result of `init` or of the update before.
            hyper: Result of `hyper()`.
            step: Number of finished steps.
            constraints: Functions of updated weights, {path: function}.

        Returns:
            The new weights and slots.

        Raises:
            ArgumentError: If `hyper` lacks the learning rate, or the rule returns a wrong number of arrays.
        """
        return updates.update(self, params, grads, slots, hyper, step, constraints)

    def overwrite(self, paths: Iterable[str]) -> None:
        """Set the weights that `update` replaces by their gradients: those with `overwrite_with_gradient`.

        Args:
            paths: Paths of weights.
        """
        self._overwritten = frozenset(paths)

    def finalize(self, params: Arrays, slots: Slots) -> Arrays:
        """Return the weights at the end of training: with `use_ema`, their averages.

        Args:
            params: The weights, {path: array}.
            slots: The slots after the last update.

        Returns:
            The weights, {path: array}.
        """
        return params | {p: a for p, a in slots["average"].items() if p in params} if self.use_ema else params

    def scale_loss(self, loss: ArrayLike, slots: Slots | None = None) -> ArrayLike:
        """Return the loss times the loss scale: gradients are computed of this product.

        Args:
            loss: The loss.
            slots: The state inside a compiled step; None reads the present state.

        Returns:
            The scaled loss.
        """
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor  # type: ignore[operator]

    def rates(self, slots: Slots, hyper: Arrays, step: Array) -> list[Array]:
        """Return the learning rates of an update; those of inner optimizers, too.

        Args:
            slots: The slots before the update.
            hyper: Result of `hyper()`.
            step: Number of finished steps.

        Returns:
            Scalars.
        """
        return [self._rate_of_step(hyper, step)]

    def _rate_of_step(self, hyper: Arrays, step: Array) -> Array:
        if "learning_rate" in hyper:
            return jnp.asarray(hyper["learning_rate"])
        if not rates.depends_on_step(self._learning_rate):
            raise ArgumentError(
                message(
                    f"hyper of {type(self).__name__}.update",
                    expected="what hyper() returns",
                    got=hyper,
                    hint="Pass optimizer.hyper() into the compiled function as an argument.",
                )
            )
        return rates.at_step(self._learning_rate, step)

    def _has_rule(self) -> bool:
        return overrides(self, Optimizer, "rule")

    def _has_update_step(self) -> bool:
        return overrides(self, Optimizer, "update_step")

    def _init_rule(self, params: Arrays) -> Slots:
        return updates.init_rule(self, params)

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array) -> tuple[Arrays, Slots]:
        return updates.apply_rule(self, params, grads, slots, lr, t)

    def _call_rule(self, w: Array, g: Array, own: Arrays, lr: Array, t: Array, scalars: Arrays) -> tuple[Array, Arrays]:
        return updates.call_rule(self, w, g, own, lr, t, scalars)

    # Settings --------------------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Variable | Array:
        """The learning rate: a Variable that can be assigned, or the present value of a schedule."""
        self._check_rate_exists()
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        if rates.depends_on_step(self._learning_rate):
            return rates.at_step(self._learning_rate, self._iterations.value)
        current: Array = self._learning_rate()  # type: ignore[assignment]  # a number is possible
        return current

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        self._check_rate_exists()
        if callable(value) and not isinstance(value, (type, Variable)):
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(rates.as_number(type(self).__name__, value))
        else:
            raise ArgumentTypeError(
                message(
                    f"learning_rate of {type(self).__name__} follows a schedule",
                    expected="another schedule, or an optimizer that was created with a number",
                    got=repr(value),
                    hint=f"Create it with a number: {type(self).__name__}(learning_rate={value!r}).",
                )
            )

    def _check_rate_exists(self) -> None:
        """Raise an error in subclasses without a readable learning rate."""

    @property
    def iterations(self) -> Variable | Array:
        """The number of finished updates; with `gradient_accumulation_steps`, not every step is an update."""
        every = self.gradient_accumulation_steps
        return self._iterations.value // every if every else self._iterations

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Exclude variables from weight decay.

        Args:
            var_list: Variables to exclude.
            var_names: Regular expressions; variables whose name contains a match are excluded.

        Example:
            >>> AdamW(0.01).exclude_from_weight_decay(var_names=["bias"])
        """
        self._excluded = (list(var_list or ()), "|".join(var_names or ()))

    def _decays(self, path: str) -> bool:
        variables, pattern = self._excluded
        name = path.rsplit("/", 1)[-1]
        return not (any(self.key_of(v) == path for v in variables) or (pattern and re.search(pattern, name)))

    def get_config(self) -> Config:
        """Return the constructor arguments as values that JSON can hold, with the present learning rate.

        Returns:
            The config.
        """
        rate = self._learning_rate
        number = float(rate.value) if isinstance(rate, Variable) else serialize(rate)
        shared = {key: getattr(self, key) for key in SHARED}
        own = super().get_config() | {"learning_rate": number, "name": self.name}
        return {"learning_rate": number, **shared, **own}

    def program_key(self) -> tuple[Any, ...]:
        """Return what `update` compiles into a program: equal keys mean equal programs.

        Returns:
            A tuple that can be compared.
        """
        arguments = {k: v for k, v in vars(self).items() if not k.startswith("_") and k not in ("built", "name")}
        schedule = None if isinstance(self._learning_rate, Variable) else self._learning_rate
        variables, pattern = self._excluded
        methods = type(self).rule, type(self).update_step, *replaced(self).values()
        return repr(arguments), schedule, [self.key_of(v) for v in variables], pattern, methods

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={printable(self.name)}>"

    # State between updates -------------------------------------------------------------------------------------------

    @property
    def state(self) -> Slots:
        """The slots after the last finished step: {slot: {path: array}}."""
        owner = self._iterations._owner
        if owner is not None:
            owner.flush()
        return self._state

    @state.setter
    def state(self, slots: Slots) -> None:
        self._state = {name: dict(arrays) for name, arrays in slots.items()}
        self._complete = False

    def slot_variable(self, slot: str, key: str = "") -> Variable:
        """Return the variable of a slot; the same object at each call, and that of a user-defined `build`.

        Args:
            slot: Name of the slot.
            key: Key of the weight; "" for a slot that all weights share.

        Returns:
            The variable.
        """
        address = slot, key
        if (own := self._custom.variables.get(address)) is not None:
            return own
        if address not in self._slot_variables:
            self._slot_variables[address] = SlotVariable(self, slot, key)
        return self._slot_variables[address]

    def own_variables(self) -> list[Variable]:
        """Return the step counter and, unless it is a schedule or function, the learning rate.

        Returns:
            One or two variables.
        """
        rate = self._learning_rate
        return [self._iterations, *([rate] if isinstance(rate, Variable) else [])]

    def held_variables(self) -> list[Variable]:
        """Return all variables that an update reads and assigns, besides the weights.

        Returns:
            Variables of the optimizer.
        """
        return [*self.own_variables(), *(self.slot_variable(*address) for address in flat(self._state))]

    @property
    def variables(self) -> list[Variable]:
        """The step counter, the learning rate (unless a schedule), and all slots, in the order of Keras' files."""
        if self._keys:
            self.build(())
        paths = list(self._keys) or paths_of(self.state)
        return [*self.own_variables(), *(self.slot_variable(*address) for address in self.keras_order(paths))]

    def keras_order(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        """Return (slot, path) of each array as Keras' files order them, after step counter and learning rate.

        Args:
            paths: Paths of the trainable weights, in the order of the model.

        Returns:
            Addresses of slots.
        """
        names = ["average"] if self.use_ema else []
        names += ["gradient_accumulator"] if self.gradient_accumulation_steps else []
        blocks: list[tuple[str, ...]] = [(name,) for name in names]
        count = self._interleaved_slots
        blocks += [self.slots[:count], *((name,) for name in self.slots[count:])]
        state = self._state  # a weight may lack a slot
        addresses = [(slot, path) for block in blocks for path in paths for slot in block]
        present = [(slot, path) for slot, path in addresses if slot not in state or path in state[slot]]
        own = list(self._custom.variables) if self._has_update_step() else []
        return [*present, *((name, "") for name in self.scalars if paths), *own]

    def flush(self, slots: Slots, hyper: Mapping[str, Array], step: Array) -> None:
        """Store the state that a training loop ended with, without notifying the loop of an assignment.

        Args:
            slots: The slots.
            hyper: Result of `hyper()` in the last step.
            step: Number of finished steps.
        """
        unchanged = {name: arrays.keys() for name, arrays in slots.items()} == {
            name: arrays.keys() for name, arrays in self._state.items()
        }
        complete = self._complete and unchanged
        self.state = slots
        self._complete = complete
        self._iterations._value = step
        if isinstance(self._learning_rate, Variable) and "learning_rate" in hyper:
            self._learning_rate._value = hyper["learning_rate"]

    def fits(self, params: Mapping[str, Array]) -> bool:
        """Return whether `state` holds the slots of all of these weights.

        Args:
            params: The weights, {path: array}.

        Returns:
            True if each slot of each weight exists in its shape.
        """
        return has_slots(self._state, jax.eval_shape(self.init, dict(params)))

    def key_of(self, variable: Variable) -> str:
        """Return the key of a variable's slots in `state`.

        Args:
            variable: A variable of `build`.

        Returns:
            The key.
        """
        return self._keys.get(variable)

    def rename(self, variables: Mapping[str, Variable]) -> dict[str, str]:
        """Give the slots of weights the keys that these have in a model.

        Args:
            variables: {key: weight} of the weights that the model trains.

        Returns:
            {former key: key} of those that change.
        """
        return stateful.rename(self, variables)

    def averages(self) -> dict[str, Variable]:
        """Return {key: variable} of the averages of `use_ema`, including those of inner optimizers.

        Returns:
            Variables by the key of their weight.
        """
        found = {slot: arrays for slot, arrays in self.state.items() if slot.rsplit(".", 1)[-1] == "average"}
        return {key: self.slot_variable(slot, key) for slot, arrays in found.items() for key in arrays}

    # Updates of variables in place -----------------------------------------------------------------------------------

    def build(self, variables: Iterable[Variable]) -> None:
        """Create the slots of variables; existing slots are kept.

        Args:
            variables: The trainable variables of a model.
        """
        stateful.build(self, variables)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[ArrayLike | None, Variable]]) -> Variable:
        """Update variables from pairs.

        Args:
            grads_and_vars: (gradient, variable) pairs.

        Returns:
            The number of finished steps.

        Example:
            >>> v = Variable([1.0, 2.0], name="v")
            >>> int(SGD(0.5).apply_gradients([(jnp.array([2.0, 2.0]), v)]))
            1
            >>> v.numpy()
            array([0., 1.], dtype=float32)
        """
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(self, grads: Sequence[ArrayLike | None], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update variables by their gradients.

        In a model's `train_step` this is part of the compiled step.

        Args:
            grads: One gradient per variable; None leaves a variable unchanged.
            trainable_variables: The variables, in the order of the gradients; None means those of `build`.

        Raises:
            ArgumentError: If the number of gradients is wrong, or all are None.
            ShapeError: If a gradient has another shape than its variable.
            StateError: If it is called inside `jax.jit`: use `update` or `stateless_apply` there.
        """
        stateful.apply(self, grads, trainable_variables)

    def stateless_apply(
        self,
        optimizer_variables: Sequence[ArrayLike],
        grads: Sequence[Array | None],
        trainable_variables: Sequence[ArrayLike],
    ) -> tuple[list[Array], list[Array]]:
        """Return the result of `apply` as a pure function of lists of arrays.

        Args:
            optimizer_variables: Values of `variables`, in their order.
            grads: Gradients, in the order of the variables of `build`; sparse ones (BCOO) are accepted.
            trainable_variables: Values of these variables.

        Returns:
            The new (trainable_variables, optimizer_variables).

        Raises:
            StateError: If the optimizer is not built.
            ArgumentError: If a list has a wrong length.
        """
        return stateful.stateless_apply(self, optimizer_variables, grads, trainable_variables)

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Set the values of `variables`, all or none.

        Args:
            weights: One array for each variable.

        Raises:
            ShapeError: If the shapes are not those of `variables`.
        """
        stateful.set_weights(self, weights)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the values of `variables` into `store` under '0', '1', ...

        Args:
            store: The mapping to fill.
        """
        for number, variable in enumerate(self.variables):
            store[str(number)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, ArrayLike]) -> None:
        """Assign what `save_own_variables` put into `store`, all or none.

        Args:
            store: Arrays under '0', '1', ...

        Raises:
            ShapeError: If the shapes are not those of `variables`.
        """
        self.set_weights([store[str(number)] for number in range(len(store))])

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Assign the averages of `use_ema` to variables, at the end of training.

        Args:
            var_list: The variables.
        """
        averages = self.state.get("average", {})
        for variable in var_list:
            if self.key_of(variable) in averages:
                variable.assign(averages[self.key_of(variable)])
