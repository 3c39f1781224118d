"""Where a training stands: what is kept beside the state, so that it can go on as if it had never stopped."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gazelle.core.errors import message
from gazelle.data import Source
from gazelle.training.callbacks.base import Callback
from gazelle.training.state import State
from gazelle.training.trainer import Trainer

_CALLBACKS = "callbacks"

Words = dict[str, Any]


class TrainingProgress:
    """The epoch, the step in it, and the states of the callbacks.

    Attributes:
        epoch, done: the epoch (from 0) and how many of its steps are over.
        begun: whether the epoch's `on_epoch_begin` was called.
        stopped: whether a callback ended the training.
    """

    def __init__(self, trainer: Trainer, source: Source, callbacks: list[Callback], epoch: int) -> None:
        self.trainer, self.source, self.callbacks, self.epoch = trainer, source, callbacks, epoch
        self.done, self.begun, self.stopped = 0, False, False
        self._before: tuple[State, Words] | None = None  # while events are told: what was before them
        self._copies: dict[str, Any] = {}  # of the last snapshot

    def next_epoch(self) -> None:
        self.epoch, self.done, self.begun = self.epoch + 1, 0, False

    def finish(self, stopped: bool) -> None:
        """No further step will be made."""
        if self.begun:
            self.next_epoch()
        self.stopped = stopped

    @contextlib.contextmanager
    def events(self) -> Iterator[None]:
        """What is told to callbacks inside counts once all of them were told.

        Whoever is stopped inside is kept as before, callbacks and learning rate too: going on tells all of it again.
        """
        self._before = self.trainer.live.current(), self._words()
        yield
        self._before = None

    def snapshot(self) -> tuple[dict[str, Any], Words]:
        """(tensors, words): copies of the arrays, and what JSON can hold of the rest.

        The next snapshot is taken into the same arrays.
        """
        live = self.trainer.live
        state, words = self._before or (None, None)
        if words is None or (state is not None and not state.alive()):  # a callback trained with it
            state, words = None, self._words()
        arrays = self._copies = live.tensors(state, self._copies)

        def walk(name: str, value: Any) -> Any:
            if isinstance(value, Mapping):
                return {key: walk(f"{name}/{key}", v) for key, v in value.items()}
            if isinstance(value, (list, tuple)):
                return [walk(f"{name}/{i}", v) for i, v in enumerate(value)]
            if isinstance(value, (np.ndarray, jax.Array)) and value.ndim:
                arrays[name] = np.array(value)
                return {"tensor": name}
            return value

        layout = [[path, list(v.shape), v.dtype] for path, v in self.trainer.weights.items()]
        return arrays, {"model": layout, **words, _CALLBACKS: walk(_CALLBACKS, words[_CALLBACKS])}

    def _words(self) -> Words:
        return {
            "epoch": self.epoch,
            "batch": self.done,
            "begun": self.begun,
            "stopped": self.stopped,
            "steps": self.source.steps,
            "seed": self.trainer.seed,
            "source": self.source.state(self.epoch, self.done),
            _CALLBACKS: [
                [type(callback).__name__, _still(callback.state())]
                for callback in self.callbacks
                if callable(callback.state)  # an author may use the word for something else
            ],
        }

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
        then, now = words.get("steps"), self.source.steps
        if self.done and None not in (then, now) and then != now:
            text = f"fit goes on after step {self.done} of an epoch, with other data or another batch_size"
            warnings.warn(message(text, expected=f"{then} steps in an epoch, as then", got=now), stacklevel=4)

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
        for name, state in words[_CALLBACKS]:
            kept.setdefault(name, []).append(state)
        for callback in self.callbacks:
            states = kept.get(type(callback).__name__)
            if states:
                callback.restore(walk(states.pop(0)))


def _still(value: Any) -> Any:
    """Dicts and lists of their own: History's grow while they wait to be kept."""
    if isinstance(value, Mapping):
        return {key: _still(v) for key, v in value.items()}
    return list(value) if isinstance(value, list) else value
