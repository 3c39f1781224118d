"""The lower limit of the time: each workload in hand-written JAX, without a library of layers.

A network is a function `(get, x, train) -> output`, where `get(name, *shape)` returns a weight; the first call creates
it. `Handwritten` compiles a whole epoch (a loop over steps that gathers samples on the device), or a single step where
that is faster. `python benchmarks/handwritten.py` measures both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from networks import CODES, ITEMS, USERS

Get = Callable[..., Any]


class NewWeights:
    """Creates a weight at its first use."""

    train = False

    def __init__(self) -> None:
        self.random, self.params, self.moving = np.random.default_rng(0), {}, {}  # type: ignore[var-annotated]

    def __call__(self, name: str, *shape: int) -> Any:
        if name not in self.params:
            limit = np.sqrt(6 / max(sum(shape[-2:]), 1))
            plain = len(shape) == 1
            value = np.zeros(shape) if plain else self.random.uniform(-limit, limit, shape)
            self.params[name] = (value + name.endswith("scale")).astype(np.float32)
        return jnp.asarray(self.params[name])

    def average(self, name: str, value: Any) -> Any:
        self.moving[name] = np.full(value.shape, float(name.endswith("variance")), np.float32)
        return value

    def keep(self, x: Any, rate: float) -> Any:
        return x


class StoredWeights(NewWeights):
    """Reads existing weights."""

    def __init__(self, params: Any, moving: Any, key: Any = None) -> None:
        self.params, self.moving, self.key, self.train = params, dict(moving), key, key is not None

    def __call__(self, name: str, *shape: int) -> Any:
        return self.params[name]

    def average(self, name: str, value: Any) -> Any:
        """In training update the moving average and return the value, else return the moving average."""
        if self.train:
            self.moving[name] = 0.99 * self.moving[name] + 0.01 * value
            return value
        return self.moving[name]

    def keep(self, x: Any, rate: float) -> Any:
        """Dropout."""
        if not self.train:
            return x
        return jnp.where(jax.random.bernoulli(self.key, 1 - rate, x.shape), x / (1 - rate), 0)


# Networks, as in networks.py; where those end with a sigmoid or softmax, the output here is its argument, the logit


def dense(get: Get, name: str, x: Any, units: int) -> Any:
    return x @ get(f"{name}_w", x.shape[-1], units) + get(f"{name}_b", units)


def conv(get: Get, name: str, x: Any, filters: int, size: int, strides: int = 1, bias: bool = True) -> Any:
    kernel = get(f"{name}_w", size, size, x.shape[-1], filters)
    x = lax.conv_general_dilated(x, kernel, (strides, strides), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return x + get(f"{name}_b", filters) if bias else x


def pool(x: Any) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))


def norm(get: Get, name: str, x: Any) -> Any:
    scale, shift = get(f"{name}_scale", x.shape[-1]), get(f"{name}_shift", x.shape[-1])
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-3) * scale + shift


def batch_norm(get: Any, name: str, x: Any) -> Any:
    scale, shift = get(f"{name}_scale", x.shape[-1]), get(f"{name}_shift", x.shape[-1])
    mean = x.mean((0, 1, 2))
    variance = (x * x).mean((0, 1, 2)) - mean * mean
    mean, variance = get.average(f"{name}_mean", mean), get.average(f"{name}_variance", variance)
    factor = scale * lax.rsqrt(variance + 1e-3)
    return x * factor + (shift - mean * factor)


def mlp(get: Any, x: Any) -> Any:
    return dense(get, "out", get.keep(jax.nn.relu(dense(get, "in", x, 64)), 0.5), 1)


def cnn(get: Any, x: Any) -> Any:
    for name, filters in (("one", 32), ("two", 64)):
        x = pool(jax.nn.relu(conv(get, name, x, filters, 3)))
    return dense(get, "out", jax.nn.relu(dense(get, "in", x.reshape(len(x), -1), 128)), 10)


def lstm(get: Any, x: Any) -> Any:
    u, (b, t, _) = get("u", 64, 256), x.shape
    given = dense(get, "in", x.swapaxes(0, 1).reshape(t * b, -1), 256).reshape(t, b, 256)

    def step(carry: Any, now: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(now + h @ u, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zero = jnp.zeros((b, 64))
    return dense(get, "out", lax.scan(step, (zero, zero), given)[0][0], 10)


def gru(get: Any, x: Any) -> Any:
    u, ub, (b, t, _) = get("u", 64, 192), get("ub", 192), x.shape
    given = dense(get, "in", x.swapaxes(0, 1).reshape(t * b, -1), 192).reshape(t, b, 192)

    def step(h: Any, now: Any) -> Any:
        (z, r, n), (zu, ru, nu) = jnp.split(now, 3, -1), jnp.split(h @ u + ub, 3, -1)
        z = jax.nn.sigmoid(z + zu)
        return z * h + (1 - z) * jnp.tanh(n + jax.nn.sigmoid(r + ru) * nu), None

    return dense(get, "out", lax.scan(step, jnp.zeros((b, 64)), given)[0], 10)


def transformer(get: Any, x: Any) -> Any:
    x = get("tokens", 5_000, 64)[x] + get("positions", 64, 64)
    b, t, _ = x.shape
    for block in "ab":
        q, k, v = (dense(get, block + part, x, 64).reshape(b, t, 4, 16) for part in "qkv")
        fraction = jax.nn.softmax(jnp.einsum("bthd,bshd->bhts", q * 0.25, k))
        seen = dense(get, block + "o", jnp.einsum("bhts,bshd->bthd", fraction, v).reshape(b, t, 64), 64)
        x = norm(get, block + "1", x + seen)
        x = norm(get, block + "2", x + dense(get, block + "4", jax.nn.relu(dense(get, block + "3", x, 128)), 64))
    return dense(get, "out", x.mean(1), 10)


def autoencoder(get: Any, x: Any) -> Any:
    for number, units in enumerate(CODES):
        x = jax.nn.relu(dense(get, f"layer{number}", x, units))
    return jax.nn.sigmoid(dense(get, "out", x, 784))


def residual(get: Any, x: Any) -> Any:
    def normal(name: str, x: Any, filters: int, size: int, strides: int = 1) -> Any:
        return batch_norm(get, name, conv(get, name, x, filters, size, strides, bias=False))

    x = jax.nn.relu(normal("in", x, 16, 3))
    for name, filters, strides in (("a", 16, 1), ("b", 32, 2), ("c", 64, 2)):
        short = x if strides == 1 else normal(name + "0", x, filters, 1, strides)
        x = normal(name + "2", jax.nn.relu(normal(name + "1", x, filters, 3, strides)), filters, 3)
        x = jax.nn.relu(x + short)
    return dense(get, "out", x.mean((1, 2)), 10)


def recommender(get: Any, x: Any) -> Any:
    x = jnp.concatenate([get("users", USERS, 32)[x[:, 0]], get("items", ITEMS, 32)[x[:, 1]]], -1)
    return dense(get, "out", jax.nn.relu(dense(get, "in", x, 64)), 1)


def wide(get: Any, x: Any) -> Any:
    for name in "ab":
        x = jax.nn.relu(dense(get, name, x, 2048))
    return dense(get, "out", x, 10)


# Losses: (y, output) -> (mean loss, accuracy)


def binary(y: Any, z: Any) -> Any:
    return (jax.nn.softplus(z) - y * z).mean(), ((z > 0) == (y > 0.5)).mean()


def sparse(y: Any, z: Any) -> Any:
    y = y[:, 0]
    picked = jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1)
    return -picked.mean(), (z.argmax(-1) == y).mean()


def categorical(y: Any, z: Any) -> Any:
    return -(y * jax.nn.log_softmax(z)).sum(-1).mean(), (z.argmax(-1) == y.argmax(-1)).mean()


def squares(y: Any, z: Any) -> Any:
    return ((y - z) ** 2).mean(), jnp.float32(0)


# Optimizers: (weight, gradient, two slots, number of the step) -> (weight, two slots)


def adam(w: Any, g: Any, m: Any, v: Any, t: Any) -> Any:
    m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
    rate = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - rate * m / (jnp.sqrt(v) + 1e-7), m, v


def rmsprop(w: Any, g: Any, m: Any, v: Any, t: Any) -> Any:
    v = 0.9 * v + 0.1 * g * g
    return w - 0.001 * g * lax.rsqrt(v + 1e-7), m, v


#: network, loss, optimizer, and whether compiled single steps are faster than a compiled epoch
PROGRAMS: dict[str, tuple[Any, Any, Any, bool]] = {
    "mlp": (mlp, binary, rmsprop, False),
    "generator": (mlp, binary, rmsprop, True),
    "cnn": (cnn, categorical, adam, True),
    "lstm": (lstm, sparse, adam, False),
    "gru": (gru, sparse, adam, False),
    "transformer": (transformer, sparse, adam, False),
    "autoencoder": (autoencoder, squares, adam, False),
    "residual": (residual, sparse, adam, True),
    "recommender": (recommender, binary, adam, False),
    "wide": (wide, sparse, adam, False),
}


class Handwritten:
    """The same interface as the other libraries: fit, evaluate and predict."""

    def __init__(self, name: str, workload: Any, singly: bool | None = None) -> None:
        self.workload = workload
        self.network, self.loss, self.rule, single = PROGRAMS[name]
        self.singly = single if singly is None else singly
        sample = workload.data(np.random.default_rng(0), 1)[0]
        draw = NewWeights()
        jax.eval_shape(lambda x: self.network(draw, x), sample)  # computes nothing: the weights are created with NumPy
        slots = ({k: np.zeros_like(v) for k, v in draw.params.items()} for _ in range(2))
        self.state = jax.device_put((draw.params, draw.moving, *slots, np.int32(0)))
        self.step = jax.jit(self._step, donate_argnums=(0, 1))
        self.epoch = jax.jit(self._epoch, donate_argnums=0)
        self.answer = jax.jit(lambda params, moving, x: self.network(StoredWeights(params, moving), x))
        self.test = jax.jit(self._test)

    def _step(self, state: Any, totals: Any, x: Any, y: Any) -> Any:
        params, moving, m, v, t = state
        key = jax.random.fold_in(jax.random.key(0, impl="rbg"), t)

        def objective(params: Any) -> Any:
            get = StoredWeights(params, moving, key)
            loss, right = self.loss(y, self.network(get, x))
            return loss, (right, get.moving)

        (loss, (right, moving)), grads = jax.value_and_grad(objective, has_aux=True)(params)
        parts = {k: self.rule(params[k], grads[k], m[k], v[k], (t + 1).astype(jnp.float32)) for k in params}
        params, m, v = ({k: part[i] for k, part in parts.items()} for i in range(3))
        return (params, moving, m, v, t + 1), (totals[0] + loss, totals[1] + right)

    def _epoch(self, state: Any, x: Any, y: Any, order: Any) -> Any:
        def body(i: Any, carry: Any) -> Any:
            state, totals = carry
            return self._step(state, totals, x[order[i]], y[order[i]])

        return lax.fori_loop(0, len(order), body, (state, _zero()))

    def _test(self, params: Any, moving: Any, x: Any, y: Any) -> Any:
        def body(totals: Any, batch: Any) -> Any:
            loss, right = self.loss(batch[1], self.network(StoredWeights(params, moving), batch[0]))
            return (totals[0] + loss, totals[1] + right), None

        return lax.scan(body, _zero(), (x, y))[0]

    def fit(self, x: Any, y: Any, clock: Any) -> None:
        random, size = np.random.default_rng(0), self.workload.batch
        placed = None if self.singly else jax.device_put((x, y))
        while True:
            order = np.arange(len(x)) if self.workload.stream else random.permutation(len(x))
            order = order.reshape(-1, size).astype(np.int32)
            if placed is not None:
                self.state, totals = self.epoch(self.state, *placed, order)
            else:
                totals = _zero()
                for rows in order:
                    part = slice(rows[0], rows[-1] + 1) if self.workload.stream else rows
                    self.state, totals = self.step(self.state, totals, x[part], y[part])
            jax.block_until_ready(totals)
            if clock():
                return

    def _stacked(self, array: Any) -> Any:
        return array.reshape(-1, self.workload.batch, *array.shape[1:])

    def evaluate(self, x: Any, y: Any) -> Any:
        return jax.device_get(self.test(*self.state[:2], self._stacked(x), self._stacked(y)))

    def predict(self, x: Any) -> Any:
        return np.concatenate(list(self._answers(x)))

    def _answers(self, x: Any) -> Iterator[Any]:
        size = self.workload.batch
        yield from jax.device_get([self.answer(*self.state[:2], x[i : i + size]) for i in range(0, len(x), size)])


def _zero() -> Any:
    return jnp.float32(0), jnp.float32(0)


def main() -> None:
    """Measure the time of a step in both kinds of loop."""
    from worker import Clock
    from workloads import WORKLOADS

    for name, workload in WORKLOADS.items():
        x, y = workload.data(np.random.default_rng(0), workload.batch * workload.steps)
        for singly in (False, True):
            clock = Clock(1)
            Handwritten(name, workload, singly).fit(x, y, clock)
            loop = "one step at a time" if singly else "an epoch at a time"
            print(f"{name:12} {loop}: {clock.steady() / workload.steps * 1e3:.3f} ms", flush=True)


if __name__ == "__main__":
    main()
