"""Loops and branches on symbolic tensors: shapes, values in a model, tensors that functions use from outside."""

import jax
import numpy as np
import pytest

from gazelle import Input, Model, Variable, layers, ops
from gazelle.core.tracing import functionalize

X = np.arange(12, dtype="float32").reshape(3, 4)
CASES = {  # (function of a symbolic tensor, the same of an array)
    "while_loop": (lambda x: ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * 2), (0, x))[1], X * 8),
    "while_loop of a list": (lambda x: ops.while_loop(lambda v, w: True, lambda v, w: (w, v + 1), [x, x], 1)[1], X + 1),
    "while_loop on its values": (lambda x: ops.while_loop(lambda v: ops.sum(v) < 100, lambda v: v * 2, x), X * 2),
    "fori_loop": (lambda x: ops.fori_loop(0, 3, lambda i, v: v + i, x), X + 3),
    "cond": (lambda x: ops.cond(ops.sum(x) > 3, lambda: x * 3, lambda: x), X * 3),
    "cond that returns a tensor": (lambda x: ops.cond(ops.sum(x) < 3, lambda: x * 3, lambda: x), X),
    "cond of a constant": (lambda x: ops.cond(True, lambda: x * 3, lambda: x), X * 3),
    "cond in dicts": (lambda x: ops.cond(ops.max(x) > 3, lambda: {"a": x + 1}, lambda: {"a": x})["a"], X + 1),
    "switch": (lambda x: ops.switch(ops.cast(x[0, 1], "int32"), [lambda v: v, lambda v: -v], x), -X),
    "scan": (lambda x: ops.scan(lambda c, v: (c + v, c), ops.zeros(4), x)[1], np.cumsum(X, 0) - X),
    "scan of a length": (lambda x: ops.scan(lambda c, _: (c + 1, c), x, length=2)[0], X + 2),
    "map": (lambda x: ops.map(lambda row: row * 2, x), X * 2),
    "map with a tensor": (lambda x: ops.map(lambda row: row + ops.max(x), x), X + 11),
    "map of dicts": (lambda x: ops.map(lambda rows: rows["a"] + rows["b"], {"a": x, "b": x}), X * 2),
    "vectorized_map": (lambda x: ops.vectorized_map(lambda row: row + 1, x), X + 1),
    "associative_scan": (lambda x: ops.associative_scan(lambda a, b: a + b, x, axis=1), np.cumsum(X, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_in_a_model(name):
    function, expected = CASES[name]
    x = Input((4,))
    y = function(x)
    assert y.shape == (None, 4)
    np.testing.assert_allclose(Model(x, y)(X), expected)
    np.testing.assert_allclose(function(X), expected)


def test_single_numbers():
    number = Input(batch_shape=(), dtype="int32")
    assert ops.while_loop(lambda n: n < 3, lambda n: n + 1, number).shape == ()
    assert ops.fori_loop(0, number, lambda i, v: v + 1, Input((3,))).shape == (None, 3)
    assert ops.switch(number, [lambda a, b: (a, b), lambda a, b: (b, a)], Input((3,)), Input((3,)))[1].shape == (
        None,
        3,
    )


def test_the_structure_stays():
    x = Input((4,))
    assert isinstance(ops.while_loop(lambda a, b: True, lambda a, b: (a, b), [x, x], 2), list)
    assert isinstance(ops.while_loop(lambda a, b: True, lambda a, b: (a, b), (X, X), 2), tuple)


@pytest.mark.parametrize(
    "choose",
    [lambda n, functions: ops.cond(n == 0, *functions), lambda n, functions: ops.switch(n, functions)],
    ids=["cond", "switch"],
)
def test_a_branch_assigns_variables(choose):
    """Only the branch that runs changes variables, in a compiled function and outside of it."""
    first, second = Variable(0.0), Variable(0.0)

    def left():
        first.assign(first + 1)
        return second.assign(5.0)

    step = functionalize(
        lambda n: choose(n, [left, lambda: first.assign(first - 1)]), {"first": first, "second": second}
    )
    for number, expected in enumerate([(4, 5), (2, 1)]):
        out, after, _ = jax.jit(step)({"first": 3.0, "second": 1.0}, np.int32(number))
        assert (float(after["first"]), float(after["second"])) == expected
        assert float(out) == [5, 2][number]
    assert (float(first), float(second)) == (0, 0)
    ops.cond(True, left, lambda: first.assign(7.0))
    assert (float(first), float(second)) == (1, 5)


def test_tracing_shapes_assigns_nothing():
    class Counter(layers.Layer):
        def build(self, shape):
            self.count = self.add_weight("count", (), "zeros", trainable=False)
            self.count.assign(2.0)  # that of build stays

        def call(self, x):
            self.count.assign(7.0)
            return x

    layer = Counter()
    layer(Input((3,)))
    assert float(layer.count) == 2
    layer(X)
    assert float(layer.count) == 7
