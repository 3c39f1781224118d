"""Where a training stands: what is kept beside the state, so that it can go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gazelle.data import Source
from gazelle.training.callbacks.base import Callback
from gazelle.training.trainer import Trainer

_CALLBACKS = "callbacks"


class Position:
    """The epoch, the step in it, and the states of the callbacks.

    Attributes:
        epoch, done: the epoch (from 0) and how many of its steps are over.
        begun: whether the epoch's `on_epoch_begin` was called.
        stopped: whether a callback ended the training.
    """

    def __init__(self, trainer: Trainer, source: Source, callbacks: list[Callback], epoch: int) -> None:
        self.trainer, self.source, self.callbacks, self.epoch = trainer, source, callbacks, epoch
        self.done, self.begun, self.stopped = 0, False, False

    def next_epoch(self) -> None:
        self.epoch, self.done, self.begun = self.epoch + 1, 0, False

    def finish(self, stopped: bool) -> None:
        """No further step will be made."""
        if self.begun:
            self.next_epoch()
        self.stopped = stopped

    def words(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        layout = [[path, list(v.shape), v.dtype] for path, v in self.trainer.live.variables.items()]
        states = self._states(lambda name, array: {"tensor": name})
        return {
            "model": layout, "epoch": self.epoch, "batch": self.done, "begun": self.begun, "stopped": self.stopped,
            "seed": self.trainer.seed, "source": self.source.state(self.epoch, self.done), "callbacks": states,
        }  # fmt: skip

    def tensors(self) -> dict[str, Any]:
        """The arrays: the live state, and those that callbacks remember."""
        arrays: dict[str, Any] = self.trainer.live.tensors()
        self._states(lambda name, array: arrays.setdefault(name, np.array(array)))
        return arrays

    def _states(self, replace: Any) -> list[Any]:
        """[[class, state]] of the callbacks, each array replaced by `replace(name, array)`."""

        def walk(name: str, value: Any) -> Any:
            if isinstance(value, Mapping):
                return {key: walk(f"{name}/{key}", v) for key, v in value.items()}
            if isinstance(value, (list, tuple)):
                return [walk(f"{name}/{i}", v) for i, v in enumerate(value)]
            return replace(name, value) if isinstance(value, (np.ndarray, jax.Array)) and value.ndim else value

        return [
            [type(callback).__name__, walk(f"{_CALLBACKS}/{index}", callback.state())]
            for index, callback in enumerate(self.callbacks)
            if callable(callback.state)  # an author may use the word for something else
        ]

    def restore(self, tensors: Mapping[str, Any], words: Mapping[str, Any]) -> None:
        """Go to where `tensors` and `words` were taken; callbacks get theirs by `restore_callbacks`, once they began.

        Raises:
            StateError: the state is that of another model.
        """
        state = {name: array for name, array in tensors.items() if not name.startswith(f"{_CALLBACKS}/")}
        self.trainer.live.restore(state)
        self.trainer.reseed(words["seed"])
        self.epoch, self.done = words["epoch"], words["batch"]
        self.begun, self.stopped = words["begun"], words["stopped"]
        self.source.restore(words["seed"], self.epoch, words["source"])

    def told(self) -> str:
        """In words."""
        if self.done:
            return f"Going on in epoch {self.epoch + 1} after {self.done} steps."
        return f"Going on after epoch {self.epoch}." if self.epoch else "Going on from the start."

    def restore_callbacks(self, tensors: Mapping[str, Any], words: Mapping[str, Any]) -> None:
        """Give each callback what one of its class, in its place among them, had remembered."""

        def walk(value: Any) -> Any:
            if isinstance(value, Mapping):
                return tensors[value["tensor"]] if set(value) == {"tensor"} else {k: walk(v) for k, v in value.items()}
            return [walk(v) for v in value] if isinstance(value, list) else value

        kept: dict[str, list[Any]] = {}
        for name, state in words["callbacks"]:
            kept.setdefault(name, []).append(state)
        for callback in self.callbacks:
            states = kept.get(type(callback).__name__)
            if states:
                callback.restore(walk(states.pop(0)))
