"""Layers: calls on tensors, weights."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence, ValuesView
from types import SimpleNamespace
from typing import Any

from gazelle import initializers
from gazelle.compat import backend, bindings, era, facade, former_files, loss_graph, methods, old_names
from gazelle.compat.arguments import one_element, translation
from gazelle.compat.backend import initialization, phase
from gazelle.compat.classes import adopt, core_class, is_generated, is_mixin
from gazelle.compat.era import NOTHING, called_by_gazelle
from gazelle.compat.layers import call_tensors
from gazelle.compat.mixins import layer_methods, masks
from gazelle.compat.mixins.common import METRIC_RESULTS, CompatObject, Function, FunctionAttribute, receiving_tensors
from gazelle.compat.mixins.variables import SymbolicTensor
from gazelle.compat.private import private_methods
from gazelle.compat.regularizers import Penalty
from gazelle.compat.types import TensorLike
from gazelle.compat.weights import derived_weights, first_weights, initial_values, weight_lists, weight_order
from gazelle.constraints import Constraint
from gazelle.core import dtypes, names, shape_inference, symbolic, tracing
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.own_code import from_gazelle
from gazelle.core.prng import SeedGenerator
from gazelle.core.registry import REGISTRY, custom_object_scope, custom_objects
from gazelle.core.replaceable import replaceable
from gazelle.core.symbolic import KerasTensor
from gazelle.core.traceback import filtered, warn
from gazelle.core.types import ArrayLike, Config, Nested, Shape, Tree
from gazelle.core.variable import Variable
from gazelle.layers import RNN, Bidirectional, Layer, weight_tree
from gazelle.layers.call_arguments import argument_names, call_argument_names, positional
from gazelle.layers.calling import call_on_values
from gazelle.models import Model
from gazelle.models.graph import Graph
from gazelle.regularizers import Regularizer
from gazelle.saving.h5_format.activations import hard_sigmoid_before_keras_3
from gazelle.saving.registration import imported_classes


def follows_phase() -> bool:
    """Whether calls get the value of `K.set_learning_phase`, which was part of the graphs that were built after it."""
    return era.is_package_before_keras_3() and phase.fixed_phase() is not None


def _takes_phase(layer: Layer, args: Any, kwargs: Any) -> bool:
    """Whether tf.keras 2 took the mode of a call from `K.set_learning_phase`: nothing else determines it."""
    scope = tracing.current()
    if not era.is_tf_keras_2() or (scope is not None and (scope.inside or scope.training is not None)):
        return False
    given = kwargs.get("training", positional(layer, "training", args))
    return given is None and not symbolic.any_symbolic(args, kwargs) and not symbolic.any_in_graph(args, kwargs)


def _sizes_set_in_build() -> tuple[str, ...]:
    """First arguments that a subclass may leave None: it creates a kernel of its own, or sets them in `build`."""
    return ("filters", "units") if era.is_package_before_keras_3() else ("filters",)


def _activation_name(entry: Any) -> Any:
    """A function in a config: Keras 1 and 2 wrote the name of each, tf.keras and Keras 3 those that are also theirs."""
    if era.number() < 3 and entry == hard_sigmoid_before_keras_3.__name__:
        return "hard_sigmoid"
    is_function = isinstance(entry, dict) and entry.get("class_name") == "function"
    named = is_function and (era.is_package_before_keras_3() or entry["config"] in REGISTRY["activations"])
    return entry["config"] if named else entry


def _own_name(activation: Any) -> str | None:
    """The `__name__` that a program gave a layer to use it as an activation, by which Keras 1 and 2 wrote it."""
    name: str | None = vars(activation).get("__name__") if isinstance(activation, Layer) else None
    return name


class LayerMixin(CompatObject):
    """Layers."""

    activation = FunctionAttribute()
    recurrent_activation = FunctionAttribute()
    activity_regularizer = FunctionAttribute()

    _wrapped_methods = {
        "call": layer_methods.named_inputs,
        "compute_mask": masks.own_mask,
        "get_initial_state": masks.initial_state,
    }
    _wrapped_in_programs = {
        **dict.fromkeys(
            ("call", "convolution_op", "_calculate_scores", "_apply_scores", "_merge_function"),
            layer_methods.call_on_tensors,
        ),
        "__init__": derived_weights.tracked_after,
        "build": layer_methods.if_function(layer_methods.as_in_graphs),
        "compute_mask": layer_methods.if_function(receiving_tensors),
        "get_initial_state": layer_methods.if_function(masks.with_dtype),
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not is_generated(cls) and not is_mixin(cls):
            private_methods.warn_of_replaced(cls)

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        shape = kwargs.get("input_shape")
        if isinstance(shape, tuple | list) and any(isinstance(size, tuple | list) for size in shape):
            text = f"{core.__name__} ignores input_shape={shape}"  # Keras looks at that of a first layer alone
            warn(message(text, expected="sizes of one sample, integers or None"))
            kwargs = {name: value for name, value in kwargs.items() if name != "input_shape"}
        unset = [name for name in _sizes_set_in_build() if (args or [kwargs.get(name, 1)])[0] is None]
        if unset:
            unset = [name for name in unset if name in argument_names(core.__init__)[:1]]
            args, kwargs = args[len(unset) :], {**kwargs, **dict.fromkeys(unset, 1)}
        if core is Layer and args and facade.adapter.has_tensors:  # the arguments had an order in tf.keras
            named = dict(zip(("trainable", "name", "dtype"), args, strict=False))
            args, kwargs = (), {**named, "trainable": bool(named["trainable"]), **kwargs}
        with custom_object_scope(imported_classes(kwargs)):  # of configs that are arguments
            super()._init_core(core, args, kwargs, by_gazelle)
        if "units" in unset:
            vars(self)["units"] = None
        if core is Layer and era.number() < 3 and type(self).call is Layer.call:
            self.call = layer_methods.identity
        values: list[Any] = list(vars(self).values())
        for value in values:
            if isinstance(value, Layer | Regularizer | Constraint | KerasTensor) and id(value) != id(self):
                adopt(value)
        if "seed" in vars(self) and _reads_seed_generator(type(self)):
            self.seed_generator = SeedGenerator(self.seed)

    def __getattr__(self, name: str) -> Any:
        found = NOTHING if name.startswith("__") else call_tensors.attribute(self, name)
        return super().__getattr__(name) if found is NOTHING else found

    def __setattr__(self, name: str, value: Any) -> None:
        if era.is_tf_keras_2():
            derived_weights.forget(self, name)
        if name == "name" and era.number() < 3 and isinstance(getattr(type(self), name, None), property):
            vars(self)["name"] = value  # a `name` of the class, which returns `_name`
            name = "_name"
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if not era.is_package_before_keras_3():
            derived_weights.forget(self, name)
        super().__delattr__(name)

    @property
    def batch_input_shape(self) -> Shape | None:
        """The shape that the layer was given for its input."""
        return vars(self).get("batch_shape")

    @batch_input_shape.setter
    def batch_input_shape(self, shape: Shape | None) -> None:
        if shape is not None:
            vars(self)["batch_shape"] = shape if isinstance(shape, list) else tuple(shape)  # programs append to a list

    @property
    def _keeps_inner_masks(self) -> bool:
        return era.number() == 3 or era.is_tf_keras_2()

    @property
    def _freezes_variables(self) -> bool:
        return era.number() == 3

    @property
    def trainable(self) -> bool:
        """Whether training may change the weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if isinstance(self, Model) and era.is_package_before_keras_3():
            self._trainable = bool(value)  # the flags of its layers stayed
        else:
            Layer.trainable.fset(self, value)
        if era.number() < 3:  # a frozen layer also froze layers inside that were unfrozen later
            self._unfrozen = False

    def get_config(self) -> Config:
        """Return the configuration; a `get_config` of the program adds the arguments of its own constructor."""
        return self._config_of_era(super().get_config(), called_by_gazelle(1))

    def _config_of_era(self, config: Config, by_gazelle: bool) -> Config:
        """The configuration that a program gets, with the names of its era."""
        if isinstance(self, Model):
            return config
        if era.number() < 3 and (name := _own_name(vars(self).get("activation"))) is not None:
            config = {**config, "activation": name}
        if by_gazelle:
            return config
        config = {
            key: _activation_name(value) if key.endswith("activation") else value for key, value in config.items()
        }
        if era.number() == 3:
            return config
        shape = vars(self).get("batch_shape")
        first = {} if shape is None else {"batch_input_shape": shape}
        if era.number() == 1:
            return {**first, **config}
        return {**first, **former_files.config_of_layer(self, core_class(type(self)).__name__, config)}

    def compute_output_shape(self, *args: Nested[Shape], **kwargs: Nested[Shape]) -> Nested[Shape]:
        """Return the shape of the output; in the layer's own `call`, that of the layer it is derived from."""
        core: Any = core_class(type(self))
        if "_shape_of_call" not in vars(self):
            vars(self)["_shape_of_call"] = True
            try:
                shape: Any = super().compute_output_shape(*args, **kwargs)
                several = isinstance(self, RNN | Bidirectional) and era.number() < 3 and isinstance(shape[0], tuple)
                shape = list(shape) if several else shape
                of_tf_keras = era.is_tf_keras_2() and not called_by_gazelle(1)
                return layer_methods.tensor_shapes(shape) if of_tf_keras else shape
            finally:
                del vars(self)["_shape_of_call"]
        if core is Layer:
            return args[0]
        inputs: Any = KerasTensor(tuple(args[0]), self.compute_dtype)
        out: Any = shape_inference.output_spec(functools.partial(core.call, self), (inputs,), {}, name=core.__name__)
        return symbolic.map_tree(lambda tensor: tensor.shape, out)

    @classmethod
    def from_config(cls, config: Config, *args: Any, **kwargs: Any) -> Layer:
        """Create a layer from a config, which may name classes of the program; those in files are checked before."""
        if era.number() < 3 and from_gazelle(cls.__init__) and not called_by_gazelle(1):
            config = former_files.current_arguments(core_class(cls).__name__, config)
        dtype = config.get("dtype")
        if isinstance(dtype, dict) and dtype.get("class_name") == "DTypePolicy" and len(dtype["config"]) == 1:
            config = {**config, "dtype": dtype["config"].get("name")}  # a constructor of the program receives a name
        with custom_object_scope({**imported_classes(config), **custom_objects()}):
            return super().from_config(config, *args, **kwargs)

    @filtered
    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        if not args and "inputs" in kwargs and "inputs" not in call_argument_names(self):
            args = (kwargs.pop("inputs"),)  # the first argument of every layer of Keras 2
        args = tuple(list(value) if isinstance(value, ValuesView) else value for value in args)  # `outputs.values()`
        if len(args) > 1 and era.is_tf_keras_2():
            args, kwargs = masks.by_name(self, args, kwargs)
        if phase.fixed_phase() is not None and _takes_phase(self, args, kwargs):
            kwargs["training"] = bool(phase.fixed_phase())
        calls = facade.adapter
        if not calls.has_tensors and facade.loaded.has_box((args, kwargs)):
            calls = facade.loaded  # in a function that received tensors without the facade
        if calls.has_tensors and self._converts_arguments:
            out = calls.layer_call(super().__call__, self, args, kwargs)
        else:
            out = super().__call__(*args, **kwargs)
        if type(out) is tuple and era.number() < 3 and isinstance(self, RNN | Bidirectional):
            out = list(out)
        for tensor in symbolic.leaves(out):
            if type(tensor) is KerasTensor:
                tensor.__class__ = SymbolicTensor
            facade.adapter.mark(tensor)
        return out

    @property
    def _converts_arguments(self) -> bool:
        if vars(self).get("_convert_input_args", True):  # Keras' switch, which preprocessing layers set
            return True
        call = inspect.unwrap(type(self).call)
        return facade.adapter_for(call, owner=type(self)).has_tensors  # it expects tensors of TensorFlow

    def _argument_as_array(self, leaf: Any) -> Any:
        return super()._argument_as_array(leaf) if self._converts_arguments else leaf

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        if follows_phase() and "training" in call_argument_names(self):
            kwargs = {"training": bool(phase.fixed_phase()), **kwargs}
        bindings.bind(self, "function", "activation")
        try:
            outputs = super()._call_symbolic(args, kwargs)
            call_tensors.add_to_graph(self, args, kwargs)
            return outputs
        except Exception as error:
            if not facade.adapter.may_compute_values(error):
                raise
            outputs = call_on_values(self, args, kwargs)
            symbolic.Node(self, args, kwargs, outputs)
            return outputs

    def _ensure_built(self, args: Any, kwargs: Mapping[str, Any]) -> None:
        if not self.built:
            super()._ensure_built(args, kwargs)
            facade.adapter.resume()

    def _call_arrays(self, *args: Any, **kwargs: Any) -> Any:
        _add_losses_of_weights(self)
        if is_generated(type(self)):
            out = super()._call_arrays(*args, **kwargs)
        else:
            with methods.updates_after_call(self):
                out = super()._call_arrays(*args, **kwargs)
        return facade.adapter.unbox(out) if facade.adapter.has_tensors and self._converts_arguments else out

    def add_loss(self, loss: Nested[TensorLike | Function], *args: object, **kwargs: object) -> None:
        """Add values to the loss; a function is computed for the weights of each step, as a penalty of one of them.

        Tensors of a graph that depend on weights alone, which a layer adds in `build`, are computed in each call.
        """
        values = []
        for value in loss if isinstance(loss, list | tuple) else [loss]:
            if callable(value) and not hasattr(value, "shape"):
                _add_penalty(self, value)
                continue
            function = _function_of_weights(value) if vars(self).get("_graph") is None else None
            if function is not None:
                vars(self).setdefault("_losses_of_weights", []).append((value, function))
            values.append(value)
        if values:
            super().add_loss(values, *args, **kwargs)

    @property
    def losses(self) -> list[Any]:
        values: list[Any] = super().losses
        if loss_graph.builds_graphs():
            called = loss_graph.added(self) if getattr(self, "_graph", None) is not None else []
            if called:  # they include those of weights, which calls add
                layers = weight_tree.named_layers(self).values()
                of_weights = {id(value) for one in layers for value, _ in vars(one).get("_losses_of_weights", ())}
                values = [value for value in values if id(value) not in of_weights]
            return loss_graph.with_penalties(self, [*called, *values])
        return facade.adapter.losses(self, values)

    @property
    def weights(self) -> list[Any]:
        return super().weights if era.number() == 3 else weight_order.weights(self)

    @property
    def trainable_weights(self) -> list[Any]:
        """The weights that training changes; until Keras 3 those of a model follow those of its layers."""
        found: list[Any] = super().trainable_weights
        if era.number() == 3:
            return found
        found = weight_order.trained_in_order(self, found)
        extends = era.is_package_before_2_3() and not isinstance(self, Model)
        return weight_lists.WeightList(self, found) if extends else found

    trainable_variables = trainable_weights

    @property
    def variables(self) -> list[Any]:
        found: list[Any] = super().variables
        return found if era.number() == 3 else weight_order.in_order(self, found)

    def add_metric(self, value: TensorLike, name: str | None = None, aggregation: str = "mean") -> None:
        """Report the mean of a value in the logs; what a metric of tf.keras 2 returned is reported by that metric."""
        if not (era.is_tf_keras_2() and METRIC_RESULTS.get(getattr(value, "array", value))):
            super().add_metric(value, name, aggregation)

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        args, kwargs = translation.of_method(self, "add_weight", args, kwargs, called_by_gazelle(1))
        initializer = kwargs.get("initializer")
        if isinstance(initializer, type):
            initializer = kwargs["initializer"] = initializer()
        if initializer is None:
            initializer = getattr(self, f"{kwargs.get('name')}_initializer", None)
        if facade.adapter.has_tensors and dtypes.standardize(kwargs.get("dtype")) == "string":
            return facade.adapter.text_weight(kwargs.get("shape"), initializer, kwargs.get("name"))
        is_own = isinstance(initializer, type) or from_gazelle(type(initializer))
        if not args and callable(initializer) and not is_own:
            kwargs = {**kwargs, "initializer": functools.partial(_initial_value, initializer)}
        elif not args and era.is_package_before_keras_3():
            found = initializers.get(initializer) if isinstance(initializer, str) else initializer
            drawn = initial_values.of_era(self, kwargs.get("name"), found)
            kwargs = kwargs if drawn is found else {**kwargs, "initializer": drawn}
        made = derived_weights.remember(self, adopt(super().add_weight(*args, **kwargs)))
        scope = names.PATH.get()
        if era.is_tf_keras_2() and self.path and scope.startswith(f"{self.path}/"):  # a `tf.name_scope` in `build`
            made.path = f"{scope}/{made.path.removeprefix(f'{self.path}/')}"
        if not args:
            given = kwargs.get("initializer")
            initialization.remember(made, initializer if given is None else given)
        return facade.adapter.remembered(made)

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """Call `add_weight`, which had this name before Keras 3."""
        by_name = era.number() < 3 or (bool(args) and isinstance(args[0], str))
        return self.add_weight(*args, **kwargs) if by_name else super().add_variable(*args, **kwargs)

    def apply(self, *args: Any, **kwargs: Any) -> Tree:
        """Call the layer, as programs for TensorFlow 1 do."""
        return self(*args, **kwargs)

    def get_weights(self) -> list[Any]:
        variables = self.weights if era.number() == 3 else weight_order.of_values(self)
        arrays = weight_tree.get_values(variables)
        if era.number() == 1:
            arrays = first_weights.exported(self, variables, arrays)
        return [one_element.as_numbers(array) for array in arrays]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        variables = self.weights if era.number() == 3 else weight_order.of_values(self)
        if era.number() == 1:
            weights = first_weights.imported(self, variables, weights)
        weight_tree.set_values(self, variables, weights)

    @property
    def non_trainable_variables(self) -> list[Any]:
        if era.number() == 3:
            return super().non_trainable_variables
        return list(self.non_trainable_weights)  # before Keras 3 there were no states of random generators

    @replaceable
    def _tracker(self) -> SimpleNamespace:
        """What Keras finds weights with; it can be unlocked, and attributes may be replaced at any time."""
        return SimpleNamespace(locked=False, lock=lambda *_: None, unlock=lambda: None, untrack=lambda _: None)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Any]:
        """The layer and those inside of it, as packages for Keras 3 list them."""
        found = list(weight_tree.named_layers(self).values())[1:] if recursive else weight_tree.sublayers(self)
        return [adopt(layer) for layer in ([self, *found] if include_self else found)]

    def _automatic_name(self) -> str:
        return old_names.next_name(type(self).__name__)


