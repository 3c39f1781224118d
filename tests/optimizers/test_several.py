"""MultiOptimizer and custom optimizers: behaviour and error texts."""

import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import optimizers
from gazelle.core.variable import Variable
from gazelle.optimizers import SGD, Adam, MultiOptimizer, OptimizerMap


def test_the_map_is_a_dict_of_patterns():
    table = OptimizerMap(SGD(0.1), {"encoder/.*": SGD(0.2)})
    table["head"] = Adam(0.3)
    assert list(table) == ["encoder/.*", "head"]
    assert [float(table[path].learning_rate) for path in ("encoder/a/kernel", "head", "head/kernel")] == pytest.approx(
        [0.2, 0.3, 0.1]
    )
    del table["head"]
    assert len(table) == 1


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: OptimizerMap("sgd"), "default_optimizer of OptimizerMap: expected an optimizer, such as Adam"),
        (lambda: OptimizerMap(SGD(), {"a": 3}), r"OptimizerMap\['a'\]: expected an optimizer"),
        (lambda: OptimizerMap(SGD(), [SGD()]), "expected a dict {pattern: optimizer}"),
        (
            lambda: OptimizerMap(SGD(), {"a.*": SGD(), ".*b": SGD()})["ab"],
            "The optimizer of 'ab': expected one matching pattern",
        ),
        (lambda: OptimizerMap(SGD(), {"a": SGD()}).__setitem__("a", SGD()), "OptimizerMap has 'a' already"),
        (lambda: OptimizerMap(MultiOptimizer(OptimizerMap(SGD()))), "a rule of its own, got MultiOptimizer"),
        (lambda: MultiOptimizer(SGD()), "optimizer_map of MultiOptimizer: expected an OptimizerMap or a function"),
        (
            lambda: MultiOptimizer(lambda v: None).init({"w": jnp.ones(1)}),
            "The optimizer of 'w': expected an optimizer",
        ),
    ],
)
def test_errors(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()


def test_a_pattern_that_selects_nothing_is_reported():
    multi = MultiOptimizer(OptimizerMap(SGD(1.0), {"dense_1/.*": SGD(0.1), "dense/.*": SGD(0.2)}))
    with pytest.warns(UserWarning, match=r"pattern 'dense_1/.\*' selects no trained variable.*'dense/kernel'"):
        multi.init({"dense/kernel": jnp.ones(1), "head/kernel": jnp.ones(1)})


def test_no_single_rate():
    multi = MultiOptimizer(OptimizerMap(SGD()))
    with pytest.raises(AttributeError, match="has no learning rate of its own"):
        _ = multi.learning_rate
    with pytest.raises(AttributeError, match=r"Use those of multi.optimizers\[i\]"):
        multi.learning_rate = 0.1


def test_inner_rates_and_counters_are_live():
    slow = SGD(0.5)
    multi = MultiOptimizer(OptimizerMap(SGD(1.0), {"b": slow}))
    a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
    multi.apply([jnp.ones(1), jnp.ones(1)], [a, b])
    slow.learning_rate.assign(0.25)
    multi.apply([jnp.ones(1), jnp.ones(1)], [a, b])
    assert (float(a[0]), float(b[0])) == (-1.0, 0.25)
    assert [int(o.iterations) for o in multi.optimizers] == [2, 2]
    assert len(multi.variables) == 2 + 2 * 2
    held = [np.asarray(v) for v in multi.variables]
    multi.set_weights([np.zeros_like(array) for array in held])
    assert float(slow.learning_rate) == 0.0


def test_averages_go_into_the_weights_of_their_optimizer():
    multi = MultiOptimizer(OptimizerMap(SGD(1.0), {"b": SGD(1.0, use_ema=True, ema_momentum=0.5)}))
    params = {"a": jnp.ones(1), "b": jnp.ones(1)}
    slots = multi.init(params)
    for step in range(2):
        params, slots = multi.update(params, {p: jnp.ones(1) for p in params}, slots, multi.hyper(), step)
    done = multi.finalize(params, slots)
    assert (float(done["a"][0]), float(done["b"][0])) == (-1.0, -0.5)


class Late(optimizers.Optimizer):
    def update_step(self, gradient, variable, learning_rate):
        self.add_variable((), name="late")


OUTSIDE = Variable(1.0, name="outside")


class Reads(optimizers.Optimizer):
    def update_step(self, gradient, variable, learning_rate):
        self.assign(variable, OUTSIDE * gradient)


def test_what_a_written_optimizer_must_not_do():
    with pytest.raises(ValueError, match=r"Late adds a variable outside of build.\nCall add_variable in build"):
        Late(0.1).apply([jnp.ones(2)], [Variable([1.0, 2.0], name="w")])
    with pytest.raises(RuntimeError, match="Variable 'outside' was read inside a compiled step"):
        Reads(0.1).apply([jnp.ones(2)], [Variable([1.0, 2.0], name="w")])


def test_neither_rule_nor_update_step():
    class Empty(optimizers.Optimizer):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no rule"):
        Empty(0.1).apply([jnp.ones(2)], [Variable([1.0, 2.0], name="w")])


@pytest.mark.parametrize("nested", [False, True])
def test_patterns_are_compared_with_the_names_that_layers_were_given(nested):
    layers = [gazelle.layers.Dense(1, kernel_initializer="ones", use_bias=False, name=f"dense_{i}") for i in (1, 2, 3)]
    inner = gazelle.Sequential(layers[:2], name="sequential_7")
    model = gazelle.Sequential([inner, layers[2]] if nested else layers)
    rates = {".*dense_1/.*": SGD(0.1), ".*dense_2/.*" if not nested else "sequential_7/dense_2/.*": SGD(0.01)}
    model.compile(MultiOptimizer(OptimizerMap(SGD(0.0), rates)), "mse")
    model.fit(np.ones((1, 1)), np.zeros((1, 1)), verbose=0, keep=False)
    np.testing.assert_allclose([float(w[0, 0]) for w in model.get_weights()], [0.8, 0.98, 1.0], rtol=1e-6)
