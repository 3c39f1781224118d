"""The optimizers beyond the first eleven, several at once, and those that users write, against Keras 3.15."""

import keras
import numpy as np
import pytest
from optimizer_runs import agree as agree_within
from optimizer_runs import gradients_of, label, of_gazelle, of_keras, start_of

import gazelle
from gazelle import optimizers

SHAPES = {"dense/kernel": (3, 4), "dense/bias": (4,), "embedding/table": (5, 2), "cube": (2, 3, 2), "gain": ()}

RULES = [
    ("Lamb", {}),
    ("Lamb", {"learning_rate": 0.05, "beta_1": 0.6, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Adafactor", {}),
    ("Adafactor", {"learning_rate": 0.5, "beta_2_decay": -0.5, "clip_threshold": 0.3}),
    ("Adafactor", {"learning_rate": 0.5, "relative_step": False, "epsilon_1": 1e-6, "epsilon_2": 0.5}),
    ("Muon", {}),
    ("Muon", {"learning_rate": 0.05, "nesterov": False, "momentum": 0.8, "ns_steps": 3, "rms_rate": None}),
    ("Muon", {"learning_rate": 0.05, "exclude_embeddings": False, "weight_decay": None, "adam_weight_decay": 0.3}),
    ("Muon", {"learning_rate": 0.05, "exclude_layers": ["dense"], "adam_lr_ratio": 0.1, "adam_weight_decay": None}),
    (
        "Muon",
        {"learning_rate": 0.05, "muon_a": 3.0, "muon_b": -4.0, "muon_c": 1.8, "adam_beta_1": 0.5, "epsilon": 1e-3},
    ),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.1, "beta_1": 0.6, "beta_2": 0.9, "epsilon": 1e-3}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.1, "warmup_steps": 7, "weight_decay": 0.1}),
]

AROUND = [
    {"clipnorm": 0.5, "loss_scale_factor": 8.0},
    {"global_clipnorm": 0.7, "weight_decay": 0.1},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3, "clipvalue": 0.3},
    {"gradient_accumulation_steps": 3, "clipnorm": 0.5, "weight_decay": 0.1, "use_ema": True, "ema_momentum": 0.7},
]

WRITTEN = '''
class Nesterov(optimizers.Optimizer):
    def __init__(self, learning_rate=0.05, momentum=0.9, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.m = [self.add_variable_from_reference(v, name="m") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        m = self.m[self._get_variable_index(variable)]
        lr = ops.cast(learning_rate, variable.dtype)
        self.assign(m, self.momentum * m + gradient)
        self.assign_sub(variable, lr * (gradient + self.momentum * m))


class Counted(Nesterov):
    """A level above, two kinds of slots, one shared variable, and the counter of updates."""

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.v, self.top = self.add_optimizer_variables(variables, ["v", "top"])
        self.total = self.add_variable((), initializer="ones", name="total")

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate)
        i = self._get_variable_index(variable)
        self.assign_add(self.v[i], ops.square(gradient))
        self.assign(self.top[i], ops.maximum(self.top[i], self.v[i]))
        self.assign_add(self.total, ops.sum(gradient))
        step = ops.cast(self.iterations + 1, variable.dtype)
        variable.assign(variable - 0.01 * gradient / ops.sqrt(self.top[i] + 1.0) / step)
'''


def agree(ours, theirs):
    agree_within(ours, theirs, 2e-5)  # Muon and its kin divide by norms, and multiply what is rounded five times over


def by_hand(optimizer, shapes=SHAPES):
    """The same by `apply` on variables."""
    variables = [gazelle.Variable(value, name=path) for path, value in start_of(shapes).items()]
    optimizer.build(variables)
    for grads in gradients_of(shapes):
        optimizer.apply(list(grads.values()), variables)
    return [v.numpy() for v in variables], [np.asarray(v) for v in optimizer.variables]


@pytest.mark.parametrize("case", RULES, ids=label)
def test_rule(case):
    name, arguments = case
    ours, theirs = (getattr(namespace, name)(**arguments) for namespace in (optimizers, keras.optimizers))
    agree(of_gazelle(ours, SHAPES), of_keras(theirs, SHAPES))


@pytest.mark.parametrize("name", ["Lamb", "Adafactor", "Muon", "ScheduleFreeAdamW"])
@pytest.mark.parametrize("arguments", AROUND, ids=label)
def test_around_the_rule(name, arguments):
    arguments = {"learning_rate": 0.05, **arguments}
    ours, theirs = (getattr(namespace, name)(**arguments) for namespace in (optimizers, keras.optimizers))
    agree(of_gazelle(ours, SHAPES), of_keras(theirs, SHAPES))


