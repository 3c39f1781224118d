"""The layer: declares its arguments, builds its weights, calls on arrays. Everything else is found out by tracing."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import jax

from gazelle import initializers
from gazelle.core import arrays, closed_over_tensors, dtypes, prng, symbolic, tracing
from gazelle.core.config import ArgumentTypeError, resolve, serialize, serialize_object
from gazelle.core.errors import ArgumentError, GazelleError, ShapeError, StateError, message, unknown
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.outdated import argument_hint
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.core.traceback import filtered
from gazelle.core.variable import Variable
from gazelle.layers import declared_shape, weight_tree
from gazelle.layers.input_validation import Checked
from gazelle.layers.stateless import Stateless
from gazelle.layers.weight_storage import as_shape

_ORDER = ("shape", "initializer", "dtype", "trainable", "autocast", "regularizer", "constraint")  # Keras' of add_weight
_path: ContextVar[str] = ContextVar("gazelle_layer_path", default="")  # of the layer that builds or calls others


class Layer(Stateless, Checked):
    """A function with weights: the building block of every model.

    A subclass names its arguments in `__init__`, makes weights in `build(input_shape)` (sizes are known there) and
    computes in `call`, with `jax.numpy`, `gazelle.ops` or operators. Shapes, dtypes and masks follow by tracing `call`.

    Args:
        name: name in summaries and files; made from the class if None.
        dtype: a dtype for computation and weights, or a policy such as 'mixed_bfloat16'; None is the global policy.
        autocast: whether floats are brought to the dtype of computation where they come in.
        trainable: False keeps the weights as they are in training.
        activity_regularizer: penalty computed from the output.
        input_shape, input_dim, batch_size: shape of one sample, for the first layer of a `Sequential`.

    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, x):
    ...         return x * self.factor
    >>> Scale()(jnp.ones((2, 3))).shape
    (2, 3)
    """

    _namespace = "layers"
    supports_masking = False

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        activity_regularizer: Any = None,
        autocast: bool = True,
        input_shape: Any = None,
        input_dim: int | None = None,
        batch_size: int | None = None,
        batch_input_shape: Any = None,
        batch_shape: Any = None,
        **unknown_arguments: Any,
    ) -> None:
        if unknown_arguments:
            known = [*self._signature(type(self).__init__), "name", "dtype", "trainable", "input_shape", "input_dim"]
            first = next(iter(unknown_arguments))
            error = unknown(f"argument of {type(self).__name__}", first, known, argument_hint(first, known))
            raise ArgumentTypeError(str(error))
        if name is not None and not isinstance(name, str):
            raise ArgumentError(message(f"name of {type(self).__name__}", expected="text", got=repr(name)))
        self.auto_named = name is None
        self.name = name or self._automatic_name()
        self._set_precision(dtype, autocast)
        self._trainable = trainable
        self.built = False
        self.nodes: list[Node] = []
        self.activity_regularizer = resolve("activity_regularizer", activity_regularizer)
        self._eager_losses: list[Any] = []
        self._build_shapes: Any = None
        if input_dim is not None:
            input_shape = (input_dim,)
        given = batch_input_shape if batch_input_shape is not None else batch_shape
        if given is None and input_shape is not None:
            shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
            if any(n is not None and (not hasattr(n, "__index__") or n < 0) for n in shape):
                wanted = "sizes of one sample, whole numbers or None"
                raise ArgumentError(message(f"input_shape of {self._label}", expected=wanted, got=repr(input_shape)))
            given = (batch_size, *shape)
        self.batch_shape = given  # what a Sequential builds itself from
        self.__dict__.pop("input_shape", None)  # of a layer that is built, the word means another thing

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _marks_built(cls.__dict__["build"])  # type: ignore[method-assign]

    # What an author writes -------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights. Called once, before the first call, with the shapes of its inputs."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no call method: def call(self, x): return ...")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output: the input's, where the layer `supports_masking`."""
        return mask if self.supports_masking else None

    def add_weight(
        self,
        *args: Any,
        name: str | None = None,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        **_: Any,
    ) -> Variable:
        """Make a variable: add_weight(name, shape, initializer), or in Keras' order add_weight(shape, initializer).

        Without an initializer, regularizer or constraint, `add_weight("kernel", shape)` takes the attributes
        `kernel_initializer`, `kernel_regularizer` and `kernel_constraint`.
        """
        if args:
            named = args[0] is None or isinstance(args[0], str)
            given = dict(zip(("name", *_ORDER) if named else _ORDER, args, strict=False))
            words = {"name": name, "shape": shape, "initializer": initializer, "dtype": dtype}
            words |= {"trainable": trainable, "autocast": autocast, "regularizer": regularizer}
            return self.add_weight(**{**words, "constraint": constraint, **given})
        name = name or "variable"

        def option(kind: str, value: Any) -> Any:
            return resolve(kind, value if value is not None else getattr(self, f"{name}_{kind}", None))

        dtype = dtypes.standardize(dtype if dtype is not None else self.variable_dtype)
        default = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        return Variable(
            option("initializer", initializer) or initializers.get(default),
            shape or (),
            dtype,
            trainable,
            name=name,
            regularizer=option("regularizer", regularizer),
            constraint=option("constraint", constraint),
            autocast=autocast,
        )

    def add_variable(self, shape: Any, initializer: Any, **kwargs: Any) -> Variable:
        """`add_weight` in Keras' order."""
        return self.add_weight(shape=shape, initializer=initializer, **kwargs)

    def add_loss(self, loss: Any, inputs: Any = None) -> None:
        """Add a value to what training minimizes. Called in `call`."""
        scope = tracing.current()
        for value in loss if isinstance(loss, (list, tuple)) else [loss]:
            if scope is not None:
                scope.losses.append((self, value))
            else:
                self._eager_losses.append(value)

    def add_metric(self, value: Any, name: str | None = None, aggregation: Any = "mean") -> None:
        """Show a value in the logs, as its mean over the samples. Called in `call`."""
        scope = tracing.current()
        if scope is not None:
            scope.reports[name or f"{self.name}_metric"] = value

    def random_key(self, seed: int | None = None) -> jax.Array:
        """A key for this call: a function of (seed, step, layer), so a resumed run draws the same numbers."""
        scope = tracing.current()
        if scope is not None and scope.key is not None:
            key = scope.draw(scope.names.get(id(self), self.name))
            return key if seed is None else jax.random.fold_in(key, seed)
        self._draws = getattr(self, "_draws", -1) + 1  # outside of a step: this layer's own sequence
        if self._draws == 0:
            self._start = prng.next_seed() if seed is None else seed
        return jax.random.fold_in(arrays.key(self._start), self._draws)

    # Calling ---------------------------------------------------------------------------------------------------------

    @filtered
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if "name" not in self.__dict__:
            raise StateError(
                message(
                    f"{type(self).__name__} was not set up",
                    hint=f"Start {type(self).__name__}.__init__ with super().__init__().",
                )
            )
        for value in args[:1]:
            if isinstance(value, Layer):
                raise ArgumentTypeError(
                    message(
                        f"Input of {self._label}",
                        expected="a tensor or an array",
                        got=f"the layer '{value.name}'",
                        hint=f"Write {type(self).__name__}(...)(layer(x)): a layer is called on its input.",
                    )
                )
        outer = tracing.current()
        if symbolic.any_symbolic(args, kwargs) or (outer is None and any(hasattr(a, "writes_graphs") for a in args)):
            return self._call_symbolic(args, kwargs)
        if outer is not None:
            if outer.losses and not _path.get():  # a step calls it again: what it added before is of that call
                mine = set(map(id, weight_tree.named_layers(self).values()))
                outer.losses[:] = [(layer, value) for layer, value in outer.losses if id(layer) not in mine]
            return self._call_arrays(outer, args, kwargs)
        self._eager_losses = []
        with tracing.entered(tracing.Scope()) as scope:
            out = self._call_arrays(scope, args, kwargs)
        self._eager_losses = [value for _, value in scope.losses]
        return out

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        if symbolic.any_symbolic(args, kwargs):
            args, kwargs = symbolic.map_tree(self._to_array, (args, kwargs))
        self._ensure_built(args, kwargs)
        beside = closed_over_tensors.find_tensors_of_object(self)

        def call(arrays: Any, *args: Any, **kwargs: Any) -> Any:
            with tracing.bind_symbolic(dict(zip(map(id, beside), arrays, strict=True))):
                return self._call_arrays_here(*args, **kwargs)

        try:
            outputs = symbolic.output_spec(call, (beside, *args), kwargs, name=self.name)
        except symbolic.NeedsGraphError:  # the layer becomes steps of the graph around it
            out = self.call(*args, **kwargs)
            return out[0] if isinstance(out, list) and len(out) == 1 else out
        except ShapeError:
            outputs = declared_shape.outputs(self, args)
            if outputs is None:
                raise
        Node(self, args, kwargs, outputs, beside)
        return outputs

    def _call_arrays_here(self, *args: Any, **kwargs: Any) -> Any:
        scope = tracing.current()
        assert scope is not None
        return self._call_arrays(scope, args, kwargs)

    def _call_arrays(self, scope: tracing.Scope, args: Any, kwargs: dict[str, Any]) -> Any:
        masks = [get_mask(leaf) for leaf in jax.tree.leaves(args[:1])]
        args, kwargs = jax.tree.map(self._to_array, (args, dict(kwargs)), is_leaf=lambda v: isinstance(v, Variable))
        self._ensure_built(args, kwargs)
        self._check_inputs(args)
        self._check_whole()
        known = self._signature(type(self).call)
        outer_training = scope.training
        training = self._training(outer_training, args, kwargs)
        if "training" in known and self._positional("training", args) is None:
            kwargs["training"] = bool(training)
        else:
            kwargs.pop("training", None)
        mask = masks[0] if len(masks) == 1 and not isinstance(args[0], (list, tuple, dict)) else masks
        masked = any(m is not None for m in masks)
        if kwargs.get("mask") is not None:
            mask, masked = kwargs["mask"], True
        if "mask" in known and masked and self._positional("mask", args) is None:
            kwargs["mask"] = mask
        scope.training, outer_cast, scope.cast = training, scope.cast, self._reading(scope.cast)
        token = _path.set(self._place())
        try:
            with jax.named_scope(self.name) if scope.pure else contextlib.nullcontext():  # what engines' errors name
                out = self.rematerialized_call(self.call, *args, **kwargs)(*args, **kwargs)
        except GazelleError:
            raise
        except (TypeError, ValueError) as error:
            raise self._explained(error, args).with_traceback(error.__traceback__) from error
        finally:
            scope.training, scope.cast = outer_training, outer_cast
            _path.reset(token)
        if masked:
            self._set_masks(out, self.compute_mask(args[0] if args else None, mask))
        elif type(self).compute_mask is not Layer.compute_mask:  # layers that begin a mask
            self._set_masks(out, self.compute_mask(args[0] if args else None, mask or None))
        if self.activity_regularizer is not None:
            for leaf in jax.tree.leaves(out):
                scope.losses.append((self, self.activity_regularizer(leaf) / leaf.shape[0]))
        if scope.observe is not None:
            scope.observe(self, out)
        return out

    @staticmethod
    def _set_masks(out: Any, mask: Any) -> None:
        outs = jax.tree.leaves(out)
        each = mask if isinstance(mask, (list, tuple)) else [mask] * len(outs)
        for tensor, its in zip(outs, each, strict=False):
            set_mask(tensor, its)

    def _training(self, outer: bool | None, args: Any, kwargs: Mapping[str, Any]) -> bool | None:
        """Whether this call trains: as it says, else as the call around it, else as the signature of `call` has it."""
        said = kwargs.get("training", self._positional("training", args))
        if said is not None:
            return bool(said)
        if outer is not None or "training" in kwargs or "training" not in self._signature(type(self).call):
            return outer
        default = inspect.signature(type(self).call).parameters["training"].default
        return bool(default) if isinstance(default, bool) else None

    def _positional(self, name: str, args: Any) -> Any:
        names = list(self._signature(type(self).call))
        return args[names.index(name)] if name in names and names.index(name) < len(args) else None

    def _place(self) -> str:
        """The path of the layer, which it takes from the layer that builds or calls it first."""
        if self.path is None:
            outer = _path.get()
            self.path = f"{outer}/{self.name}" if outer else self.name
        return self.path

    def _ensure_built(self, args: Any, kwargs: Mapping[str, Any]) -> None:
        if self.built:
            return
        first = args[0] if args else next(iter(kwargs.values()), None)
        shapes = symbolic.map_tree(lambda leaf: tuple(getattr(leaf, "shape", ())), first)
        names = list(self._signature(type(self).build))
        if len(names) > 1:  # build(self, query_shape, value_shape): by the names of call's arguments
            given = dict(zip(self._signature(type(self).call), args, strict=False)) | dict(kwargs)
            by_name = {
                f"{key}_shape": symbolic.map_tree(lambda leaf: tuple(getattr(leaf, "shape", ())), value)
                for key, value in given.items()
                if hasattr(value, "shape")
            }
            if all(name in by_name or self._has_default(name) for name in names):
                self._build_shapes = {name: by_name[name] for name in names if name in by_name}
                self.build(**self._build_shapes)
                return
        self._check_inputs(args)
        try:
            self.build(shapes)
        except (TypeError, IndexError) as error:
            explained = self._unbuilt(error, args, first)
            if explained is None:
                raise
            raise explained from error

    def _has_default(self, name: str) -> bool:
        return inspect.signature(type(self).build).parameters[name].default is not inspect.Parameter.empty

    @staticmethod
    @functools.cache
    def _signature(function: Callable[..., Any]) -> tuple[str, ...]:
        """The names of a method's arguments, `self` left out."""
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        parameters = inspect.signature(function).parameters.values()
        return tuple(p.name for p in parameters if p.kind not in kinds and p.name != "self")

    # What a reader asks ----------------------------------------------------------------------------------------------

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The output's shape for an input's shape, by tracing."""

        def is_shape(v: Any) -> bool:
            return isinstance(v, (tuple, list)) and all(n is None or isinstance(n, int) for n in v)

        inputs = jax.tree.map(lambda s: KerasTensor(s, self.compute_dtype), (args, kwargs), is_leaf=is_shape)
        return symbolic.map_tree(lambda t: t.shape, self.compute_output_spec(*inputs[0], **inputs[1]))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic output for symbolic inputs, without adding to the graph."""
        self._ensure_built(args, kwargs)
        return symbolic.output_spec(self._call_arrays_here, args, kwargs, name=self.name)

    def quantize(self, mode: str | None = None, config: Any = None, type_check: bool = True) -> None:
        """Keep the weights in whole numbers: layers that can be multiply a matrix or look up rows."""
        raise ArgumentError(
            message(
                f"quantize of {self._label}",
                expected="Dense, EinsumDense, Embedding or ReversibleEmbedding",
                got=type(self).__name__,
            )
        )

    # Config ----------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with the automatic name filled in."""
        config = super().get_config()
        inherited = inspect.unwrap(type(self).__init__) is inspect.unwrap(Layer.__init__)
        for key in ("input_shape", "input_dim", "batch_input_shape", "batch_size", "batch_shape", "autocast"):
            if inherited or key not in self._signature(type(self).__init__) or key in ("input_shape", "input_dim"):
                config.pop(key, None)
        base = {"name": self.name, "trainable": self.trainable, "dtype": serialize_object(self.dtype_policy)}
        config = {**base, **config, **base}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer)
        return config

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _marks_built(build: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        shapes = as_shape(args[0]) if args else next(iter(kwargs.values()), None)
        named = dict(zip(self._signature(build), args, strict=False)) | kwargs
        token = _path.set(self._place())
        try:
            build(self, *((shapes, *args[1:]) if args else ()), **kwargs)
        finally:
            _path.reset(token)
        if self._build_shapes is None:
            self._build_shapes = named if len(named) > 1 else shapes
        self.built = True

    return wrapped
