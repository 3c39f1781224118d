"""Weights, gradients and runs shared by both test suites of optimizers."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import oracle
from deviations import same

STEPS = 20


def label(case):
    """The words of a case as the name of its test."""
    name, words = case if isinstance(case, tuple) else ("", case)
    return f"{name}({', '.join(f'{k}={v}' for k, v in words.items())})"


def start_of(shapes):
    rng = np.random.default_rng(0)
    return {path: rng.normal(size=shape).astype("float32") for path, shape in shapes.items()}


def gradients_of(shapes):
    """From tiny to large, with zeros: what a rule with a root or a quotient stumbles over."""
    rng = np.random.default_rng(1)
    for step in range(STEPS):
        grads = {p: rng.normal(size=s).astype("float32") * 10.0 ** (step % 4 - 2) for p, s in shapes.items()}
        grads["dense/bias"][0] = 0.0
        yield grads


def of_keras(optimizer, shapes, constraint=None):
    """Weights and `optimizer.variables` after all steps, each by one compiled program."""

    def run():
        variables = [keras.Variable(value, name=path.replace("/", "_")) for path, value in start_of(shapes).items()]
        for variable in variables:
            variable.constraint = constraint
        optimizer.build(variables)
        weights, slots = [v.value for v in variables], [v.value for v in optimizer.variables]
        update = jax.jit(optimizer.stateless_apply)
        for grads in gradients_of(shapes):
            weights, slots = update(slots, [jnp.asarray(grads[path]) for path in shapes], weights)
        return weights, slots

    return oracle.expected(run, list(shapes.items()))


def of_gazelle(optimizer, shapes, constraint=None):
    """The same by the pure rule."""
    params = {path: jnp.asarray(w) for path, w in start_of(shapes).items()}
    slots = optimizer.init(params)
    constraints = dict.fromkeys(params, constraint) if constraint else None
    update = jax.jit(lambda *args: optimizer.update(*args, constraints=constraints))
    with jax.numpy_rank_promotion("raise"):
        for step, grads in enumerate(gradients_of(shapes)):
            params, slots = update(params, grads, slots, optimizer.hyper(), step)
    optimizer.flush(slots, optimizer.hyper(), jnp.asarray(STEPS, jnp.int32))
    held = [v.value for v in optimizer.own_variables()]
    held += [slots[slot][path] for slot, path in optimizer.keras_order(list(shapes))]
    return [np.asarray(params[path]) for path in shapes], [np.asarray(a) for a in held]


def agree(ours, theirs, tolerance=2e-6):
    """Hold weights and what the optimizer remembers against Keras'."""
    for mine, wanted in zip(ours, theirs, strict=True):
        for a, b in zip(mine, wanted, strict=True):
            assert a.dtype == b.dtype
            same(a, b, tolerance, least=1e-3)
