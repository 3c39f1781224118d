"""SavedModels with several endpoints."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.types import PathLike
from gazelle.core.variable import Variable
from gazelle.export.formats import writer
from gazelle.export.signature import Exportable, InputSignature, of_function, of_model
from gazelle.layers import weight_tree
from gazelle.ops import native

if TYPE_CHECKING:
    from gazelle.layers import Layer


class ExportArchive:
    """SavedModel with several endpoints.

    An endpoint is a tracked model (or its `call`), or a function of arrays that uses tracked models. The first endpoint
    is the default one. Functions need the batch size in their signature.

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
        self._places: dict[int, tuple[str, str]] = {}  # id of a variable -> endpoint and path in it
        self._collections: dict[str, list[Variable]] = {}

    @property
    def endpoints(self) -> list[str]:
        """The names of the endpoints in the order in which they were added."""
        return list(self._endpoints)

    @property
    def variables(self) -> list[Variable]:
        """The variables of all tracked layers and models."""
        found = [v for one in self._tracked.values() for v in weight_tree.named_variables(one).values()]
        return list({id(variable): variable for variable in found}.values())

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return [variable for variable in self.variables if variable.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The other variables."""
        return [variable for variable in self.variables if not variable.trainable]

    def track(self, resource: Layer) -> None:
        """Add the variables of a layer or model.

        Args:
            resource: a layer or model with weights.

        Raises:
            ArgumentError: `resource` is neither.
            StateError: it is not built.
        """
        if not weight_tree.is_layer(resource):
            raise ArgumentError(message("ExportArchive.track", expected="a layer or model", got=repr(resource)))
        if not resource.built:
            raise StateError(
                message(
                    f"ExportArchive.track of '{resource.name}'",
                    expected="a layer or model with weights",
                    got="one that is not built",
                    hint="Call it on data once.",
                )
            )
        self._tracked[resource.name] = resource

    def add_endpoint(
        self, name: str, fn: Callable[..., Any], input_signature: InputSignature | None = None, **_: Any
    ) -> None:
        """Add an endpoint.

        Args:
            name: the name of the endpoint.
            fn: a model, its `call`, another method of a model, or a function of arrays.
            input_signature: a list with the shape and dtype of each input; required for functions.
            **_: ignored, for compatibility.

        Raises:
            ArgumentError: the name is in use, or a function has no signature.
        """
        if name in self._endpoints:
            raise ArgumentError(
                message(f"ExportArchive.add_endpoint({name!r})", expected="an unused name", got="a name in use")
            )
        owner: Any = getattr(fn, "__self__", fn)
        if weight_tree.is_layer(owner):
            self.track(owner)
        if weight_tree.is_layer(owner) and _takes_one_input(owner, fn, input_signature):
            batch_independent = getattr(owner, "_is_batch_independent", lambda: False)()
            self._endpoints[name] = of_model(owner, input_signature), batch_independent
            self._note(name, weight_tree.named_variables(owner))
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
        self._note(name, variables)

    def _note(self, endpoint: str, variables: Mapping[str, Variable]) -> None:
        for path, variable in variables.items():
            self._places.setdefault(id(variable), (endpoint, path))

    def track_and_add_endpoint(self, name: str, resource: Layer, input_signature: InputSignature, **_: Any) -> None:
        """Track a model and add its `call` as an endpoint.

        Args:
            name: the name of the endpoint.
            resource: the model.
            input_signature: a list with the shape and dtype of each input.
            **_: ignored, for compatibility.
        """
        self.add_endpoint(name, resource, input_signature)

    def add_variable_collection(self, name: str, variables: Iterable[Variable]) -> None:
        """Give the SavedModel an attribute with a list of variables.

        Args:
            name: the name of the attribute.
            variables: the variables, such as `model.layers[0].weights`.

        Raises:
            ArgumentError: the name is that of an endpoint, or an element is no variable.
        """
        given = list(variables)
        what = f"ExportArchive.add_variable_collection({name!r})"
        if name in self._endpoints:
            raise ArgumentError(message(what, expected="an unused name", got="the name of an endpoint"))
        for one in given:
            if not isinstance(one, Variable):
                raise ArgumentError(message(what, expected="a list of variables", got=repr(one)))
        self._collections[name] = given

    def write_out(self, filepath: PathLike, options: object = None, verbose: bool = True) -> None:
        """Write the SavedModel.

        Args:
            filepath: the folder to write.
            options: a `tf.saved_model.SaveOptions`.
            verbose: print the endpoints.

        Raises:
            StateError: there is no endpoint.
            ImportError: TensorFlow is not installed.
        """
        if not self._endpoints:
            raise StateError(
                message(
                    "ExportArchive.write_out",
                    expected="an endpoint",
                    got="none",
                    hint="archive.add_endpoint('serve', model.call)",
                )
            )
        writer("tf_saved_model")  # raises if TensorFlow is not installed
        from gazelle.export.saved_model import write

        with native.switched_off():
            collections = {
                name: [self._places.get(id(variable), variable) for variable in given]
                for name, given in self._collections.items()
            }
            write(self._endpoints, os.fspath(filepath), collections, options=options)
        if verbose:
            print(f"Saved the endpoints {', '.join(self.endpoints)} at {filepath}")


def _takes_one_input(owner: Any, fn: Any, input_signature: InputSignature | None) -> bool:
    """Whether an endpoint is the call of a layer or model on one structure of inputs, not another method of it."""
    several = isinstance(input_signature, (list, tuple)) and len(input_signature) > 1
    is_model = hasattr(owner, "_is_batch_independent")
    return (fn is owner or getattr(fn, "__name__", "") in ("call", "__call__")) and (is_model or not several)
