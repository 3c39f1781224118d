"""Models: their constructors, attributes of earlier versions, and methods (`model_methods`, `steps`)."""

from __future__ import annotations

import functools
import json
import pprint
import sys
from types import FunctionType
from typing import Any

from gazelle import tree
from gazelle.compat import (
    era,
    facade,
    former_files,
    frozen,
    functions,
    graph_views,
    logs,
    methods,
    namespaces,
    step_functions,
)
from gazelle.compat.arguments.columns import OF_LABELS
from gazelle.compat.classes import STEPS, adopt, compat_class, plain
from gazelle.compat.closures import ClosuresOfPrograms
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.layers.module_layer import ModuleWrapper
from gazelle.compat.metrics import containers, keras1_metrics
from gazelle.compat.mixins.common import as_given, prepare
from gazelle.compat.mixins.layers import follows_phase
from gazelle.compat.mixins.model_methods import translated_method
from gazelle.compat.mixins.steps import loss_as_array, step_on_tensors
from gazelle.compat.optimizers import resource_optimizers
from gazelle.compat.step_functions import Maker
from gazelle.compat.tables import listed
from gazelle.compat.types import Function, Option, TensorResult
from gazelle.core import symbolic
from gazelle.core.own_code import from_gazelle
from gazelle.core.serialization import serialize as serialize_argument
from gazelle.core.symbolic import KerasTensor
from gazelle.core.traceback import warn
from gazelle.core.types import Config, LossLike, Nested, Shape, Tree
from gazelle.layers.call_arguments import argument_names
from gazelle.models import Functional, Model, model_metrics, step_methods
from gazelle.saving.registration import serialize_keras_object as serialize
from gazelle.training.compile_metrics import CompileMetrics


def _alone(tensors: Any) -> Any:
    """The symbolic tensor in a list of one, as Keras 2 took the inputs and outputs of a model."""
    single = isinstance(tensors, list) and len(tensors) == 1 and isinstance(tensors[0], KerasTensor)
    return tensors[0] if single else tensors