@pytest.mark.parametrize("name", ["Lamb", "Adafactor", "Muon", "ScheduleFreeAdamW"])
def test_config(name):
    ours, theirs = getattr(optimizers, name)(0.05), getattr(keras.optimizers, name)(0.05)
    assert ours.get_config() == {**theirs.get_config(), "name": ours.name}
    assert optimizers.deserialize(keras.optimizers.serialize(theirs)).get_config() == theirs.get_config()


def multi(namespace, **arguments):
    inner = {
        "dense/.*|dense_.*": namespace.Adam(0.1, clipnorm=0.5, use_ema=True, ema_momentum=0.5),
        "cube": namespace.Muon(0.05),
    }
    return namespace.MultiOptimizer(namespace.OptimizerMap(namespace.SGD(0.05, momentum=0.9), inner), **arguments)


@pytest.mark.parametrize("run", [of_gazelle, by_hand])
@pytest.mark.parametrize("arguments", [{}, {"loss_scale_factor": 4.0}], ids=label)
def test_several_optimizers(run, arguments):
    agree(run(multi(optimizers, **arguments), SHAPES), of_keras(multi(keras.optimizers, **arguments), SHAPES))


def test_a_function_chooses():
    def made(namespace):
        slow, fast = namespace.SGD(0.01), namespace.Adam(0.1)
        return namespace.MultiOptimizer(lambda v: slow if len(v.shape) < 2 else fast)

    agree(by_hand(made(optimizers)), of_keras(made(keras.optimizers), SHAPES))


def test_the_map_in_files():
    theirs = multi(keras.optimizers)
    again = optimizers.deserialize(keras.optimizers.serialize(theirs))
    agree(of_gazelle(again, SHAPES), of_keras(multi(keras.optimizers), SHAPES))
    back = keras.optimizers.deserialize(optimizers.serialize(again))
    assert back.get_config() == theirs.get_config()


def test_rates_of_their_own_in_a_model(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(2, 32, 3)).astype("float32")

    def trained(namespace, file=None):
        model = namespace.Sequential(
            [namespace.layers.Input((3,)), namespace.layers.Dense(4, name="a"), namespace.layers.Dense(3, name="b")]
        )
        slow, fast = namespace.optimizers.SGD(0.01), namespace.optimizers.Adam(0.05)
        inner = namespace.optimizers.OptimizerMap(slow, {".*b/.*": fast})
        model.compile(namespace.optimizers.MultiOptimizer(inner), "mse")
        model.set_weights([np.full(v.shape, 0.1, "float32") for v in model.weights])
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        fast.learning_rate.assign(0.001)
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        assert int(fast.iterations) == int(model.optimizer.iterations) == 16
        return model

    ours, theirs = trained(gazelle), trained(keras)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    theirs.save(tmp_path / "m.keras")
    read = gazelle.models.load_model(tmp_path / "m.keras")
    for a, b in zip(read.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b))


def written(name, namespace, ops):
    names = {"optimizers": namespace, "ops": ops, "__name__": "user"}
    exec(WRITTEN, names)
    return names[name]


@pytest.mark.parametrize("run", [of_gazelle, by_hand])
@pytest.mark.parametrize(
    "arguments", [{}, {"clipnorm": 0.5, "weight_decay": 0.1}, {"gradient_accumulation_steps": 3}], ids=label
)
@pytest.mark.parametrize("name", ["Nesterov", "Counted"])
def test_written_in_the_way_of_keras(name, arguments, run):
    ours, theirs = written(name, optimizers, gazelle.ops), written(name, keras.optimizers, keras.ops)
    agree(run(ours(**arguments), SHAPES), of_keras(theirs(**arguments), SHAPES))


def test_written_optimizer_trains_a_model():
    x, y = np.random.default_rng(0).normal(size=(2, 32, 3)).astype("float32")

    def trained(namespace):
        model = namespace.Sequential(
            [namespace.layers.Input((3,)), namespace.layers.Dense(4), namespace.layers.Dense(3)]
        )
        model.compile(written("Counted", namespace.optimizers, namespace.ops)(0.01), "mse")
        model.set_weights([np.full(v.shape, 0.1, "float32") for v in model.weights])
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
        return model

    ours, theirs = trained(gazelle), trained(keras)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
