"""Breakdown of start, predict and recurrent loops: `python benchmarks/overheads.py start|predict|lstm|stream`.

Prints minima of many repetitions, the least noisy statistic on a busy machine.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from workloads import WORKLOADS


def least(calls, seconds=10.0):
    """{name: the minimum of the seconds of a call}; the calls alternate."""
    best, end = dict.fromkeys(calls, np.inf), time.monotonic() + seconds
    while time.monotonic() < end:
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - begun)
    return best


def start(network):
    """Print the CPU seconds of this process up to the end of its first epoch, and the number of traced programs."""
    marks = [("Python", time.process_time())]
    import gazelle

    marks.append(("import gazelle", time.process_time()))
    import jax

    marks.append(("import jax", time.process_time()))
    traced = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: traced.append(event.rpartition("/")[2]) if "/compile/" in event else None
    )
    workload = WORKLOADS[network]
    x, y = workload.data(np.random.default_rng(0), workload.batch * workload.steps)
    marks.append(("data", time.process_time()))
    model = workload.model(gazelle)
    marks.append(("layers, model, compile", time.process_time()))
    model.fit(x, y, batch_size=workload.batch, verbose=0)
    marks.append(("fit", time.process_time()))
    found = {name: now - before for (name, now), (_, before) in zip(marks[1:], marks[:-1], strict=True)}
    return found | {kind: traced.count(kind) for kind in sorted(set(traced))}


def predict(network):
    """Print the time of `predict` for one sample, and of the program that it runs."""
    import gazelle

    workload = WORKLOADS[network]
    x, _ = workload.data(np.random.default_rng(0), 1)
    model = workload.model(gazelle)
    model.predict(x, verbose=0)
    trainer = model._trainer
    values, count = trainer.live.values(), np.uint32(0)
    return least(
        {
            "predict": lambda: model.predict(x, verbose=0),
            "its program": lambda: np.array(trainer.predict(values, trainer.key, x[None], count)[0]),
        }
    )


def lstm(network, steps=80, batch=32, units=64):
    """Print the time of a step of an LSTM's loop: the whole step, and its parts."""
    import jax
    import jax.numpy as jnp

    from gazelle.layers.lstm import _usual

    draw = np.random.default_rng(0).normal
    z, r = (jnp.asarray(draw(size=size), "float32") / 10 for size in ((steps, batch, 4 * units), (units, 4 * units)))
    zero = jnp.zeros((batch, units))

    def loop(body):
        return lambda z, r: jax.lax.scan(lambda hc, x: (body(*hc, x, r), None), (zero, zero), z)[0][0].sum()

    def whole(h, c, x, r):
        return _usual(x + h @ r, c)

    bodies = {
        "loop": lambda h, c, x, r: (h, c),
        "product": lambda h, c, x, r: ((h @ r)[:, :units], c),
        "gates": lambda h, c, x, r: _usual(x, c),
        "all": whole,
    }
    forms = {name: jax.jit(loop(body)) for name, body in bodies.items()}
    forms["all and its gradient"] = jax.jit(jax.grad(loop(whole)))
    calls = {name: (lambda form=form: jax.block_until_ready(form(z, r))) for name, form in forms.items()}
    return {name: seconds / steps for name, seconds in least(calls).items()}


def stream(network, count=200_000):
    """Print the time of an epoch with data in memory, and with data in a memory-mapped file."""
    import gazelle

    workload = WORKLOADS[network]
    x, y = workload.data(np.random.default_rng(0), count)
    model = workload.model(gazelle)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", x)
        mapped = np.load(Path(folder) / "x.npy", mmap_mode="r")
        options = {"batch_size": 256, "verbose": 0, "keep": False}
        model.fit(x, y, **options)  # compiles
        kinds = {"memory": x, "mapped": mapped}
        return least({name: (lambda v=v: model.fit(v, y, **options)) for name, v in kinds.items()})


if __name__ == "__main__":
    kinds = {"start": start, "predict": predict, "lstm": lstm, "stream": stream}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=kinds)
    parser.add_argument("network", nargs="?", default="mlp", choices=WORKLOADS)
    arguments = parser.parse_args()
    for name, value in kinds[arguments.part](arguments.network).items():
        print(f"{name:30} {value}" if isinstance(value, int) else f"{name:30} {value * 1e3:10.4f} ms")