class _OfClass:
    """A method of earlier versions, which programs read from the class or from `super()`: `Model.fit_generator`."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __get__(self, model: Any, cls: Any = None) -> Any:
        if era.number() == 3:
            raise AttributeError(self._function.__name__)
        return self._function if model is None else functools.partial(self._function, model)


_METRICS = ("metrics", "weighted_metrics")


class ModelMixin:
    """Models."""

    fit_generator, evaluate_generator, predict_generator = map(
        _OfClass, (methods.fit_generator, methods.evaluate_generator, methods.predict_generator)
    )

    _make_train_function, _make_test_function, _make_predict_function = map(Maker, step_functions.STEPS)

    _wrapped_in_programs = {**dict.fromkeys(STEPS, step_on_tensors), "compute_loss": loss_as_array}
    _closures = ClosuresOfPrograms
    _records_steps = False  # whether steps call `tf.gradients`
    _keeps_totals = False  # whether the next batch continues the totals of metrics, before TensorFlow 2.9
    _accuracy_by_call = False  # whether calls request the accuracy, as in Keras 0.x

    def __init_subclass__(cls, **kwargs: Any) -> None:
        own = vars(cls).get("__call__")
        if isinstance(own, FunctionType) and _replaces_call(own) and from_gazelle(cls.call):
            # steps call the model, `call` or not; those of Keras 3 pass `training` to a `call` that takes it
            for_steps = own if era.number() < 3 else lambda self, *args: own(self, *args)
            cls.call = for_steps  # type: ignore[method-assign]
            if era.number() < 3:
                del cls.__call__
        super().__init_subclass__(**kwargs)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__dict__.get("_core") is Model and (args or not {"inputs", "input"}.isdisjoint(kwargs)):
            cls = compat_class(Functional)
        prepare(cls)
        return object.__new__(cls)

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if core is Model and len(args) == 1 and isinstance(args[0], str | Model):  # tf.keras took the name first
            args, kwargs = (), {**({"name": args[0]} if isinstance(args[0], str) else {}), **kwargs}
        if core is Model and len(args) == 1 and era.number() < 3 and not symbolic.any_symbolic((args, kwargs)):
            args = ()  # `super().__init__(kwargs)`: without outputs it ignored them
        if era.number() < 3 and not by_gazelle:
            args, kwargs = tuple(map(_alone, args)), {name: _alone(value) for name, value in kwargs.items()}
        super()._init_core(core, args, kwargs, by_gazelle)

    def get_config(self, verbose: int = 0) -> Config:
        """Return the configuration, and print it, as in Keras 0.x, if `verbose` is not 0."""
        own = type(self).get_config is not ModelMixin.get_config
        if own or era.number() != 2 or called_by_gazelle(1) or self._graph is None:
            config: Config = super().get_config()
        else:
            config = former_files.config_of_model(self)
        if verbose:
            pprint.pprint(config)
        return config

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        """Call the model; `call` of models without one of their own ignores keywords that it does not have."""
        if kwargs and from_gazelle(type(self).call):
            unknown = sorted(kwargs.keys() - {"inputs", "training", "mask", *argument_names(type(self).call)})
            if unknown:
                warn(f"Model '{self.name}' ignores {', '.join(unknown)}.")
                kwargs = {name: value for name, value in kwargs.items() if name not in unknown}
        with frozen.inside(self):
            return super().__call__(*args, **kwargs)

    def call(self, inputs: Tree, training: bool | None = None, mask: Tree = None) -> Tree:
        """Compute the outputs of a graph; called by a program, it is the call itself, which tapes record.

        Before Keras 3 the layers had the mode of the call around it, and `training` had no effect.
        """
        is_own = not from_gazelle(type(self).call)  # which calls this one
        given = {"training": training, "mask": mask}
        if not is_own and self._graph is not None and not called_by_gazelle(1):
            given["training"] = training if era.number() == 3 else None
            return self(inputs, **{name: value for name, value in given.items() if value is not None})
        call = super().call
        taken = argument_names(call.__func__)
        return call(inputs, **{name: value for name, value in given.items() if name in taken})

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "built":
            methods.load_waiting(self)

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        methods.build_first(self, args, kwargs)
        super()._ensure_built(args, kwargs)

    @property
    def loss(self) -> Nested[LossLike]:
        return _as_given(Model.loss.fget(self))

    @loss.setter
    def loss(self, loss: Nested[LossLike]) -> None:
        Model.loss.fset(self, plain(loss))

    @property
    def layers(self) -> list[Any]:
        return graph_views.layers(self, super().layers)

    @property
    def metrics_names(self) -> list[str]:
        names: list[str] = super().metrics_names
        return logs.metrics_names(self, names) if era.number() < 3 else names

    @property
    def metrics(self) -> list[Any]:
        """The metrics; in Keras 2 those given to `compile` were single ones, and the loss was one in tf.keras alone."""
        found: list[Any] = super().metrics
        if facade.computes_with_torch() and not called_by_gazelle(1):
            return adopt(found)
        in_property = sys._getframe(1).f_code.co_name == "metrics"  # of a program, which adds its own
        if era.number() != 2 or called_by_gazelle(1) or in_property:
            return found
        count = len(model_metrics.compile_metrics(self))
        given = [one for one in found[:count] if isinstance(one, CompileMetrics)]
        means = [] if era.standalone() else [one for one in found[:count] if one not in given]
        trainer: Any = vars(self)["_trainer"]
        reports = () if trainer is None else trainer.metrics.reports
        state = vars(self)["_compile_state"]
        own_step = step_methods.overrides(self, "train_step")
        has_loss = not own_step or (state is not None and state.arguments.get("loss") is not None)
        losses = [one for one in means if one.name not in reports and has_loss]
        added = [one for one in means if one.name in reports]  # values of `add_metric`
        return [*losses, *(metric for one in given for metric in one.named_metrics()), *added, *found[count:]]

    @property
    def compiled_loss(self) -> Function:
        """The loss, with attributes of the container of losses that it was."""
        return containers.compiled_loss(self)

    @compiled_loss.setter
    def compiled_loss(self, value: Function) -> None:
        self._given_compiled_loss = value

    def get_compile_config(self) -> Config | None:
        """Return the arguments of `compile`, with metrics of Keras 1 by their names; None for `tf.train.Optimizer`."""
        if resource_optimizers.is_of_tf_train(self.optimizer):
            warn("Optimizers of tf.train are not saved: compile the model again after loading it.")
            return None
        config: Config | None = super().get_compile_config()
        if config is None:
            return None
        given = self._compile_state.arguments
        config |= {key: serialize_argument(tree.map_structure(as_given, given[key])) for key in OF_LABELS}
        if era.number() == 1:
            config |= {kind: serialize(tree.map_structure(keras1_metrics.by_name, given[kind])) for kind in _METRICS}
        return config

    def to_json(self, **kwargs: Any) -> str:
        if era.number() == 2:
            config = former_files.model_config(self)
        else:
            text: str = super().to_json(**kwargs)
            if era.number() == 3:
                return text
            config = json.loads(text)
        return json.dumps({**config, "keras_version": namespaces.version("keras"), "backend": "tensorflow"}, **kwargs)

    def add_metric(self, value: TensorResult, name: str | None = None, aggregation: str | None = "mean") -> None:
        """Report the mean of a value in the logs; the result of a metric has the metric's name."""
        super().add_metric(value, name or getattr(value, "metric_name", None), aggregation)

    def _callback_params(self, callbacks: Any, source: Any, options: Any, params: dict[str, Any]) -> dict[str, Any]:
        return logs.callback_params(self, (callbacks, source, options), params)

    @classmethod
    def from_config(cls, *args: Any, **kwargs: Any) -> Model:
        return functions.adopted(super().from_config, args, kwargs)


