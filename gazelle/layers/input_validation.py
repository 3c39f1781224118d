"""What a layer refuses: inputs of another shape, weights in whole numbers; and how a failure in `call` is told."""

from __future__ import annotations

import inspect
from typing import Any

import jax

from gazelle.core import symbolic
from gazelle.core.config import ArgumentTypeError
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.traceback import explain_tracer_error
from gazelle.layers.dtype_handling import Precise
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.weight_storage import Stored


class Checked(Stored, Precise, abstract=True):
    """The part of a layer that looks at what comes in."""

    is_quantizable = False  # whether the weights can be kept in whole numbers
    input_spec: Any = None  # an InputSpec, or as programs of Keras 1 have it a list with one

    def _check_inputs(self, args: Any) -> None:
        """Hold the first input against `input_spec` and against the shape the layer was built on."""
        given = self.input_spec
        spec = given[0] if isinstance(given, list | tuple) and len(given) == 1 else given
        if not isinstance(spec, InputSpec) or not args or not hasattr(args[0], "shape"):
            return
        shape = tuple(args[0].shape)
        expected = spec.misfit(shape)
        if expected is not None:
            built = f"It was built on {self._build_shapes}: make a new layer, or reshape the input."
            hint = built if self.built and self._build_shapes is not None else spec.hint(shape)
            raise ShapeError(message(self._label, expected=expected, got=f"shape {shape}", hint=hint))

    def _check_whole(self) -> None:
        """A policy of whole numbers on a layer that only has floats: it must not compute with these unsaid."""
        if self.quantization_mode is not None and not self.is_quantizable and self._own_weights():
            raise ArgumentError(
                message(
                    f"dtype policy of {self._label}",
                    expected="one of floats",
                    got=repr(self._policy.name),
                    hint="Dense, EinsumDense, Embedding and ReversibleEmbedding can be quantized.",
                )
            )

    def _unbuilt(self, error: Exception, args: Any, first: Any) -> Exception | None:
        """Why `build` failed, where the call tells it."""
        what, kind = f"Input of {self._label}", type(self).__name__
        shapes = [tuple(leaf.shape) for leaf in symbolic.leaves(first) if hasattr(leaf, "shape")]
        if not shapes:
            got = "none" if first is None else repr(first)[:80]
            hint = f"A layer is called on a tensor: {kind}(...)(x), where x may be made by Input(shape)."
            return ArgumentTypeError(message(what, expected="a tensor or an array", got=got, hint=hint))
        unknown = [shape for shape in shapes if None in shape[1:]]
        if unknown:
            hint = "Write that size into Input(shape), or make it known, for instance by a global pooling layer."
            wanted = "known sizes along the axes that its weights belong to"
            return ShapeError(message(what, expected=wanted, got=f"shape {unknown[0]}", hint=hint))
        parameters = list(inspect.signature(type(self).call).parameters.values())[1:]
        needed = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        if len(args) < len(needed):
            hint = f"Call it as {kind}(...)({', '.join(needed)})."
            return ArgumentTypeError(message(what, expected=f"{len(needed)} tensors", got=len(args), hint=hint))
        return None

    def _explained(self, error: Exception, args: Any) -> Exception:
        """A failure inside `call`, told with the layer's name and the shapes it received."""
        shapes = [symbolic.shown(leaf.shape) for leaf in jax.tree.leaves(args) if hasattr(leaf, "shape")]
        first = str(error).strip().split("\n")[0]
        kind = ShapeError if isinstance(error, ValueError) or "shape" in first else ArgumentTypeError
        asked = explain_tracer_error(error)
        if asked is not None:
            kind, first = ArgumentTypeError, "\n".join(asked)
        return kind(f"{self._label} failed on input of shape {', '.join(map(str, shapes))}: {first}")
