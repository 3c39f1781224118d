"""Pipeline: a sequence of layers for the preprocessing of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from gazelle.core.errors import ArgumentError, message
from gazelle.core.serialization import serialize
from gazelle.core.types import Array, Nested, Shape
from gazelle.layers.base import Layer
from gazelle.layers.call_arguments import argument_names


class Pipeline(Layer):
    """Layers applied in order:  y = layers[-1](... layers[0](x)).

    For preprocessing: `training` is True by default. The input may be anything that the first layer accepts, such as
    strings or dicts.

    Args:
        layers: Sequence of layers.
        name: Name of the layer; None generates one.

    Call arguments:
        mask: Mask for the first layer.

    Example:
        >>> Pipeline([Rescaling(1 / 255), Flatten()])(np.full((1, 2, 2), 255)).shape
        (1, 4)
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        self.layers = list(layers)

    def build(self, input_shape: Shape) -> None:
        pass  # each layer is built when it is called

    def call(self, inputs: Nested[Any], training: bool = True, mask: Array | None = None) -> Nested[Any]:
        for layer in self.layers:
            more: dict[str, Any] = {"training": training} if "training" in argument_names(type(layer).call) else {}
            if mask is not None and "mask" in argument_names(type(layer).call):
                more["mask"] = mask
            inputs, mask = layer(inputs, **more), None  # later masks are attached to the arrays
        return inputs

    def _argument_as_array(self, leaf: Any) -> Any:
        return leaf  # each layer converts its own

    def get_config(self) -> dict[str, Any]:
        return {"layers": serialize(self.layers), "name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create the pipeline that `get_config` described.

        Args:
            config: The config.
            custom_objects: {name: class or function} of the program.

        Returns:
            A pipeline with new layers.
        """
        if not isinstance(config.get("layers"), (list, tuple)):
            got = repr(config.get("layers"))
            raise ArgumentError(message("layers in the config of a Pipeline", expected="a list of configs", got=got))
        return super().from_config({"layers": config["layers"], "name": config.get("name")}, custom_objects)
