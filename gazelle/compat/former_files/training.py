"""Arguments of `compile` as files of Keras 2 contain them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gazelle.compat import era
from gazelle.compat.former_files.config import class_name, converted, names_of_functions
from gazelle.compat.optimizers import former_optimizers

if TYPE_CHECKING:
    from gazelle.core.types import Serialized


def compile_config(compiled: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` for a `.keras` file.

    Args:
        compiled: what `get_compile_config` returned, as JSON.
    """
    out = {**converted(compiled), "optimizer": optimizer(compiled["optimizer"])}
    out["loss"] = _without_dtype(out.get("loss"))
    return {**out, "jit_compile": None} if out.get("jit_compile") == "auto" else out


def training_config(compiled: Mapping[str, Any], loss: Serialized) -> dict[str, Any]:
    """The arguments of `compile` for an `.h5` file.

    Args:
        compiled: what `get_compile_config` returned, as JSON.
        loss: the loss with objects in place of names.
    """
    made = compile_config(compiled)
    names = ("metrics", "weighted_metrics", "loss_weights")
    out = {"loss": made["loss"] if era.standalone() else _without_dtype(converted(loss))}
    out |= {name: made.get(name) for name in names}
    if era.standalone():
        out["sample_weight_mode"] = None  # must be there
        out |= {name: _names_of_accuracies(out[name]) for name in ("metrics", "weighted_metrics")}
    described: Any = compiled["optimizer"]
    if isinstance(described, Mapping):
        name = class_name(described)  # without a package it is an optimizer of tf.keras before 2.11
        if is_former(name, described["config"]):
            config = {
                k: converted(v)
                for k, v in described["config"].items()
                if k not in former_optimizers.LATER_ARGUMENTS and v is not None
            }
        else:
            own = not era.standalone() and str(described.get("module")).startswith("keras.")
            config, name = made["optimizer"]["config"], f"Custom>{name}" if own else name
        described = {"class_name": name, "config": config}
    return {**names_of_functions(out), "optimizer_config": described}


def _names_of_accuracies(value: Serialized) -> Serialized:
    """Metrics with "accuracy" in the place of the binary one, which the loss selects there."""
    if isinstance(value, list):
        return [_names_of_accuracies(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    name = value["config"].get("name") if value.get("class_name") == "BinaryAccuracy" else None
    return name if name in ("accuracy", "acc") else {key: _names_of_accuracies(each) for key, each in value.items()}


def is_former(name: str, config: Mapping[str, Any]) -> bool:
    """Whether an optimizer computes as those of tf.keras before 2.11, which later ones have as `optimizers.legacy`.

    Args:
        name: of its class.
        config: its arguments.
    """
    used = any(config.get(argument) for argument in former_optimizers.LATER_ARGUMENTS if argument != "ema_momentum")
    is_known = name == "Ftrl" or (name in former_optimizers.KINDS and "decay" in config)
    return is_known and not used and not era.standalone()


def optimizer(node: Serialized) -> Serialized:
    """The config of an optimizer; with `decay`, its learning rate is the schedule that computes the same."""
    if not isinstance(node, Mapping):
        return node
    out = converted(node)
    config = out["config"]
    if era.standalone():  # which has no names of optimizers, and clips the norm of all gradients
        names = {"global_clipnorm": "clipnorm"} | ({"learning_rate": "lr"} if era.is_before_2_3() else {})
        former = {names.get(key, key): value for key, value in config.items()}
        return {**out, "config": {key: value for key, value in former.items() if key != "name"}}
    if config.get("schedule_decay") == former_optimizers.SCHEDULE_DECAY:  # not an argument of Nadam in tf.keras 2.11
        del config["schedule_decay"]
    if node["class_name"] in former_optimizers.KINDS and "decay" not in node["config"]:
        config["is_legacy_optimizer"] = False
    decay = config.get("decay") if node["class_name"] in former_optimizers.KINDS else None  # another class has its own
    if decay:
        schedule = {
            "initial_learning_rate": config["learning_rate"],
            "decay_steps": 1,
            "decay_rate": config.pop("decay"),
        }
        config["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": {**schedule, "staircase": False, "name": "InverseTimeDecay"},
            "registered_name": None,
        }
    return out


def _without_dtype(loss: Any) -> Any:
    """Losses of Keras 2 have no dtype."""
    if isinstance(loss, list):
        return [_without_dtype(each) for each in loss]
    if not isinstance(loss, dict):
        return loss
    if "class_name" not in loss:
        return {key: _without_dtype(each) for key, each in loss.items()}
    config = loss["config"]
    if isinstance(config, dict):
        config = {key: value for key, value in config.items() if key != "dtype"}
    return {**loss, "config": config}
