"""Optimizers and schedules against Keras 3.15: weights and slots after 20 steps from equal weights and gradients."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from optimizer_runs import agree, gradients_of, label, of_gazelle, of_keras, start_of

from gazelle import optimizers
from gazelle.core.variable import Variable

SHAPES = {"dense/kernel": (3, 4), "dense/bias": (4,), "gain": ()}

RULES = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.3}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.5, "epsilon": 1e-3}),
    ("RMSprop", {"momentum": 0.7}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"learning_rate": 0.05, "momentum": 0.7, "centered": True}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9}),
    ("Adam", {"epsilon": 0.1}),
    ("Adam", {"amsgrad": True, "beta_2": 0.7}),
    ("AdamW", {}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.3}),
    ("AdamW", {"learning_rate": 0.1, "amsgrad": True, "beta_2": 0.7}),
    ("Adagrad", {}),
    ("Adagrad", {"learning_rate": 0.5, "initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    ("Nadam", {}),
    ("Nadam", {"learning_rate": 0.1, "beta_1": 0.6, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Adadelta", {}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
    ("Adamax", {}),
    ("Adamax", {"learning_rate": 0.1, "beta_1": 0.6, "beta_2": 0.7, "epsilon": 1e-3}),
    ("Ftrl", {}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.5, "l2_regularization_strength": 0.2}),
    ("Ftrl", {"learning_rate": 0.1, "l2_shrinkage_regularization_strength": 0.3, "beta": 0.4}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.3, "initial_accumulator_value": 0.7}),
    ("Lion", {}),
    ("Lion", {"learning_rate": 0.05, "beta_1": 0.7, "beta_2": 0.8, "weight_decay": 0.1}),
]

AROUND = [
    {"clipnorm": 0.5},
    {"clipnorm": 100.0},
    {"clipnorm": 0.0},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.7},
    {"global_clipnorm": 1000.0},
    {"weight_decay": 0.1},
    {"loss_scale_factor": 8.0},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 4},
    {"gradient_accumulation_steps": 3, "clipnorm": 0.5, "weight_decay": 0.1, "loss_scale_factor": 2.0},
    {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2},
    {"global_clipnorm": 0.7, "weight_decay": 0.1, "use_ema": True, "ema_overwrite_frequency": 4},
]

SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 9, 30], "values": [0.3, 0.2, 0.5, 0.1]}),
    ("PiecewiseConstantDecay", {"boundaries": [11], "values": [0.3, 0.2]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 31, "end_learning_rate": 0.02, "power": 2.5}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "power": 0.5, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 17}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 17, "alpha": 0.2}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 17, "warmup_target": 0.2, "warmup_steps": 6}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 17, "warmup_target": 0.2}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.0, "m_mul": 0.8}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6, "t_mul": 1.5, "alpha": 0.1}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7.5, "decay_rate": 0.6}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 2.5, "decay_rate": 0.6, "staircase": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7.5, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 17.5, "warmup_target": 0.2, "warmup_steps": 2.5}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 2.5}),
]


def both(make, **options):
    """The results of the optimizer that `make` creates from each library."""
    return of_gazelle(make(optimizers), SHAPES, **options), of_keras(make(keras.optimizers), SHAPES, **options)


@pytest.mark.parametrize("case", RULES, ids=label)
def test_rule(case):
    name, options = case
    agree(*both(lambda namespace: getattr(namespace, name)(**options)))


@pytest.mark.parametrize("name", ["SGD", "Adam", "Nadam"])
@pytest.mark.parametrize("options", AROUND, ids=label)
def test_around_the_rule(name, options):
    options = {"learning_rate": 0.05, **options}
    agree(*both(lambda namespace: getattr(namespace, name)(**options)))


@pytest.mark.parametrize("options", [{}, {"use_ema": True, "ema_overwrite_frequency": 3}], ids=label)
def test_constraints_come_last(options):
    agree(*both(lambda namespace: namespace.SGD(0.1, **options), constraint=lambda w: jnp.clip(w + 0.0, -0.5, 0.5)))


def test_excluded_from_weight_decay():
    def made(namespace):
        optimizer = namespace.SGD(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        return optimizer

    ours, theirs = both(made)
    agree(ours, theirs)
    assert np.abs(ours[0][1] - of_gazelle(optimizers.SGD(0.1, weight_decay=0.5), SHAPES)[0][1]).max() > 1e-2


@pytest.mark.parametrize("case", SCHEDULES, ids=label)
def test_schedule(case):
    name, options = case
    ours, theirs = (getattr(namespace.schedules, name)(**options) for namespace in (optimizers, keras.optimizers))
    assert ours.get_config() == theirs.get_config()
    with jax.numpy_rank_promotion("raise"):
        rates = jax.jit(ours)
        for step in range(45):
            wanted = float(theirs(step))
            assert float(ours(step)) == pytest.approx(wanted, rel=1e-5, abs=1e-7)
            assert float(rates(step)) == pytest.approx(wanted, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 3}], ids=label)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_rate_from_a_schedule(name, options):
    def made(namespace):
        rate = namespace.schedules.ExponentialDecay(0.1, decay_steps=5, decay_rate=0.5)
        return getattr(namespace, name)(rate, weight_decay=0.1, **options)

    ours, theirs = made(optimizers), made(keras.optimizers)
    assert ours.hyper() == {}
    held = of_keras(theirs, SHAPES)
    agree(of_gazelle(ours, SHAPES), held)
    for variable, value in zip(theirs.variables, held[1], strict=True):
        variable.assign(value)
    assert float(ours.learning_rate) == pytest.approx(float(theirs.learning_rate), rel=1e-5)
    assert ours.get_config() == {**theirs.get_config(), "name": ours.name}
    again = optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert again.get_config() == theirs.get_config()


@pytest.mark.parametrize("case", RULES + [("Adam", options) for options in AROUND], ids=label)
def test_config(case):
    name, options = case
    ours, theirs = (getattr(namespace, name)(**options) for namespace in (optimizers, keras.optimizers))
    config = ours.get_config()
    assert {**config, "name": None} == {**theirs.get_config(), "name": None}
    assert type(ours).from_config(config).get_config() == config
    saved = keras.optimizers.serialize(theirs)
    assert optimizers.serialize(ours) == {**saved, "config": config}
    assert optimizers.deserialize(saved).get_config() == {**config, "name": theirs.name}


NAMES = ["SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "Nadam", "Adadelta", "Adamax", "Ftrl", "Lion"]


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    """The own arguments stand first and in Keras' order; the shared ones are taken by name."""

    def defaults(function):
        return {k: p.default for k, p in inspect.signature(function).parameters.items() if k not in ("self", "kwargs")}

    ours, theirs = defaults(getattr(optimizers, name).__init__), defaults(getattr(keras.optimizers, name).__init__)
    assert list(ours.items()) == list(theirs.items())[: len(ours)]
    shared = defaults(optimizers.Optimizer.__init__)
    assert ours | {k: shared[k] for k in theirs if k not in ours} == theirs


