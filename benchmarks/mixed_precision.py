"""Time of one gradient under each dtype policy on the default device: `python benchmarks/mixed_precision.py`."""

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

import gazelle
from gazelle import layers
from gazelle.core import tracing
from gazelle.layers import weight_tree

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
BATCH, ROUNDS = 128, 15


def mlp(width):
    hidden = [layers.Dense(width, activation="relu") for _ in range(2)]
    return gazelle.Sequential([gazelle.Input((width,)), *hidden, layers.Dense(10)])


def cnn():
    first, second = (layers.Conv2D(size, 3, activation="relu") for size in (32, 64))
    pooled = [first, layers.MaxPooling2D(), second, layers.MaxPooling2D()]
    return gazelle.Sequential([gazelle.Input((28, 28, 1)), *pooled, layers.Flatten(), layers.Dense(10)])


def milliseconds(make, policy):
    """The median over ROUNDS of one gradient of the mean square of the output."""
    gazelle.config.set_dtype_policy(policy)
    model = make()
    variables = weight_tree.named_variables(model)
    values = {path: v.value for path, v in variables.items()}
    forward = tracing.functionalize(model, variables)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(BATCH, *model.input_shape[1:])), "float32")
    gradient = jax.jit(jax.grad(lambda values: jnp.mean(jnp.square(forward(values, x)[0].astype("float32")))))
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        jax.block_until_ready(gradient(values))
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times[1:])


def main():
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, batch {BATCH}, ms per gradient")
    print(f"{'':10}", *(f"{policy:>16}" for policy in POLICIES))
    for name, make in {"mlp 128": lambda: mlp(128), "mlp 1024": lambda: mlp(1024), "cnn": cnn}.items():
        print(f"{name:10}", *(f"{milliseconds(make, policy):16.2f}" for policy in POLICIES))


if __name__ == "__main__":
    main()
