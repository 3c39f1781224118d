"""Counts of function calls inside gazelle, with bounds: the cost in Python of a fit and of loading a model.

    python scripts/count_calls.py [--top N]

Unlike times, counts do not depend on the load of the machine. Exit status 1: a count exceeds its bound.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: calls that a network of two Dense layers may take
BOUNDS = {"first fit": 3130, "second fit": 400, "saved fit": 1520, "load_model": 4180}


def count(function: Callable[[], Any], root: str) -> collections.Counter[str]:
    """Calls of each function whose file is below `root`, while `function` runs."""
    calls: collections.Counter[str] = collections.Counter()

    def profile(frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(root):
            calls[f"{code.co_filename[len(root) :]}:{code.co_name}"] += 1

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


def measure() -> dict[str, collections.Counter[str]]:
    """Calls of a first fit, a second fit, one that writes a checkpoint, and load_model."""
    import numpy as np

    import gazelle
    from gazelle import layers

    root = str(Path(gazelle.__file__).parent) + os.sep
    x, y = np.ones((64, 4), np.float32), np.arange(64) % 2
    model = gazelle.Sequential(
        [gazelle.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(2, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit = lambda: model.fit(x, y, epochs=1, verbose=0, keep=False)  # noqa: E731
    found = {"first fit": count(fit, root), "second fit": count(fit, root)}
    with tempfile.TemporaryDirectory() as folder:
        saved = lambda: model.fit(x, y, epochs=1, verbose=0, checkpoint=folder)  # noqa: E731
        found["saved fit"] = count(saved, root)
        path = f"{folder}/model.keras"
        model.save(path)
        found["load_model"] = count(lambda: gazelle.models.load_model(path), root)
    return found


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--top", type=int, default=0, help="also list the functions that are called most")
    top = parser.parse_args().top
    exceeded = False
    for name, calls in measure().items():
        total = sum(calls.values())
        exceeded |= total > BOUNDS[name]
        print(f"{name:12} {total:6} calls, at most {BOUNDS[name]}")
        for function, number in calls.most_common(top):
            print(f"    {number:6} {function}")
    sys.exit(exceeded)


if __name__ == "__main__":
    main()