@pytest.mark.parametrize("spelling", [str, str.lower, str.upper])
@pytest.mark.parametrize("name", NAMES)
def test_name(name, spelling):
    mine = optimizers.get(spelling(name))
    assert type(mine).__name__ == type(keras.optimizers.get(spelling(name))).__name__ == name
    assert float(mine.learning_rate) == float(keras.optimizers.get(name).learning_rate)


@pytest.mark.parametrize("name", NAMES)
def test_stateless_apply_and_names(name):
    """Keras' own loop on arrays: the same lists in the same order."""
    first = start_of(SHAPES)
    results = []
    for namespace, variable in ((optimizers, Variable), (keras.optimizers, keras.Variable)):
        variables = [variable(first[path], name=path.split("/")[-1]) for path in SHAPES]
        optimizer = getattr(namespace, name)(0.1, clipnorm=1.0)
        optimizer.build(variables)
        held, weights = [v.value for v in optimizer.variables], [v.value for v in variables]
        for grads in list(gradients_of(SHAPES))[:3]:
            weights, held = optimizer.stateless_apply(held, [jnp.asarray(grads[p]) for p in SHAPES], weights)
        names = [v.path.split("/")[-1] for v in optimizer.variables]
        results.append(([np.asarray(w) for w in weights], [np.asarray(h) for h in held], names))
    assert results[0][2][:-1] == results[1][2][:-1]  # the last of Nadam has no name in Keras
    agree(results[0][:2], results[1][:2])
