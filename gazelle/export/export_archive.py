"""SavedModels with several endpoints."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.export.formats import writer
from gazelle.export.signature import Exportable, of_function, of_model
from gazelle.layers import weight_tree


class ExportArchive:
    """A SavedModel that is put together: whose variables it holds, and which functions it serves.

    An endpoint is a tracked model (or its `call`), or a function of arrays that uses tracked ones. The first endpoint
    is the one that is served by default. Functions need the batch size in their signature.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(2)])
    >>> archive = gazelle.export.ExportArchive()
    >>> archive.track(model)
    >>> archive.add_endpoint("serve", model.call)
    >>> archive.endpoints
    ['serve']
    """

    def __init__(self) -> None:
        self._tracked: dict[str, Any] = {}
        self._endpoints: dict[str, tuple[Exportable, bool]] = {}

    @property
    def endpoints(self) -> list[str]:
        """The names in the order in which they were added."""
        return list(self._endpoints)

    def track(self, resource: Any) -> None:
        """Let endpoints use the variables of this layer or model."""
        if not weight_tree.is_layer(resource):
            raise ArgumentError(message("ExportArchive.track", expected="a layer or model", got=repr(resource)))
        if not resource.built:
            raise StateError(
                message(
                    f"ExportArchive.track of '{resource.name}'",
                    expected="one with weights",
                    got="one not built yet",
                    hint="Call it on data once.",
                )
            )
        self._tracked[resource.name] = resource

    def add_endpoint(self, name: str, fn: Callable[..., Any], input_signature: Any = None, **_: Any) -> None:
        """Serve `fn` as `name`. input_signature: a list with the shape and type of each input."""
        if name in self._endpoints:
            raise ArgumentError(
                message(f"ExportArchive.add_endpoint({name!r})", expected="a new name", got="one in use")
            )
        owner = getattr(fn, "__self__", fn)
        if weight_tree.is_layer(owner):
            self.track(owner)
            apart = getattr(owner, "_keeps_samples_apart", lambda: False)()
            self._endpoints[name] = of_model(owner, input_signature), apart
            return
        if input_signature is None:
            raise ArgumentError(
                message(
                    f"ExportArchive.add_endpoint({name!r})",
                    expected="input_signature for a function",
                    got="None",
                    hint="input_signature=[keras.InputSpec(shape=(32, ...), dtype='float32')].",
                )
            )
        variables = {
            f"{prefix}/{path}": variable
            for prefix, resource in self._tracked.items()
            for path, variable in weight_tree.named_variables(resource).items()
        }
        self._endpoints[name] = of_function(fn, variables, input_signature), False

    def track_and_add_endpoint(self, name: str, resource: Any, input_signature: Any, **_: Any) -> None:
        """Track a model and serve its call."""
        self.add_endpoint(name, resource, input_signature)

    def write_out(self, filepath: Any, options: Any = None, verbose: bool = True) -> None:
        """Write the SavedModel; options: `tf.saved_model.SaveOptions`."""
        if not self._endpoints:
            raise StateError(
                message(
                    "ExportArchive.write_out",
                    expected="an endpoint",
                    got="none",
                    hint="archive.add_endpoint('serve', model.call)",
                )
            )
        writer("tf_saved_model")  # is TensorFlow there?
        from gazelle.export.saved_model import write

        write(self._endpoints, os.fspath(filepath), options=options)
        if verbose:
            print(f"Saved the endpoints {', '.join(self.endpoints)} at {filepath}")
