"""Variables handed to functions that JAX made, as guides of Keras 3 do."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.command import variables
from gazelle.core.variable import Variable


@pytest.fixture
def begun():
    variables.begin(jax)
    yield
    variables.end()


def test_jax_takes_variables_until_the_end(begun):
    w = Variable([1.0, 2.0])

    @jax.jit
    def double(state, *, by=None):
        return {"w": state["w"][0] * 2, "by": by}

    assert double({"w": [w]}, by=w)["w"].tolist() == [2.0, 4.0]
    assert isinstance(double.lower({"w": [w.value]}).as_text(), str)
    value, grads = jax.value_and_grad(lambda ws: jnp.sum(ws[0] ** 2))([w])
    assert (float(value), grads[0].tolist()) == (5.0, [2.0, 4.0])
    assert jax.device_put([w])[0].tolist() == [1.0, 2.0]
    assert jax.vmap(lambda a: a + 1)(w).tolist() == [2.0, 3.0]
    variables.end()
    assert not isinstance(jax.jit(lambda a: a), variables.Reading)


def test_as_decorators_and_methods(begun):
    class Trainer:
        @functools.partial(jax.jit, static_argnums=(0, 2))
        def step(self, w, times):
            return w * times

        @staticmethod
        @jax.jit(static_argnames="times")
        def other(w, times):
            return w * times

    w = Variable(np.arange(3.0))
    assert Trainer().step(w, 2).tolist() == [0.0, 2.0, 4.0]
    assert Trainer.other(w, times=3).tolist() == [0.0, 3.0, 6.0]


def test_what_gazelle_itself_compiles_is_left_alone(begun):
    made = {"__name__": "gazelle.some.room", "jax": jax}
    exec("function = jax.jit(lambda a: a)", made)
    assert not isinstance(made["function"], variables.Reading)


def test_an_import_of_jax_begins(python):
    done = python("-c", "import gazelle; gazelle.install(); import jax; v = gazelle.Variable([2.0]);"
                        "print(jax.jit(lambda a: a * 3)(v).tolist())")  # fmt: skip
    assert done.stdout == "[6.0]\n", done.stderr
