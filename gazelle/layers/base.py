"""The layer: a function with weights, which declares its arguments, builds its weights and computes in `call`.

The file is long because it is one public class, whose methods are mostly documentation and call other modules.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Never, overload

import jax
import numpy as np

from gazelle import initializers
from gazelle.core import (
    arrays,
    dtypes,
    forked,
    policies,
    prng,
    remat,
    shape_inference,
    symbolic,
    tracing,
)
from gazelle.core.config import resolve
from gazelle.core.errors import (
    ArgumentError,
    ArgumentTypeError,
    StateError,
    message,
    missing_method,
)
from gazelle.core.names import creation_number, scoped
from gazelle.core.operation import Operation
from gazelle.core.outdated import unknown_argument
from gazelle.core.own_code import from_gazelle
from gazelle.core.printable import printable
from gazelle.core.replaceable import replaceable
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.core.traceback import filtered
from gazelle.core.variable import Variable
from gazelle.layers import (
    call_arguments,
    calling,
    dtype_handling,
    input_spec,
    layer_config,
    quantizing,
    stateless,
    tracking_order,
    weight_storage,
    weight_tree,
)
from gazelle.layers.call_arguments import argument_names

if TYPE_CHECKING:
    from gazelle.core.policies import DTypePolicy
    from gazelle.core.types import (
        Array,
        ArrayLike,
        Config,
        ConstraintLike,
        DTypeLike,
        InitializerLike,
        Nested,
        PolicyLike,
        RegularizerLike,
        Shape,
        Shapes,
        Tree,
    )
    from gazelle.quantizers.configs import QuantizationConfig

# Keras' order of the arguments of add_weight
_ORDER = ("shape", "initializer", "dtype", "trainable", "autocast", "regularizer", "constraint")


class Layer(Operation):
    """A function with weights: the building block of every model.

    A subclass declares its arguments in `__init__`, makes its weights in `build(input_shape)`, where sizes are known,
    and computes in `call`, with `jax.numpy`, `gazelle.ops` or operators. Shapes, dtypes and masks are found by tracing
    `call`.

    Args:
        name: name in summaries and files; made from the class name if None.
        dtype: a dtype of computation and weights, or a policy such as 'mixed_bfloat16'; None is the global policy.
        trainable: False keeps the weights constant in training.
        activity_regularizer: penalty computed from the output.
        autocast: whether floats in the inputs are cast to the dtype of computation.
        input_shape: shape of one sample, for the first layer of a `Sequential`.
        input_dim: the same for samples that are vectors of this size.
        batch_size: number of samples that goes with `input_shape`.
        batch_input_shape: `input_shape` with the batch axis.
        batch_shape: the same as `batch_input_shape`.

    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, x):
    ...         return x * self.factor
    >>> Scale()(jnp.ones((2, 3))).shape
    (2, 3)
    """

    _namespace = "layers"
    _hidden_arguments = ("batch_size", "input_shape")  # names of attributes of programs, and of a built layer
    _tracks_weights = True
    _sparse_inputs = (
        "dense"  # of sparse arrays: "call" receives them, or dense ones and the result is "dense" or "kept"
    )
    _masked_arguments: tuple[str, ...] = ()  # parameters x of `call` to which a parameter x_mask belongs
    _keeps_inner_masks = True  # whether the masks that inner layers set on all outputs replace those of `compute_mask`
    _is_stateless = False  # whether an object needs no build, since it has no weights
    _maps_lists = False  # whether a list of tensors stands for one call for each
    activation: Any  # of layers that have one
    autocast = True  # False in classes that cast floats themselves
    input_spec: Any = None  # an InputSpec, or a list with one
    quantization_modes: tuple[str, ...] = ()  # of which the weights have a quantized form
    _freezes_variables = True  # `trainable` is also that of the variables
    _unfrozen = False  # `trainable` was set to True, since then not by a layer around it
    path: str | None = None  # names of the layers around it and its own, from its first build on
    supports_masking = False

    def _before_assignment(self, name: str, value: Any) -> None:
        if type(value) not in weight_tree.PLAIN:
            tracking_order.note(self, name, value)
        super()._before_assignment(name, value)

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: PolicyLike = None,
        trainable: bool = True,
        activity_regularizer: RegularizerLike = None,
        autocast: bool = True,
        input_shape: Shape | None = None,
        input_dim: int | None = None,
        batch_size: int | None = None,
        batch_input_shape: Shape | None = None,
        batch_shape: Shape | None = None,
        **unknown_arguments: Never,
    ) -> None:
        if unknown_arguments:
            known = [*argument_names(type(self).__init__), "name", "dtype", "trainable", "input_shape", "input_dim"]
            first = next(iter(unknown_arguments))
            raise unknown_argument(type(self).__name__, first, known)
        if name is not None and not isinstance(name, str):
            raise ArgumentError(message(f"name of {type(self).__name__}", expected="text", got=repr(name)))
        self.auto_named = name is None
        self.name = name or self._automatic_name()
        self._dtype_policy = policies.get(dtype)
        self.autocast = bool(autocast) and type(self).autocast
        self._remat = remat.current()
        if not isinstance(trainable, (bool, np.bool_)) and trainable not in (0, 1):
            what = f"trainable of {type(self).__name__}"
            raise ArgumentError(message(what, expected="True or False", got=repr(trainable)))
        self._trainable = bool(trainable)
        self.built = self._is_stateless
        self.creation_number = creation_number()
        self._call_nodes: list[Node] = []
        self.activity_regularizer = resolve("activity_regularizer", activity_regularizer)
        self._eager_losses: list[Any] = []
        self._build_shapes: Any = None
        given = batch_input_shape if batch_input_shape is not None else batch_shape
        sample_shape = layer_config.sample_shape(self._label, None if given is not None else input_shape, input_dim)
        if given is None and sample_shape is not None:
            given = (batch_size, *sample_shape)
        self.batch_shape = given  # a Sequential uses it to build itself

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in cls.__dict__ and not from_gazelle(cls):
            cls._sparse_inputs = "call"
            cls._masked_arguments = call_arguments.masked_arguments(cls.call)
        if "build" in cls.__dict__:
            cls._is_stateless = False
            cls.build = calling.marks_built(cls.__dict__["build"])  # type: ignore[method-assign]

    # What a subclass defines and calls -------------------------------------------------------------------------------

    if TYPE_CHECKING:

        def build(self, *args: Any, **kwargs: Any) -> None:
            """Make the weights; the override in a subclass may have any signature."""

    else:

        def build(self, input_shape: Nested[Shape]) -> None:
            """Make the weights. Called once, before the first call.

            Args:
                input_shape: shape of the first argument of `call`, batch axis first; nested like the inputs. A `build`
                    with several parameters such as `query_shape` and `value_shape` gets the shapes of `query` and
                    `value`.
            """
            self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Nested[Any]:
        """Compute the outputs. Subclasses override it; users call the layer itself.

        Args:
            args: arrays, or structures of arrays.
            kwargs: further arguments; `training` and `mask` are filled in if `call` has parameters of these names.

        Returns:
            An array, or a structure of arrays.
        """
        raise missing_method(self, "call(self, x)")

    if TYPE_CHECKING:

        def compute_mask(self, *args: Any, **kwargs: Any) -> Tree:
            """Return the mask of the output; the override in a subclass may have any signature."""

    else:

        def compute_mask(self, inputs: Nested[Any], mask: Nested[Any] = None) -> Nested[Any]:
            """Return the mask of the output: by default the mask of the input if the layer `supports_masking`.

            Args:
                inputs: the first argument of the call.
                mask: its mask, or a list with one for each tensor in it.

            Returns:
                The mask, a list with one for each output, or None.
            """
            return mask if self.supports_masking else None

    def add_weight(
        self,
        *args: Any,
        name: str | None = None,
        shape: Shape | None = None,
        initializer: InitializerLike = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: RegularizerLike = None,
        constraint: ConstraintLike = None,
        overwrite_with_gradient: bool = False,
        **_: Any,
    ) -> Variable:
        """Make a variable of this layer. Assign it to an attribute.

        `add_weight("kernel", shape)` takes the attributes `kernel_initializer`, `kernel_regularizer` and
        `kernel_constraint` for the arguments that are None.

        Args:
            args: positional arguments, (name, shape, initializer ...) or in Keras' order (shape, initializer ...).
            name: name of the variable.
            shape: its shape; () is a number.
            initializer: its first value; 'glorot_uniform' by default, zeros for integers.
            dtype: its dtype; by default the policy's dtype of variables.
            trainable: whether training changes it.
            autocast: whether `call` reads it in the dtype of computation.
            regularizer: penalty added to the loss.
            constraint: projection applied after each update.
            overwrite_with_gradient: whether an optimizer replaces the value by its gradient.

        Returns:
            The variable.
        """
        if args:
            named = args[0] is None or isinstance(args[0], str)
            given = dict(zip(("name", *_ORDER) if named else _ORDER, args, strict=False))
            options: dict[str, Any] = {"name": name, "shape": shape, "initializer": initializer, "dtype": dtype}
            options |= {"trainable": trainable, "autocast": autocast, "regularizer": regularizer}
            options["overwrite_with_gradient"] = overwrite_with_gradient
            return self.add_weight(**{**options, "constraint": constraint, **given})
        name = name or "variable"

        def option(kind: str, value: Any) -> Any:
            return resolve(kind, value if value is not None else getattr(self, f"{name}_{kind}", None))

        dtype = dtypes.standardize(dtype if dtype is not None else self.variable_dtype)
        default = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        variable = Variable(
            option("initializer", initializer) or initializers.get(default),
            () if shape is None else (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape),
            dtype,
            trainable,
            name=name,
            regularizer=option("regularizer", regularizer),
            constraint=option("constraint", constraint),
            autocast=autocast,
            overwrite_with_gradient=overwrite_with_gradient,
        )
        variable.path = f"{self.path or scoped(self.name)}/{name}"
        variable.owner_number = self.creation_number
        if self._freezes_variables and not self._trainable:
            variable.trainable = False
        return variable

    def add_variable(
        self,
        shape: Shape,
        initializer: InitializerLike,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        **kwargs: Any,
    ) -> Variable:
        """Make a variable: `add_weight` in Keras' order of arguments.

        Args:
            shape: shape of the variable.
            initializer: its first value.
            dtype: its dtype; None is that of the layer's weights.
            trainable: whether an optimizer updates it.
            kwargs: further arguments of `add_weight`.

        Returns:
            The variable.
        """
        return self.add_weight(shape=shape, initializer=initializer, dtype=dtype, trainable=trainable, **kwargs)

    def add_loss(self, loss: ArrayLike | Sequence[ArrayLike], inputs: object = None) -> None:
        """Add a value to the loss that training minimizes. Call it in `call`.

        Args:
            loss: a scalar, or several.
            inputs: ignored; an argument of earlier Keras.
        """
        scope = tracing.current()
        for value in loss if isinstance(loss, (list, tuple)) else [loss]:
            if scope is not None:
                scope.losses.append((self, value))
            else:
                self._eager_losses.append(value)

    def add_metric(self, value: ArrayLike, name: str | None = None, aggregation: str = "mean") -> None:
        """Report a value in the logs of training, as the mean of its values in all batches. Call it in `call`.

        Args:
            value: the value.
            name: its key in the logs; made from the layer's name by default.
            aggregation: ignored; an argument of earlier Keras.
        """
        scope = tracing.current()
        if scope is not None:
            scope.reports[name or f"{self.name}_metric"] = value

    def random_key(self, seed: int | None = None) -> jax.Array:
        """Return a PRNG key for this call: a function of (seed, step, layer), so that a resumed run draws the same.

        Args:
            seed: distinguishes layers that would draw alike.

        Returns:
            The key.
        """
        scope = tracing.current()
        if scope is not None and scope.key is not None:
            key = scope.draw(scope.names.get(id(self), self.name))
            return key if seed is None else jax.random.fold_in(key, seed)
        self._draws = getattr(self, "_draws", -1) + 1  # outside of a training step: a sequence of this layer
        if self._draws == 0:
            self._start = prng.next_seed() if seed is None else seed
        return jax.random.fold_in(arrays.key(self._start), self._draws)

    # Calling ---------------------------------------------------------------------------------------------------------

    @overload
    def __call__(
        self, inputs: KerasTensor | Sequence[KerasTensor] | Mapping[str, KerasTensor], /, *args: Any, **kwargs: Any
    ) -> KerasTensor: ...
    @overload
    def __call__(self, inputs: ArrayLike, /, *args: Any, **kwargs: Any) -> Array: ...
    @overload
    def __call__(self, *args: Nested[Any], **kwargs: Any) -> Tree: ...

    @filtered
    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        """Build the layer if it is not built, and compute `call`.

        Args:
            args: arrays or symbolic tensors, or structures of them.
            kwargs: further arguments of `call`; `training` and `mask` are accepted by every layer.

        Returns:
            The outputs; symbolic tensors for symbolic inputs.
        """
        if "inputs" in kwargs and not args and from_gazelle(type(self).call):
            args = (kwargs.pop("inputs"),)  # Keras' name of the first argument
        self._check_callable(args)
        outer = tracing.current()
        if symbolic.any_symbolic(args, kwargs) or (outer is None and symbolic.any_in_graph(args, kwargs)):
            return self._call_symbolic(args, kwargs)
        if outer is not None:
            # a step calls the layer again: only the last call's losses count
            if outer.losses and not outer.inside:
                own = set(map(id, weight_tree.named_layers(self).values()))
                outer.losses[:] = [(layer, value) for layer, value in outer.losses if id(layer) not in own]
            return self._call_arrays(outer, args, kwargs)
        if forked.without_threads:
            forked.refuse(f"{self._label} was called")
        self._eager_losses = []
        scope = tracing.TraceContext()
        with tracing.entered(scope):
            out = self._call_arrays(scope, args, kwargs)
        if scope.losses:  # each layer has those of this call, and none of earlier ones
            inside = {id(layer): layer for layer in weight_tree.named_layers(self).values()}
            for layer in inside.values():
                layer._eager_losses = []
            for owner, value in scope.losses:
                inside.get(id(owner), self)._eager_losses.append(value)
        return out

    def _check_callable(self, args: Sequence[Any]) -> None:
        if "name" not in self.__dict__:
            hint = f"Start {type(self).__name__}.__init__ with super().__init__()."
            raise StateError(message(f"{type(self).__name__} was not set up", hint=hint))
        if args and isinstance(args[0], Layer):
            raise ArgumentTypeError(
                message(
                    f"Input of {self._label}",
                    expected="a tensor or an array",
                    got=f"the layer '{args[0].name}'",
                    hint=f"Write {type(self).__name__}(...)(layer(x)): a layer is called on its input.",
                )
            )
        if args and isinstance(args[0], (list, tuple)):
            input_spec.check_single(self, args[0])

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        return calling.call_symbolic(self, args, kwargs)

    def _call_arrays_here(self, *args: Any, **kwargs: Any) -> Any:
        scope = tracing.current()
        assert scope is not None
        return self._call_arrays(scope, args, kwargs)

    def _call_arrays(self, scope: tracing.TraceContext, args: Any, kwargs: dict[str, Any]) -> Any:
        return calling.call_arrays(self, scope, args, kwargs)

    def _ensure_built(self, args: Any, kwargs: Mapping[str, Any]) -> None:
        if not self.built:
            calling.build(self, args, kwargs)

    def _check_call_inputs(self, args: Sequence[Any]) -> None:
        input_spec.check_inputs(self, args)

    def _argument_as_array(self, leaf: Any) -> Any:
        return dtype_handling.as_input(self, leaf)

    def rematerialized_call(self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Return `layer_call`, with activations recomputed in the backward pass if the layer's `RematScope` selects it.

        Args:
            layer_call: the function to run, such as `self.call`.
            args: positional arguments that it will receive.
            kwargs: keyword arguments that it will receive.

        Returns:
            The function to run in its place.
        """
        return layer_call if self._remat is None else dtype_handling.rematerialize(self, layer_call, args, kwargs)

    def stateless_call(
        self,
        trainable_variables: Sequence[ArrayLike],
        non_trainable_variables: Sequence[ArrayLike],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Call the layer as a pure function of the values of its variables, to be compiled and differentiated.

        Args:
            trainable_variables: values, in the order of the property of this name.
            non_trainable_variables: values, in the order of the property of this name.
            args: positional arguments of the call.
            return_losses: whether to return the losses of the call, too.
            kwargs: keyword arguments of the call.

        Returns:
            (outputs, values of the non-trainable variables after the call), with `return_losses` a third item: the
            list of losses. The variables do not change.

        Raises:
            StateError: the layer is not built.
            ArgumentError: the number of values differs from the number of variables.

        >>> layer = layers.Dense(2, kernel_initializer="ones")
        >>> _ = layer(np.ones((1, 3)))
        >>> layer.stateless_call([np.zeros((3, 2)), np.ones(2)], [], np.ones((1, 3)))[0].tolist()
        [[1.0, 1.0]]
        """
        return stateless.call(self, trainable_variables, non_trainable_variables, args, kwargs, return_losses)

    # Shapes and dtypes -----------------------------------------------------------------------------------------------

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Shapes:
        """Return the shape of the output for shapes of the inputs, by tracing.

        Args:
            args: shapes in the place of the arguments of `call`.
            kwargs: the same by name, as `query_shape` for the argument `query`; `input_shape` is that of the first.

        Returns:
            The shape, or the shapes in the structure of the outputs.

        Example:
            >>> gazelle.layers.Dense(2).compute_output_shape(input_shape=(None, 3))
            (None, 2)
        """
        if "input_shape" in kwargs:
            args = (kwargs.pop("input_shape"), *args)
        kwargs = {name.removesuffix("_shape"): shape for name, shape in kwargs.items()}

        def is_shape(v: Any) -> bool:
            return isinstance(v, (tuple, list)) and all(n is None or isinstance(n, numbers.Integral) for n in v)

        def tensors(shapes: Any) -> Any:
            return jax.tree.map(lambda shape: KerasTensor(shape, self.compute_dtype), shapes, is_leaf=is_shape)

        named = {name: tensors(shapes) for name, shapes in kwargs.items()}
        return symbolic.map_tree(lambda t: t.shape, self.compute_output_spec(*map(tensors, args), **named))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Nested[KerasTensor]:
        """Return symbolic outputs for symbolic inputs, without adding to a graph.

        Args:
            args: symbolic tensors in the place of the arguments of `call`.
            kwargs: the same by name.

        Returns:
            Symbolic tensors in the structure of the outputs.
        """
        self._ensure_built(args, kwargs)
        return shape_inference.output_spec(self._call_arrays_here, args, kwargs, name=self.name)

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The dtypes of computation and of new weights. A quantized policy quantizes the weights that exist."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: PolicyLike) -> None:
        (quantizing if self.quantization_modes else dtype_handling).set_policy(self, value)

    @property
    def quantization_mode(self) -> str | None:
        """'int8', 'int4' or 'float8' if the policy is quantized, else None."""
        return dtype_handling.effective_policy(self).quantization_mode

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation."""
        return dtype_handling.effective_policy(self).compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which floats in the inputs are cast."""
        return self.compute_dtype

    @property
    def dtype(self) -> str:
        """The dtype of new weights."""
        return dtype_handling.effective_policy(self).variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of new weights."""
        return dtype_handling.effective_policy(self).variable_dtype

    def quantize(
        self, mode: str | None = None, config: QuantizationConfig | None = None, type_check: bool = True
    ) -> None:
        """Store the weights as integers from now on and compute with them, or compute with floats of 8 bits.

        Args:
            mode: "int8": one scale for each column, and inputs of 8 bits. "int4": a scale and a zero for 128 rows each.
                "float8": inputs and weights are rounded to e4m3 and gradients to e5m2, for training. "gptq" and "awq"
                need inputs of the layer, which `model.quantize` measures.
            config: an `Int8QuantizationConfig`, `Int4QuantizationConfig` or `Float8QuantizationConfig` instead.
            type_check: False quantizes classes of your own that inherit from a layer of gazelle, too.

        Raises:
            StateError: the layer is not built, or is quantized already, or its inputs were not measured.
            ArgumentError: the layer has no quantized form, or the mode is unknown.

        >>> layer = gazelle.layers.Dense(2)
        >>> layer.build((None, 3))
        >>> layer.quantize("int8")
        >>> layer.kernel.dtype, layer.dtype_policy.name
        ('int8', 'int8_from_float32')
        """
        quantizing.quantize(self, mode, config, type_check)

    # Weights ---------------------------------------------------------------------------------------------------------

    @property
    def trainable(self) -> bool:
        """Whether training may change the weights. Setting it sets it for layers and variables inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in weight_tree.named_layers(self).values():
            layer._trainable, layer._unfrozen = bool(value), False
            if layer._freezes_variables:
                for variable in weight_tree.own_weights(layer):
                    if variable.made_trainable:
                        variable.trainable = bool(value)
        self._unfrozen = bool(value)

    @property
    def variables(self) -> list[Variable]:
        """All variables, those that files do not hold included."""
        return list(weight_tree.named_variables(self).values())

    @property
    def weights(self) -> list[Variable]:
        """All variables that files hold, a layer's trainable ones before its others, as Keras orders them."""
        return weight_tree.weights(self)

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return weight_tree.trainable_weights(self)

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change."""
        ids = weight_tree.trainable_ids(self)
        return [v for v in self.weights if id(v) not in ids]

    trainable_variables = trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All variables that training does not change, states of random generators included."""
        return stateless.non_trainable_variables(self)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, all of the same training step.

        Returns:
            NumPy arrays in the order of `weights`.
        """
        return weight_tree.get_values(self.weights)

    @filtered
    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Replace all weights.

        Args:
            weights: arrays of the shapes, and in the order, that `get_weights` returns.

        Raises:
            ShapeError: the number of arrays or a shape differs.
        """
        weight_tree.set_values(self, self.weights, weights)

    def count_params(self) -> int:
        """Count the elements of all weights.

        Returns:
            The number of elements.

        Raises:
            StateError: the layer is not built.
        """
        return weight_tree.count_params(self)

    @property
    def losses(self) -> list[Array]:
        """Values of the last call (`add_loss`) and penalties of the regularizers, of this layer and all below it."""
        return weight_tree.losses(self)

    # Config and files ------------------------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Return the configuration of the layer, from which `from_config` makes an equal one with new weights.

        Returns:
            The constructor's arguments as values that JSON can hold, with the automatic name filled in.
        """
        return layer_config.complete(self, super().get_config())

    def _arguments_left_out(self, config: Config) -> dict[str, Any]:
        return layer_config.arguments_left_out(self, config)

    def get_build_config(self) -> Config | None:
        """Return the shapes the layer was built on, so that a loaded layer can be built before it is called.

        Returns:
            The shapes as values that JSON can hold, or None if the layer is not built.
        """
        return weight_storage.build_config(self)

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build the layer on the shapes of a `get_build_config`.

        Args:
            config: what `get_build_config` returned.
        """
        weight_storage.build(self, config)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the layer's own weights, without those of layers inside it, into `store` under '0', '1', ...

        Args:
            store: the mapping to fill.
        """
        weight_storage.save(self, store)

    def load_own_variables(self, store: Mapping[str, np.ndarray]) -> None:
        """Assign what `save_own_variables` put into `store`.

        Args:
            store: arrays under '0', '1', ...

        Raises:
            ArgumentError: the number of arrays differs.
        """
        weight_storage.load(self, store)

    @replaceable
    def _label(self) -> str:
        return f"{type(self).__name__} '{self.name}'"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={printable(self.name)}, built={self.built}>"
