"""Configs of Keras 1 and 2 that a program gives to `from_config` or `deserialize`, as configs of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.compat import era
from gazelle.saving.config_check import to_keras_3
from gazelle.saving.h5_format import ConfigUpgrade


def current_layer(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A layer or model, {"class_name": ..., "config": ...}, in the form of Keras 3.

    Args:
        entry: what `layers.serialize` returned in the era of the program.
    """
    version = "1.2" if era.number() == 1 else "2.3" if era.standalone() else "2.15"
    found: dict[str, Any] = to_keras_3(ConfigUpgrade(version, dict(entry), "a config").layer(entry))
    return found


def current_arguments(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a layer with the arguments of Keras 3.

    Args:
        class_name: the class of the layer; one that Keras 3 has under another name keeps its config.
        config: what `get_config` returned in the era of the program.
    """
    layer = current_layer({"class_name": class_name, "config": dict(config)})
    return layer["config"] if layer["class_name"] == class_name else dict(config)
