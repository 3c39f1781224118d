"""A layer around a SavedModel, which TensorFlow runs."""

from __future__ import annotations

import functools
import importlib.util
import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, UnsafeFileError, message
from gazelle.core.types import Array, Foreign, Nested, PathLike
from gazelle.core.variable import Variable
from gazelle.engine.tensorflow_library import behind_the_stand_in, tf
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gazelle.layers.options import LayerOptions


def load(filepath: PathLike) -> Foreign:
    """Read a SavedModel with TensorFlow.

    Args:
        filepath: the folder.

    Returns:
        The object that TensorFlow loads.

    Raises:
        ImportError: TensorFlow is not installed.
    """
    with behind_the_stand_in():  # which is found even where TensorFlow is not installed
        installed = importlib.util.find_spec("tensorflow") is not None
    if not installed:
        raise ImportError(
            message(
                f"The SavedModel {os.fspath(filepath)!r} contains functions of TensorFlow",
                expected="the package tensorflow",
                got="none installed",
                hint='pip install "gazelle[tensorflow]"',
            )
        )
    return tf.saved_model.load(os.fspath(filepath))


def tensors(tree: Nested[Any]) -> Nested[Any]:
    """Return a structure with its arrays as tensors of TensorFlow.

    Args:
        tree: arrays, numbers and other values.
    """
    return jax.tree.map(lambda v: tf.constant(np.asarray(v)) if isinstance(v, (jax.Array, np.ndarray)) else v, tree)


class TFSMLayer(Layer):
    """A function of a TensorFlow SavedModel as a layer, with the weights that it uses:  y = endpoint(x).

    TensorFlow computes the function and its gradients on the host; compiled programs call it there. The weights are
    copied into the layer, trained with the model and saved with it.

    Args:
        filepath: Folder of the SavedModel.
        call_endpoint: Name of the function: an attribute of the saved object, or one of its signatures.
        call_training_endpoint: Name of the function for training; by default the same.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable` and others.

    Raises:
        ImportError: TensorFlow is not installed.
        ArgumentError: The SavedModel has no such function.

    Example:
        >>> layer = TFSMLayer("exported", call_endpoint="serve")  # doctest: +SKIP
        >>> layer(np.ones((2, 4), "float32")).shape  # doctest: +SKIP
        (2, 3)
    """

    def __init__(
        self,
        filepath: PathLike,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        saved = load(filepath)
        names = {False: call_endpoint, True: call_training_endpoint or call_endpoint}
        functions = {training: _endpoint(saved, name, filepath) for training, name in names.items()}
        sources = _variables(functions.values())
        self._hosts = {training: _HostFunction(function, sources) for training, function in functions.items()}
        self._saved = (saved,)  # its functions refer to it weakly
        self._copies = [
            Variable(v.numpy(), tuple(v.shape), v.dtype.name, v.trainable, name=v.name.split(":")[0].replace("/", "_"))
            for v in sources
        ]

    def call(self, inputs: Nested[Array], training: bool = False) -> Nested[Array]:
        outputs, state = self._hosts[bool(training)]([v.value for v in self._copies], inputs)
        if training:
            for variable, value in zip((v for v in self._copies if not v.trainable), state, strict=True):
                variable.assign(value)
        return outputs

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> TFSMLayer:
        """Raise an error: a model's file cannot make gazelle run a SavedModel.

        Args:
            config: The config.
            custom_objects: {name: class or function} of the program.

        Returns:
            Nothing.

        Raises:
            UnsafeFileError: Always.
        """
        raise UnsafeFileError(
            message(
                f"TFSMLayer {config.get('name')!r} runs a SavedModel with TensorFlow, which no file may start",
                hint="Build the model in your program and call model.load_weights(path).",
            )
        )


class _HostFunction:
    """A function of a SavedModel for arrays of JAX, with gradients.

    Args:
        function: the function of TensorFlow.
        sources: the variables of the SavedModel, which hold the weights during a call.
    """

    lock = threading.Lock()  # one variable may serve several functions

    def __init__(self, function: Foreign, sources: Sequence[Foreign]) -> None:
        self.function, self.sources = function, sources

    def __call__(self, values: list[Array], inputs: Nested[Array]) -> tuple[Nested[Array], list[Array]]:
        """Return the outputs, and the values of the weights that are not trained after the call.

        Args:
            values: the weights.
            inputs: the argument of the function.
        """
        leaves, structure = jax.tree.flatten(inputs)
        run = functools.partial(self._run, structure)
        if not any(isinstance(v, jax.core.Tracer) for v in (*values, *leaves)):
            return jax.tree.map(jnp.asarray, run(values, leaves))
        zeros = [np.zeros(leaf.shape, leaf.dtype) for leaf in leaves]
        result = run([source.numpy() for source in self.sources], zeros)
        shapes = jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, dtypes.device_dtype(v.dtype)), result)
        return _with_gradient(run, functools.partial(self._gradient, structure), shapes)(values, leaves)

    def _set(self, values: Sequence[Any], leaves: Sequence[Any], structure: Any) -> Any:
        """Assign the weights, and return the argument of the function as tensors."""
        for source, value in zip(self.sources, values, strict=True):
            source.assign(np.asarray(value))
        return tensors(jax.tree.unflatten(structure, leaves))

    def _run(self, structure: Any, values: Sequence[Any], leaves: Sequence[Any]) -> Any:
        with self.lock:
            outputs = self.function(self._set(values, leaves, structure))
            state = [source for source in self.sources if not source.trainable]
            return jax.tree.map(lambda v: v.numpy(), (outputs, state))

    def _gradient(self, structure: Any, values: Sequence[Any], leaves: Sequence[Any], cotangents: Any) -> Any:
        with self.lock, tf.GradientTape() as tape:
            given = self._set(values, leaves, structure)
            tape.watch([leaf for leaf in jax.tree.leaves(given) if leaf.dtype.is_floating])
            outputs = jax.tree.leaves(self.function(given))
            targets = [*self.sources, *jax.tree.leaves(given)]
            found = tape.gradient(
                outputs,
                targets,
                output_gradients=tensors(jax.tree.leaves(cotangents)),
                unconnected_gradients="zero",
            )
        return [np.asarray(tf.convert_to_tensor(gradient)) for gradient in found]


