"""Contract of initializers, losses and other classes: their configs restore them, and their names find them."""

import json

import numpy as np
import pytest

import gazelle  # noqa: F401 - fills the registry
from gazelle import activations, constraints, initializers, losses, metrics, optimizers, regularizers
from gazelle.core.config import Configurable
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize, serialize_object
from gazelle.saving.description import describe

GETTERS = {
    "initializers": initializers.get,
    "regularizers": regularizers.get,
    "constraints": constraints.get,
    "losses": losses.get,
    "metrics": metrics.get,
    "optimizers": optimizers.get,
}
PARENTS = {
    "Initializer",
    "Regularizer",
    "Constraint",
    "Loss",
    "LossFunctionWrapper",
    "Metric",
    "MeanMetricWrapper",
    "Optimizer",
    "OptaxOptimizer",
    "OptimizerMap",
    "LearningRateSchedule",
    "Given",
}
NEEDED = {  # arguments without a default
    "MeanIoU": {"num_classes": 3},
    "IoU": {"num_classes": 3, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 3},
    "BinaryIoU": {"target_class_ids": [0]},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.9},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.9},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 5},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 5},
    "OneCycle": {"maximum_learning_rate": 0.1, "total_steps": 5},
    "WarmUp": {"learning_rate": 0.1, "warmup_steps": 5},
    "LossScaleOptimizer": {"inner_optimizer": optimizers.SGD()},
    "MultiOptimizer": {"optimizer_map": optimizers.OptimizerMap(optimizers.SGD())},
    "PiecewiseConstantDecay": {"boundaries": [5], "values": [0.1, 0.2]},
}


def _classes():
    for namespace in (*GETTERS, "optimizers.schedules"):
        for cls in {id(c): c for c in REGISTRY[namespace].values()}.values():
            if (
                isinstance(cls, type)
                and issubclass(cls, Configurable)
                and cls.__name__ not in PARENTS
                and not cls.__module__.startswith("gazelle.compat.")  # other tests of this process import them
            ):
                yield pytest.param(namespace, cls, id=f"{namespace}.{cls.__name__}")


@pytest.mark.parametrize(("namespace", "cls"), list(_classes()))
def test_config_makes_it_again(namespace, cls):
    thing = cls(**NEEDED.get(cls.__name__, {}))
    words = json.loads(json.dumps(serialize_object(thing)))
    again = deserialize(words, namespace)
    assert type(again) is cls
    assert json.loads(json.dumps(serialize_object(again))) == words
    described = describe(thing)  # what decides whether a checkpoint is of the same training
    assert described == describe(again)
    assert json.loads(json.dumps(described)) == described
    if namespace in GETTERS:
        assert type(GETTERS[namespace](words)) is cls
        if cls.__name__ not in NEEDED:
            found = GETTERS[namespace](cls.__name__)
            assert type(found) is cls or callable(found)


@pytest.mark.parametrize(("namespace", "cls"), list(_classes()))
def test_a_get_config_of_a_program_has_the_arguments_of_its_parent(namespace, cls):
    arguments = NEEDED.get(cls.__name__, {})

    class Own(cls):
        def get_config(self):
            return {**super().get_config(), "extra": 1}

    expected = {**cls(**arguments).get_config(), "extra": 1}
    config = Own(**arguments).get_config()
    if "name" in config and config["name"] != expected["name"]:  # made from the name of the class
        expected["name"] = config["name"]
    assert config == expected


@pytest.mark.parametrize("name", sorted(set(REGISTRY["activations"]) - {"threshold"}))
def test_activation_by_name(name):
    out = activations.get(name)(np.linspace(-3, 3, 8, dtype="float32").reshape(2, 4))
    assert np.isfinite(np.asarray(out)).all()
