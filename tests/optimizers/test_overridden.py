"""`update_step` overridden in a subclass that calls `super()`, compared with Keras."""

import keras
import numpy as np
import pytest

import gazelle


def half(k, base, **words):
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

    return Half(**words)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("SGD", {"momentum": 0.9}),
        ("Adam", {"amsgrad": True, "weight_decay": 0.01}),
        ("Nadam", {"gradient_accumulation_steps": 2}),
        ("Adafactor", {"clipnorm": 0.5}),
    ],
)
def test_super_applies_the_rule(base, words):
    seen = []
    for k in (keras, gazelle):
        optimizer = half(k, base, learning_rate=0.1, **words)
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