def _with_gradient(run: Callable[..., Any], gradient: Callable[..., Any], shapes: Any) -> Callable[..., Any]:
    """A function (values, leaves) of JAX that calls the host, also for its gradient."""

    def forward(values: Any, leaves: Any) -> Any:
        return jax.pure_callback(run, shapes, values, leaves)

    def backward(given: Any, cotangents: Any) -> Any:
        values, leaves = given
        specs = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in (*values, *leaves)]
        found = jax.pure_callback(gradient, specs, values, leaves, cotangents[0])
        cast = [
            g if dtypes.is_float(v.dtype) else np.zeros(v.shape, jax.dtypes.float0)
            for g, v in zip(found, specs, strict=True)
        ]
        return cast[: len(values)], cast[len(values) :]

    function = jax.custom_vjp(forward)
    function.defvjp(lambda values, leaves: (forward(values, leaves), (values, leaves)), backward)
    return function


def _endpoint(saved: Foreign, name: str, filepath: PathLike) -> Foreign:
    """The function of a SavedModel with this name."""
    function = getattr(saved, name, None) or saved.signatures.get(name)
    if not callable(function):
        raise ArgumentError(
            message(
                f"The SavedModel {os.fspath(filepath)!r}",
                expected=f"a function {name!r}",
                got=f"the signatures {', '.join(sorted(saved.signatures))}",
                hint="Give its name: TFSMLayer(filepath, call_endpoint=...).",
            )
        )
    return function


def _variables(functions: Any) -> list[Foreign]:
    """The variables of functions, each once."""
    concrete = [each for function in functions for each in getattr(function, "concrete_functions", [function])]
    return list({id(v): v for each in concrete for v in each.variables}.values())
