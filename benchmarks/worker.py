"""Measure one library in this process and print the result as one line of JSON.

    python worker.py '{"peer": "gazelle", "workload": "mlp", "started": 0.0, "figures": ["step"], "seconds": 1}'
    python worker.py '{"peer": "gazelle", "growth": "batch", "seconds": 1}'
    python worker.py '{"peer": "gazelle", "loop": "gan", "seconds": 1}'

Runs in the environment of the library. `started` is the time at which the process was created, on the monotonic clock.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

CLOCK = time.monotonic
MODULES = {
    **dict.fromkeys(("gazelle", "plain", "on-tensorflow", "on-pytensor"), "gazelle"),
    "handwritten": "jax",
    "scikit-learn": "sklearn.neural_network",
}
SLOW = 4.0  # seconds of an epoch after which no larger size is measured


class Clock:
    """Records the end of each epoch; true after enough epochs and seconds, not counting the first epoch."""

    def __init__(self, seconds: float, epochs: int = 3) -> None:
        self.seconds, self.epochs, self.ends = seconds, epochs, [CLOCK()]

    def __call__(self) -> bool:
        self.ends.append(CLOCK())
        return len(self.ends) > self.epochs and self.ends[-1] - self.ends[1] >= self.seconds

    def steady(self) -> float:
        """Seconds per epoch, without the first."""
        return median([b - a for a, b in pairwise(self.ends[1:])])


class Fitted:
    """A model of gazelle or Keras with default settings, except for the output."""

    def __init__(self, keras: Any, workload: Any) -> None:
        self.keras, self.workload, self.model = keras, workload, workload.model(keras)

    def fit(self, x: Any, y: Any, clock: Clock) -> None:
        class StopAfterClock(self.keras.callbacks.Callback):  # type: ignore[name-defined, misc]
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                self.model.stop_training = clock()

        options = {"epochs": 10_000, "verbose": 0, "callbacks": [StopAfterClock()]}
        if self.workload.stream:
            self.model.fit(batches(x, y, self.workload.batch), steps_per_epoch=self.workload.steps, **options)
        else:
            self.model.fit(x, y, batch_size=self.workload.batch, **options)

    def evaluate(self, x: Any, y: Any) -> Any:
        return self.model.evaluate(x, y, batch_size=self.workload.batch, verbose=0)

    def predict(self, x: Any) -> Any:
        return self.model.predict(x, batch_size=self.workload.batch, verbose=0)


def batches(x: Any, y: Any, size: int) -> Iterator[Any]:
    """A typical user-defined generator."""
    while True:
        for start in range(0, len(x), size):
            yield x[start : start + size], y[start : start + size]


def create_library(peer: str, module: Any, name: str, workload: Any) -> Any:
    """The object with fit, evaluate and predict for a library."""
    if peer == "handwritten":
        from handwritten import Handwritten

        return Handwritten(name, workload)
    if peer == "scikit-learn":
        from scikit import Scikit

        return Scikit(name, workload)
    return Fitted(module, workload)


def median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def time_of_call(call: Callable[[], Any], seconds: float) -> float:
    """Seconds of one call, without the first call."""
    took: list[float] = []
    call()
    begun = CLOCK()
    while len(took) < 2 or CLOCK() - begun < seconds:
        start = CLOCK()
        call()
        took.append(CLOCK() - start)
    return median(took)


def peak() -> float:
    """Peak memory of this process in bytes."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(float(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except OSError:
        import resource  # counts in bytes on macOS

        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def measure(task: dict[str, Any]) -> dict[str, float]:
    """Measure the requested figures of one workload."""
    peer, wanted, seconds = task["peer"], set(task["figures"]), task["seconds"]
    module = importlib.import_module(MODULES.get(peer, "keras"))
    found = {"import": CLOCK() - task["started"]}

    import numpy as np
    from workloads import WORKLOADS

    workload = WORKLOADS[task["workload"]]
    x, y = workload.data(np.random.default_rng(0), workload.batch * workload.steps)
    one = create_library(peer, module, task["workload"], workload)
    clock = Clock(seconds) if wanted & {"step", "memory"} else Clock(0, epochs=1)
    one.fit(x, y, clock)
    found["start"] = clock.ends[1] - task["started"]
    if wanted & {"step", "memory"}:
        found["step"] = clock.steady() / workload.steps
        found["memory"] = peak()
    if not workload.stream:
        if "evaluate" in wanted:
            found["evaluate"] = time_of_call(lambda: one.evaluate(x, y), seconds / 3) / workload.steps
        if "predict" in wanted:
            found["predict"] = len(x) / time_of_call(lambda: one.predict(x), seconds / 3)
        if "latency" in wanted:
            found["latency"] = time_of_call(lambda: one.predict(x[:1]), seconds / 3)
    return found


def iteration(task: dict[str, Any]) -> dict[str, float]:
    """Measure the time of an iteration of a loop."""
    module = importlib.import_module(MODULES.get(task["peer"], "keras"))

    import numpy as np
    from user_loops import LOOPS

    loop = LOOPS[task["loop"]]
    if loop.module == "tensorflow":
        if task["peer"] == "gazelle":
            module.install()
        module = importlib.import_module("tensorflow")
    return {"iteration": time_of_call(loop.iteration(module, np.random.default_rng(0)), task["seconds"]) / loop.per}


def grow(task: dict[str, Any]) -> dict[str, list[float]]:
    """Measure the time of a step (or an epoch), of the first epoch, and the peak memory for growing sizes."""
    module = importlib.import_module(MODULES.get(task["peer"], "keras"))

    import numpy as np
    from workloads import GROWTH

    axis = GROWTH[task["growth"]]
    found: dict[str, list[float]] = {"sizes": [], "time": [], "first": [], "memory": []}
    for size in axis.sizes[: task.get("points")]:
        workload = axis.at(size)
        x, y = workload.data(np.random.default_rng(0), workload.batch * workload.steps)
        one = Fitted(module, workload)
        clock = Clock(task["seconds"], epochs=2)
        one.fit(x, y, clock)
        epoch = clock.steady()
        found["sizes"].append(size)
        found["time"].append(epoch if axis.whole else epoch / workload.steps)
        found["first"].append(clock.ends[1] - clock.ends[0])
        found["memory"].append(peak())
        if epoch > SLOW:
            break
    return found


def main(options: str) -> None:
    task = json.loads(options)
    task.setdefault("started", CLOCK())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    found = grow(task) if "growth" in task else iteration(task) if "loop" in task else measure(task)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