@functools.cache
def _reads_seed_generator(cls: type) -> bool:
    """Whether methods of the program draw from the generator of a layer that it is derived from, such as Dropout."""
    own = [c for c in cls.__mro__ if not from_gazelle(c)]
    codes = [getattr(member, "__code__", None) for c in own for member in map(inspect.unwrap, vars(c).values())]
    return any(code is not None and "seed_generator" in code.co_names for code in codes)


def _initial_value(initializer: Function, *args: Any, **kwargs: Any) -> Any:
    """What a user-defined initializer returns; the value of an expression of `K.ones` and others."""
    parameters = inspect.signature(initializer).parameters.values()
    if not any(p.name == "dtype" or p.kind is p.VAR_KEYWORD for p in parameters):
        kwargs.pop("dtype", None)  # Keras 2 passed it from 2.3 on
    value = initializer(*args, **kwargs)
    return backend.eval(value) if isinstance(value, KerasTensor) else value


def _function_of_weights(value: Any) -> Function | None:
    """A function of no arguments that computes a tensor of a graph; None if it depends on inputs, and for arrays."""
    if not isinstance(value, KerasTensor):
        return None
    try:
        graph = Graph([], value)
    except ArgumentError:  # it depends on inputs
        return None
    return functools.partial(graph.run, [])


def _add_losses_of_weights(layer: Layer) -> None:
    """Add what `build` of the layer added to the loss, once in a step, with the weights before it updates them."""
    added = vars(layer).get("_losses_of_weights", ())
    scope = tracing.current() if added else None
    if scope is not None and all(owner is not layer for owner, _ in scope.losses):
        scope.losses.extend((layer, function()) for _, function in added)


def _add_penalty(layer: Any, function: Function) -> None:
    """Add a function without arguments to the loss: as the regularizer of a weight, which no other one has."""
    variables = [v for v in weight_tree.named_variables(layer).values() if v.trainable]
    variable = next((v for v in variables if v.regularizer is None), variables[0] if variables else None)
    if variable is None:
        expected = "a layer with trained weights"
        raise StateError(
            message("add_loss of a function", expected=expected, got=repr(layer), hint="Call it in build or later.")
        )
    variable.regularizer = Penalty(function, variable.regularizer)
