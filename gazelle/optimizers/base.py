"""The optimizer: a subclass names its slots and its rule for one array; clipping, decay, averages stand here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import arrays
from gazelle.core.config import ArgumentTypeError, Configurable, serialize, snake
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.variable import Variable
from gazelle.optimizers import rate, transforms
from gazelle.optimizers.custom import CustomOptimizer
from gazelle.optimizers.stateful import StatefulOptimizer
from gazelle.optimizers.transforms import Arrays

Slots = dict[str, Arrays]

_SHARED = (
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


class Optimizer(StatefulOptimizer, CustomOptimizer, Configurable):
    """A rule that changes weights by their gradients: the parent of all optimizers.

    A subclass names its `slots` (arrays it remembers for each weight, zeros at first) and writes
    `rule(self, w, g, *slots, lr, t)`, which returns the new w and slots of one weight. `lr` is the learning rate,
    `t` the number of this update: 1, 2, ... In Keras' way it may write `build(self, variables)`, which calls
    `add_variable_from_reference`, and `update_step(self, gradient, variable, learning_rate)`, which assigns.

    Args:
        learning_rate: a number, a schedule, or a function of the step.
        weight_decay: before each update w <- w - lr * weight_decay * w.
        clipnorm, clipvalue, global_clipnorm: bound on the norm of each gradient, on each number, on the norm of all
            gradients together; at most one of them.
        use_ema: keep averages a <- ema_momentum * a + (1 - ema_momentum) * w, and put them into the weights every
            `ema_overwrite_frequency` updates and at the end of training.
        loss_scale_factor: what the loss was multiplied by; the gradients are divided by it.
        gradient_accumulation_steps: update once in so many steps, by the mean of their gradients.
        name: name in files.

    >>> class Sign(Optimizer):
    ...     slots = ("last",)
    ...     def rule(self, w, g, last, *, lr, t):
    ...         return w - lr * jnp.sign(g + last), g
    >>> sign = Sign(learning_rate=0.5)
    >>> params = {"w": jnp.array([1.0, 2.0])}
    >>> params, slots = sign.update(params, {"w": jnp.array([3.0, -3.0])}, sign.init(params), sign.hyper(), step=0)
    >>> params["w"].tolist()
    [0.5, 2.5]
    """

    _namespace = "optimizers"
    loss_scale_factor: float | None
    slots: tuple[str, ...] = ()
    scalars: Mapping[str, float] = {}  # slots that all weights share, and their first values
    starts: Mapping[str, float] = {}  # first values of slots that do not begin at zero
    _together = 2  # Keras' files hold so many slots side by side for each weight, the others slot after slot

    def __init__(
        self,
        learning_rate: Any,
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
        **unknown_arguments: Any,
    ) -> None:
        if unknown_arguments:
            raise self._unknown(next(iter(unknown_arguments)))
        self.name = name or snake(type(self).__name__)
        self._check()
        self._iterations = Variable(0, dtype="int32", trainable=False, name="iteration")
        self._iterations.path = f"{self.name}/iteration"
        self._learning_rate = rate.standardize(type(self).__name__, learning_rate)
        if isinstance(self._learning_rate, Variable):
            self._learning_rate.path = f"{self.name}/learning_rate"
        self._excluded: tuple[Sequence[Variable], str] = ((), "")
        self._lay_hands()

    # What an author writes -------------------------------------------------------------------------------------------

    def rule(self, *args: Any, **kwargs: Any) -> Any:
        """rule(w, g, *slots, lr, t, **scalars) -> (w, *slots), for one weight."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rule: def rule(self, w, g, *slots, lr, t): return (w, *slots)."
        )

    def slot_of(self, name: str, path: str, w: Any) -> Any:
        """The first value of a weight's slot; None where it has none, and `rule` is given the others."""
        return arrays.full_like(w, self.starts.get(name, 0))

    def decay_of(self, path: str, w: Any) -> float | None:
        """The weight decay of one weight, None for none."""
        return self.weight_decay if self._decays(path) else None

    def advance(self, scalars: Arrays, t: Any) -> Arrays:
        """The shared scalars of update t, from those of the update before; `rule` is given them by name."""
        return scalars

    # Pure: what a compiled step calls --------------------------------------------------------------------------------

    def init(self, params: Arrays) -> Slots:
        """The slots before the first update: {slot: {path: array}}."""
        names = ["average"] if self.use_ema else []
        names += ["gradient_accumulator"] if self.gradient_accumulation_steps else []
        out: Slots = {name: {p: arrays.full_like(w) for p, w in params.items()} for name in names}
        if self._is_written():
            out |= self._written_slots(params)
        for name in self.slots:
            first = {p: self.slot_of(name, p, w) for p, w in params.items()}
            out[name] = {p: value for p, value in first.items() if value is not None}
        return out | {name: {"": arrays.from_host(value, np.float32)} for name, value in self.scalars.items()}

    def hyper(self) -> Arrays:
        """The numbers that may change between steps without compiling anew; a schedule is part of the program."""
        if isinstance(self._learning_rate, Variable):
            return {"learning_rate": self._learning_rate.value}
        if rate.of_step(self._learning_rate):
            return {}
        return {"learning_rate": arrays.from_host(self._learning_rate(), np.float32)}

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Any],
        slots: Slots,
        hyper: Arrays,
        step: Any,
        constraints: Mapping[str, Any] | None = None,
    ) -> tuple[Arrays, Slots]:
        """One step: gradients scaled back, gathered, clipped; weights decayed, changed by the rule, averaged,
        constrained. Weights without a gradient stay as they are.

        params, grads: {path: array}; slots: as `init` made them; hyper: as `hyper()`; step: finished steps.
        """
        step = jnp.asarray(step, jnp.int32)
        lr = self._rate(hyper, step)
        live = {p: g.astype(params[p].dtype) for p, g in grads.items() if g is not None and p in params}
        if self.loss_scale_factor is not None:
            live = {p: g / self.loss_scale_factor for p, g in live.items()}
        every = self.gradient_accumulation_steps or 1
        done = step // every
        if every == 1:
            after, slots = self._updated(params, live, slots, lr, done + 1)
        else:
            slots = dict(slots)
            kept = slots.pop("gradient_accumulator")
            total = {p: kept[p] + g for p, g in live.items()}
            mean = {p: g / every for p, g in total.items()}
            due = (step + 1) % every == 0
            after, slots = jax.lax.cond(
                due, lambda: self._updated(params, mean, slots, lr, done + 1), lambda: (params, slots)
            )
            empty = {p: jnp.zeros_like(g) for p, g in total.items()}
            slots = slots | {"gradient_accumulator": kept | transforms.choose(due, empty, total)}
        if self.use_ema:
            averages = transforms.average(after, slots["average"], self.ema_momentum, done == 0)
            slots = slots | {"average": averages}
            if self.ema_overwrite_frequency:
                after = transforms.choose((done + 1) % self.ema_overwrite_frequency == 0, averages, after)
        changed = transforms.constrain({p: after[p] for p in live}, constraints)
        return after | changed, slots

    def _rate(self, hyper: Arrays, step: Any) -> Any:
        if "learning_rate" in hyper:
            return jnp.asarray(hyper["learning_rate"])
        if not rate.of_step(self._learning_rate):
            raise ArgumentError(
                message(
                    f"hyper of {type(self).__name__}.update",
                    expected="what hyper() returns",
                    got=hyper,
                    hint="Pass optimizer.hyper() into the compiled function as an argument.",
                )
            )
        return rate.at(self._learning_rate, step)

    def _updated(self, params: Arrays, grads: Arrays, slots: Slots, lr: Any, t: Any) -> tuple[Arrays, Slots]:
        """Clip, decay, apply the rule."""
        if self.clipnorm:
            grads = transforms.clip_each(grads, self.clipnorm)
        elif self.global_clipnorm:
            grads = transforms.clip_together(grads, self.global_clipnorm)
        elif self.clipvalue:
            grads = transforms.clip_values(grads, self.clipvalue)
        decays = {p: self.decay_of(p, params[p]) for p in grads}
        old = {p: (params[p], lr * decay) for p, decay in decays.items() if decay is not None}
        params = params | {p: (w - w * decay).astype(w.dtype) for p, (w, decay) in old.items()}
        return self._apply_rule(params, grads, slots, lr, t)

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Any, t: Any) -> tuple[Arrays, Slots]:
        if self._is_written():
            return self._written_rule(params, grads, slots, lr, t)
        scalars = self.advance({name: slots[name][""] for name in self.scalars}, t.astype(jnp.float32))
        params, slots = dict(params), {name: dict(arrays) for name, arrays in slots.items()}
        slots |= {name: {"": value} for name, value in scalars.items()}
        for path, g in grads.items():
            names = [name for name in self.slots if path in slots[name]]
            held = {name: slots[name][path] for name in names}
            params[path], new = self._ruled(params[path], g, held, lr, t, scalars)
            for name, value in new.items():
                slots[name][path] = value
        return params, slots

    def _ruled(self, w: Any, g: Any, held: Arrays, lr: Any, t: Any, scalars: Arrays) -> tuple[Any, Arrays]:
        """One weight and its slots after the rule, in the dtypes they had."""
        old = w, *held.values()
        wide = jnp.promote_types(w.dtype, jnp.float32)  # half precision cannot count steps
        new = self.rule(w, g, *held.values(), lr=lr.astype(wide), t=t.astype(wide), **scalars)
        new = new if isinstance(new, tuple) else (new,)
        if len(new) != len(old):
            wanted = ", ".join(("w", *held))
            raise ArgumentError(
                message(
                    f"{type(self).__name__}.rule",
                    expected=f"{len(old)} arrays: {wanted}",
                    got=f"{len(new)}",
                    hint="Return the new weight and one new array for each of its slots.",
                )
            )
        w, *rest = (n.astype(o.dtype) for n, o in zip(new, old, strict=True))
        return w, dict(zip(held, rest, strict=True))

    def finalize(self, params: Arrays, slots: Slots) -> Arrays:
        """The weights at the end of training: with `use_ema` their averages."""
        return params | {p: a for p, a in slots["average"].items() if p in params} if self.use_ema else params

    def scale_loss(self, loss: Any, slots: Slots | None = None) -> Any:
        """The loss times `loss_scale_factor`: what to take gradients of. slots: the state inside a compiled step."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # The user's view -------------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Any:
        """The rate: a Variable that can be assigned; of a schedule, its present value."""
        self._show_rate()
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        if rate.of_step(self._learning_rate):
            return rate.at(self._learning_rate, self._iterations.value)
        return self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._show_rate()
        if callable(value) and not isinstance(value, (type, Variable)):
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(rate.number(type(self).__name__, value))
        else:
            raise ArgumentTypeError(
                message(
                    f"learning_rate of {type(self).__name__} follows a schedule",
                    expected="another schedule, or an optimizer made with a number",
                    got=repr(value),
                    hint=f"Make it with a number: {type(self).__name__}(learning_rate={value!r}).",
                )
            )

    def _show_rate(self) -> None:
        """Raises where the rate is out of sight (optax)."""

    @property
    def iterations(self) -> Any:
        """Finished updates. With `gradient_accumulation_steps` not every step is one."""
        every = self.gradient_accumulation_steps
        return self._iterations.value // every if every else self._iterations

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leave these variables, and those whose name one of the patterns is found in, without weight decay.

        >>> AdamW(0.01).exclude_from_weight_decay(var_names=["bias"])
        """
        self._excluded = (list(var_list or ()), "|".join(var_names or ()))

    def _decays(self, path: str) -> bool:
        variables, pattern = self._excluded
        name = path.rsplit("/", 1)[-1]
        return not (any(self.key_of(v) == path for v in variables) or (pattern and re.search(pattern, name)))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as values that JSON can hold, the rate as it is now."""
        given = self._learning_rate
        shown = float(given.value) if isinstance(given, Variable) else serialize(given)
        live = type(self).__module__.startswith("gazelle.")
        own = {k: getattr(self, k, v) if live else v for k, v in self._config.items() if k != "learning_rate"}
        shared = {key: getattr(self, key) for key in _SHARED}
        return {"learning_rate": shown, **shared, **serialize(own), "name": self.name}

    def recipe(self) -> tuple[Any, ...]:
        """What `update` bakes into a traced program: while two recipes are equal, so are their programs."""
        words = {k: v for k, v in vars(self).items() if not k.startswith("_") and k not in ("built", "name")}
        schedule = None if isinstance(self._learning_rate, Variable) else self._learning_rate
        variables, pattern = self._excluded
        return repr(words), schedule, [self.key_of(v) for v in variables], pattern

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    # Errors ----------------------------------------------------------------------------------------------------------

    def _unknown(self, wrong: str) -> ArgumentTypeError:
        own = [k for k in self._config if k != wrong]
        known = ["learning_rate", *own, *_SHARED, "name"]
        short = [k for k in known if wrong == "".join(word[0] for word in k.split("_"))]  # lr: learning_rate
        hint = f"Write {short[0]}=... for {wrong}=..." if short else ""
        return ArgumentTypeError(str(unknown(f"argument of {type(self).__name__}", wrong, short or known, hint)))

    def _refuse(self, name: str, expected: str, hint: str = "") -> ArgumentError:
        value = getattr(self, name)
        what = f"{type(self).__name__}({name}={value!r})"
        got = repr(value) if isinstance(value, str) else value
        return ArgumentError(message(what, expected=expected, got=got, hint=hint))

    def _within(self, *names: str, open: bool = False) -> None:
        """Refuse arguments outside of [0, 1], `open` without the 1."""
        for name in names:
            value = getattr(self, name)
            if not hasattr(value, "__float__") or not 0 <= value <= 1 or (open and value == 1):
                raise self._refuse(name, "a number from 0 to below 1" if open else "a number from 0 to 1")

    def _check(self) -> None:
        clips = {k: getattr(self, k) for k in ("clipnorm", "clipvalue", "global_clipnorm")}
        clips = {k: v for k, v in clips.items() if v is not None}
        if len(clips) > 1:
            raise ArgumentError(
                message(
                    f"Gradient clipping of {type(self).__name__}",
                    expected="at most one of clipnorm, clipvalue and global_clipnorm",
                    got=clips,
                )
            )
        for name in (*clips, "weight_decay"):
            if getattr(self, name) is not None and not getattr(self, name) >= 0:
                raise self._refuse(name, "a number of at least 0, or None")
        self._within("ema_momentum")
        every = self.gradient_accumulation_steps
        if every is not None and not (isinstance(every, int) and every >= 2):
            raise self._refuse("gradient_accumulation_steps", "a whole number of at least 2, or None")
        often = self.ema_overwrite_frequency
        if often is not None and not (isinstance(often, int) and often >= 1):
            raise self._refuse("ema_overwrite_frequency", "a whole number of at least 1, or None")
        if self.loss_scale_factor is not None and not self.loss_scale_factor > 0:
            raise self._refuse("loss_scale_factor", "a number above 0, or None")
