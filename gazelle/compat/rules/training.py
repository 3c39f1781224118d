"""Rules for optimizers and callbacks."""

from __future__ import annotations

from typing import Any

from gazelle.compat import era
from gazelle.compat.arguments import defaults
from gazelle.compat.classes import compat_class, core_class
from gazelle.compat.optimizers import former_optimizers
from gazelle.compat.rules import rule
from gazelle.core.errors import message
from gazelle.core.own_code import from_gazelle
from gazelle.core.traceback import warn
from gazelle.training import callbacks

_RATES = {"SGD": 0.01, "Adagrad": 0.01, "Adadelta": 1.0, "Adamax": 0.002, "Nadam": 0.002}


@rule(*former_optimizers.KINDS)
def _optimizer(instance: Any, kwargs: dict[str, Any]) -> None:
    old = era.number() < 3
    decay, slow = kwargs.pop("decay", None), kwargs.pop("schedule_decay", None)
    if isinstance(decay, bool):  # SGD(rate, momentum, nesterov), as Keras 2.3 has them
        kwargs["nesterov"], decay = decay, None
    if isinstance(kwargs.get("epsilon"), bool):  # Adam(rate, beta_1, beta_2, amsgrad), likewise
        kwargs["amsgrad"] = kwargs.pop("epsilon")
    kind = next(c.__name__ for c in type(instance).__mro__ if c.__name__ in former_optimizers.KINDS)
    if kwargs.get("epsilon", 0) is None:
        del kwargs["epsilon"]
    if era.number() == 1:  # Keras 0 ignored other names, such as l2
        from gazelle.compat.arguments.translation import keywords  # which imports these rules

        for name in kwargs.keys() - keywords(core_class(type(instance))):
            warn(message(kind, expected="its arguments", got=f"{name}=, which has no effect"))
            del kwargs[name]
    if type(instance).updates_gathered_rows:  # the class may be replaced below
        instance.__dict__["updates_gathered_rows"] = True
    if old or decay or slow:
        is_known = from_gazelle(type(instance)) and type(instance).__name__ == kind  # not AdamW
        # others than `optimizers.legacy` of tf.keras since 2.11 are those of Keras 3, which have no decay
        is_former = decay or slow or instance.updates_gathered_rows or not era.is_tf_keras_since_2_11()
        if is_known and is_former:
            instance.__class__ = compat_class(former_optimizers.KINDS[kind])
        is_nadam = kind == "Nadam"  # which has a decay of its own, and ignored the other
        former = {"decay": 0.0, "schedule_decay": slow or former_optimizers.SCHEDULE_DECAY}
        own = former if is_nadam else {"decay": decay or 0.0}
        instance.__dict__.update({**own, "_initial_decay": own["decay"]} if is_former else {})
    if era.has_optimizers_of_keras_2_2():
        kwargs.setdefault("learning_rate", _RATES.get(kind, 0.001))
        if kind != "SGD" and era.number() == 1:
            kwargs.setdefault("epsilon", 1e-8)
        if kind == "Adagrad":
            kwargs.setdefault("initial_accumulator_value", 0.0)


def create(cls: type, **kwargs: Any) -> Any:
    """An object of a current class, with the arguments and defaults of the program's era."""
    from gazelle.compat.arguments.translation import arguments  # which imports these rules

    instance: Any = object.__new__(compat_class(cls))
    args, kwargs = arguments(cls, "__init__", (), kwargs, instance)
    type(instance).__init__(instance, *args, **kwargs)
    return instance


@rule("ModelCheckpoint")
def _checkpoint(instance: Any, kwargs: dict[str, Any]) -> None:
    period = kwargs.pop("period", 1)
    kwargs.pop("load_weights_on_restart", None)
    if era.number() == 2 and not era.standalone():  # which ignored other names
        kinds = callbacks.ModelCheckpoint, core_class(type(instance))  # one of an addon has its own, too
        for name in kwargs.keys() - {name for kind in kinds for name in defaults.argument_names(kind, "__init__")}:
            warn(message("ModelCheckpoint", expected="its arguments", got=f"{name}=, which has no effect"))
            del kwargs[name]
    instance.__dict__["period"] = period


@rule("EarlyStopping")
def _stopping(instance: Any, kwargs: dict[str, Any]) -> None:
    if era.number() == 1:
        if type(kwargs.get("min_delta")) is int and kwargs["min_delta"] > 0:  # before 1.1 there was no min_delta
            shifted = ("patience", "verbose", "mode")
            kwargs |= dict(zip(shifted, [kwargs.pop(k) for k in ("min_delta", *shifted) if k in kwargs], strict=False))
        # Keras 1 compared before it counted, so it ran one more epoch
        kwargs["patience"] = kwargs.get("patience", 0) + 1
