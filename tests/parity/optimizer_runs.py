"""What both suites of optimizers start from and are fed with."""

import numpy as np
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


def agree(ours, theirs, tolerance=2e-5):
    """Hold weights and what the optimizer remembers against Keras'."""
    for mine, wanted in zip(ours, theirs, strict=True):
        for a, b in zip(mine, wanted, strict=True):
            assert a.dtype == b.dtype
            same(a, b, tolerance, least=1e-3)
