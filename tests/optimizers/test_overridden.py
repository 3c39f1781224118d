"""`update_step` overridden in a subclass that calls `super()`, compared with Keras."""

import copy

import keras
import numpy as np
import pytest

import gazelle


def half(k, base, **arguments):
    """Halves gradients, remembers their sum, and shrinks the weights afterwards."""

    class Half(getattr(k.optimizers, base)):
        def build(self, variables):
            super().build(variables)
            self.sums = [self.add_variable_from_reference(v, name="sum") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient * 0.5, variable, learning_rate)
            total = self.sums[self._get_variable_index(variable)]
            total.assign(total + gradient)
            variable.assign(variable * 0.99)

    return Half(**arguments)


@pytest.mark.parametrize(
    ("base", "arguments"),
    [
        ("SGD", {"momentum": 0.9}),
        ("Adam", {"amsgrad": True, "weight_decay": 0.01}),
        ("Nadam", {"gradient_accumulation_steps": 2}),
        ("Adafactor", {"clipnorm": 0.5}),
    ],
)
def test_super_applies_the_rule(base, arguments):
    seen = []
    for k in (keras, gazelle):
        optimizer = half(k, base, learning_rate=0.1, **arguments)
        variables = [
            k.Variable(np.arange(3, dtype="float32"), name="a"),
            k.Variable(np.ones((2, 2), "float32"), name="b"),
        ]
        for number in range(4):
            grads = np.float32([0.1 * number, 0.2, -0.3]), np.full((2, 2), 0.5 * (number - 1), "float32")
            optimizer.apply_gradients(zip(map(k.ops.convert_to_tensor, grads), variables, strict=True))
        seen.append([k.ops.convert_to_numpy(v) for v in [*variables, *optimizer.variables]])
    for theirs, ours in zip(*seen, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_fit_runs_it_as_the_loop_by_hand_does():
    x, y = np.eye(3, dtype="float32"), np.ones((3, 1), "float32")

    def network():
        layer = gazelle.layers.Dense(1, kernel_initializer="ones", use_bias=False)
        model = gazelle.Sequential([gazelle.Input((3,)), layer])
        model.compile(half(gazelle, "Adam", learning_rate=0.1), "mse")
        return model

    fitted, own = network(), network()
    fitted.fit(x, 3 * y, epochs=3, verbose=0, keep=False)
    kernel = own.weights[0]
    for _ in range(3):
        own.optimizer.apply_gradients([(2 * (kernel.numpy() - 3) / 3, kernel)])
    np.testing.assert_allclose(fitted.get_weights()[0], own.get_weights()[0], rtol=1e-5)
    assert len(own.optimizer.variables) == 5  # the count, the rate, momentum and velocity, and the sum


def test_without_a_rule_there_is_nothing_to_apply():
    class Nothing(gazelle.optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)

    with pytest.raises(NotImplementedError, match="Nothing has no update_step: write rule"):
        Nothing(0.1).apply_gradients([(np.ones(2, "float32"), gazelle.Variable(np.ones(2, "float32")))])


def counting(k):
    """Has variables of three kinds: an attribute, a shared one and one for each weight."""

    class Counting(k.optimizers.Optimizer):
        def __init__(self):
            super().__init__(learning_rate=0.1)
            self.steps = k.Variable(0.0, name="steps", trainable=False)

        def build(self, variables):
            super().build(variables)
            self.order = []
            self.updates = self.add_variable((), name="updates")
            self.sums = [self.add_variable_from_reference(v, name="sum") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            index = self._get_variable_index(variable)
            self.order.append(variable.path)
            self.updates.assign(self.updates + 1.0)
            if index == 0:
                self.steps.assign(self.steps + 1.0)
            self.sums[index].assign(self.sums[index] + gradient)
            variable.assign(variable - learning_rate * self.sums[index] / self.steps)

    return Counting()


def test_variables_of_user_code_have_the_values_of_the_last_step():
    x, y, seen = np.eye(3, dtype="float32"), np.ones((3, 1), "float32"), []
    for k in (keras, gazelle):
        optimizer = counting(k)
        model = k.Sequential([k.Input((3,)), k.layers.Dense(1, name="last", kernel_initializer="ones")], name="net")
        model.compile(optimizer, "mse")
        model.fit(x, y, epochs=2, verbose=0)
        assert optimizer.order[:2] == ["net/last/kernel", "net/last/bias"]
        own = [optimizer.steps, optimizer.updates, *optimizer.sums]
        assert [float(v.numpy() if k is gazelle else k.ops.convert_to_numpy(v)) for v in own[:2]] == [2.0, 4.0]
        assert all(a is b for a, b in zip(optimizer.variables[2:], own, strict=True))
        optimizer.steps.assign(5.0)  # counts in the next step
        model.fit(x, y, verbose=0)
        seen.append([k.ops.convert_to_numpy(v) for v in [*own, *model.weights]])
    for theirs, ours in zip(*seen, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    again = copy.deepcopy(optimizer)  # by __reduce__, as pickle does
    assert float(again.steps) == float(optimizer.steps) == 6.0


def with_dict(k):
    """Divides gradients by the number of updates, which is in a dict, and by sums in a list in it."""

    class WithDict(k.optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.parts = {
                "count": k.Variable(0.0),
                "sums": [k.Variable(np.ones(v.shape, "float32")) for v in variables],
            }

        def update_step(self, gradient, variable, learning_rate):
            index = self._get_variable_index(variable)
            if index == 0:
                self.parts["count"].assign_add(1.0)
            total = self.parts["sums"][index]
            total.assign_add(gradient)
            super().update_step(gradient / self.parts["count"] / total, variable, learning_rate)

    return WithDict(0.1)


def test_variables_in_dicts_and_lists_belong_to_the_state():
    found = []
    for k in (keras, gazelle):
        model = k.Sequential([k.layers.Input((3,)), k.layers.Dense(2, kernel_initializer="ones")])
        model.compile(with_dict(k), "mse", jit_compile=True)
        model.fit(np.eye(3, dtype="float32"), np.zeros((3, 2)), batch_size=1, epochs=2, shuffle=False, verbose=0)
        parts = model.optimizer.parts
        found.append([*model.get_weights(), *(k.ops.convert_to_numpy(v) for v in (parts["count"], *parts["sums"]))])
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


class Renamed(gazelle.optimizers.Adam):
    """Has a constructor and a `get_config` of its own."""

    def __init__(self, rate, **kwargs):
        super().__init__(rate, beta_1=0.5, **kwargs)

    def get_config(self):
        config = super().get_config()
        del config["beta_1"]
        config["rate"] = config.pop("learning_rate")
        return config


def test_a_get_config_of_a_program_has_the_present_values_of_its_parent():
    optimizer = Renamed(0.5, clipnorm=2.0)
    optimizer.learning_rate = 0.25
    config = optimizer.get_config()
    assert (config["rate"], config["beta_2"], config["clipnorm"]) == (0.25, 0.999, 2.0)
    again = Renamed.from_config(config)
    assert again.get_config() == config
    assert (again.beta_1, again.clipnorm) == (0.5, 2.0)


#: the weights after one step, of Keras 3.15.1 on JAX; of Nadam the first step of `apply`
STEPS = {
    "SGD": [0.9, 1.95, 2.975, 3.8],
    "Adam": [0.9, 1.9, 2.9, 3.9],
    "RMSprop": [0.6838, 1.6838, 2.6838, 3.6838],
    "Adagrad": [0.9047, 1.9155, 2.938, 3.9012],
    "Adafactor": [0.5353, 1.8838, 2.9356, 3.7422],
    "Ftrl": [0.6031, 0.8464, 0.5846, 3.2765],
    "Lamb": [0.7261, 1.7261, 2.7261, 3.7261],
    "Muon": [0.9713, 2.0007, 3.0049, 3.9787],
    "Nadam": [0.8937, 1.8937, 2.8937, 3.8937],
}


@pytest.mark.parametrize("name", STEPS)
def test_update_step_of_a_built_optimizer_updates_one_variable(name):
    one, other = (gazelle.Variable([[1.0, 2.0], [3.0, 4.0]]) for _ in range(2))
    gradient = np.array([[1.0, 0.5], [0.25, 2.0]], "float32")
    optimizer, same = (getattr(gazelle.optimizers, name)(0.1) for _ in range(2))
    optimizer.build([one])
    same.build([other])
    optimizer.update_step(gradient, one, 0.1)
    np.testing.assert_allclose(np.ravel(one), STEPS[name], atol=1e-4)
    assert int(optimizer.iterations) == 0
    same.weight_decay = 0
    same.apply([gradient], [other])
    np.testing.assert_allclose(np.array(one), np.array(other), rtol=1e-6)
    for slot in optimizer.slots:
        for key, value in optimizer.state[slot].items():
            np.testing.assert_allclose(value, same.state[slot][key], rtol=1e-6)


def test_update_step_of_a_variable_that_the_optimizer_does_not_know():
    optimizer = gazelle.optimizers.SGD(0.1)
    with pytest.raises(NotImplementedError, match="SGD has no update_step"):
        optimizer.update_step(np.ones(2), gazelle.Variable(np.ones(2)), 0.1)