for _name in listed("""compile evaluate fit load_weights predict predict_on_batch save save_weights summary
    test_on_batch train_on_batch"""):
    setattr(ModelMixin, _name, translated_method(ModelMixin, _name))


def _as_given(loss: Any) -> Any:
    """What `compile` was given: functions of the program, and those of the namespaces, which take tensors."""
    converted = lambda one: namespaces.converted(one) if isinstance(one, FunctionType) else one  # noqa: E731
    return tree.map_structure(lambda one: converted(as_given(one)), loss)


def _replaces_call(function: FunctionType) -> bool:
    """Whether a `__call__` of a program computes the outputs itself: it calls no other `__call__`, nor `call`."""
    return not from_gazelle(function) and not {"__call__", "call"}.intersection(function.__code__.co_names)


class SequentialMixin:
    """Sequential models."""

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if len(args) > 1 and isinstance(args[1], str | None):  # the name was the second argument in Keras 2
            args, kwargs = args[:1], {"name": args[1], **kwargs}
        super()._init_core(core, args, kwargs, by_gazelle)

    @property
    def path(self) -> str | None:
        """The path of the layer, with which those of its layers begin; until Keras 3 they did not."""
        path: str | None = self.__dict__.get("path")
        return path if era.number() == 3 else ""

    @path.setter
    def path(self, path: str | None) -> None:
        self.__dict__["path"] = path

    def add(self, layer: Option, *args: Any, **kwargs: Any) -> None:
        """Append a layer; in tf.keras 2 also a `tf.Module`."""
        if getattr(layer, "_contains_weights", False) and callable(layer) and era.is_tf_keras_2():
            layer = adopt(ModuleWrapper(layer))
        super().add(layer, *args, **kwargs)

    def build(self, input_shape: Nested[Shape] | None = None) -> None:
        """Create the weights; until Keras 3 the shape of an Input counted, and this one had no effect."""
        if era.number() == 3 or self._tail is None:
            super().build(input_shape)

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        """Create the chain; tf.keras 2 calls the layers of a model one by one if they cannot be called on symbols."""
        try:
            super()._ensure_built(args, kwargs)
        except Exception:
            if not self._guessed or not era.is_tf_keras_2():
                raise
            self._head = self._tail = self._graph = None
            self.built = True

    def _input_name(self) -> str | None:
        """Until Keras 3 programs gave their data by this name."""
        layers: list[Any] = self._layers
        return None if era.number() == 3 or not layers else f"{layers[0].name}_input"

    def _set_chain(self) -> None:
        super()._set_chain()
        adopt(getattr(self, "_head", None))
        own = any(not str(type(layer).__call__.__module__).startswith("gazelle.") for layer in self._layers)
        if own or follows_phase() or self._extended_graph is not None:
            self._compute_too()  # a graph calls with the phase, and what `__call__` called
        if own:
            graph = self._extended_graph
            self._auxiliary_layers = [layer for layer in graph.layers if layer not in self._layers]
