"""The progress of a training: what a checkpoint contains besides the state, so that a run resumes exactly."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gazelle.core.errors import message
from gazelle.core.printable import singular
from gazelle.data import Source
from gazelle.training.callbacks.base import Callback
from gazelle.training.state import State
from gazelle.training.trainer import Trainer

_CALLBACKS = "callbacks"

Metadata = dict[str, Any]


class TrainingProgress:
    """The epoch, the step in it, and the states of the callbacks.

    Args:
        trainer: the trainer of the model.
        source: the batches.
        callbacks: the callbacks.
        epoch: the epoch to start with.
        fingerprint: returns what identifies the training, as JSON; None where no checkpoint is written.

    Attributes:
        epoch: the epoch, from 0.
        done: number of its finished steps.
        begun: whether the epoch's `on_epoch_begin` was called.
        stopped: whether a callback ended the training.
        resumed: whether a snapshot was restored.
    """

    def __init__(
        self,
        trainer: Trainer,
        source: Source,
        callbacks: list[Callback],
        epoch: int,
        fingerprint: Callable[[], str] | None = None,
    ) -> None:
        self.trainer, self.source, self.callbacks, self.epoch = trainer, source, callbacks, epoch
        self._fingerprint = fingerprint
        self.done, self.begun, self.stopped, self.resumed = 0, False, False, False
        self._before: tuple[State, Metadata] | None = None  # while callbacks run: what was before them
        self._copies: dict[str, Any] = {}  # of the last snapshot

    def next_epoch(self) -> None:
        """Count the epoch as finished."""
        self.epoch, self.done, self.begun = self.epoch + 1, 0, False

    def finish(self, stopped: bool) -> None:
        """End the training."""
        if self.begun:
            self.next_epoch()
        self.stopped = stopped

    @contextlib.contextmanager
    def events(self) -> Iterator[None]:
        """A block of events that is atomic with respect to checkpoints.

        A run that is stopped inside is saved as before the block, with callbacks and learning rate: resuming repeats
        all of its events.
        """
        self._before = self.trainer.live.current(), self._metadata()
        yield
        self._before = None

    def snapshot(self) -> tuple[dict[str, Any], Metadata]:
        """(tensors, metadata): copies of the arrays, and the rest as values that JSON can hold.

        The next snapshot overwrites the arrays. Of a state that is divided over processes, they are those of the
        state, which the next step consumes.
        """
        state, metadata = self._before or (None, None)
        if metadata is None or (state is not None and not state.alive()):  # a callback trained with it
            state, metadata = None, self._metadata()
        return self._copy(state, metadata)

    def later_snapshot(self) -> Callable[[], tuple[dict[str, Any], Metadata]]:
        """A function that returns the snapshot of this moment: the arrays are copied when it is called."""
        state, metadata = self.trainer.live.share(), self._metadata()
        return lambda: self._copy(state, metadata)

    def _copy(self, state: State | None, metadata: Metadata) -> tuple[dict[str, Any], Metadata]:
        arrays = self.trainer.live.tensors(state, self._copies)
        self._copies = {name: array for name, array in arrays.items() if isinstance(array, np.ndarray)}

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
        identity = {} if self._fingerprint is None else {"fingerprint": self._fingerprint()}
        callbacks = walk(_CALLBACKS, metadata[_CALLBACKS])
        return arrays, {"model": layout, **identity, **metadata, _CALLBACKS: callbacks}

    def _metadata(self) -> Metadata:
        return {
            "epoch": self.epoch,
            "batch": self.done,
            "begun": self.begun,
            "stopped": self.stopped,
            "steps": self.source.steps,
            "seed": self.trainer.seed,
            "source": self.source.state(self.epoch, self.done),
            _CALLBACKS: [
                [type(callback).__name__, _copied(callback.state())]
                for callback in self.callbacks
                if callable(callback.state)  # an author may use the name for something else
            ],
        }

    def restore(self, tensors: Mapping[str, Any], metadata: Mapping[str, Any], force: bool = False) -> None:
        """Restore a snapshot; the states of callbacks are restored by `restore_callbacks`, after `on_train_begin`.

        Args:
            tensors: the arrays.
            metadata: the rest.
            force: the snapshot may be of a training with another optimizer, other metrics and other data.

        Raises:
            StateError: the state is that of another model.
        """
        state = {name: array for name, array in tensors.items() if not name.startswith(f"{_CALLBACKS}/")}
        self.trainer.live.restore(state, force)
        self.trainer.reseed(metadata["seed"])
        self.epoch, self.done = metadata["epoch"], metadata["batch"]
        self.begun, self.stopped, self.resumed = metadata["begun"], metadata["stopped"], True
        position = metadata["source"] or ({"steps": self.source.steps, "owner": None} if force else None)
        self.source.restore(metadata["seed"], self.epoch, position)
        then, now = metadata.get("steps"), self.source.steps
        if self.done and None not in (then, now) and then != now:
            text = f"fit resumes after step {self.done} of an epoch, with other data or another batch_size"
            warnings.warn(message(text, expected=f"{then} steps in an epoch, as before", got=now), stacklevel=4)

    def describe(self, epochs: int) -> str:
        """A sentence for the user on what follows from a restored snapshot.

        Args:
            epochs: the argument of `fit`.
        """
        again = "Without resume, fit starts from the beginning."
        if self.stopped:
            return f"A callback had ended training in epoch {self.epoch}; nothing to do. {again}"
        if self.epoch >= epochs:
            return f"Training had finished after epoch {self.epoch}; nothing to do. Larger epochs continue it. {again}"
        if self.done:
            return singular(f"Resuming in epoch {self.epoch + 1} after {self.done} steps.")
        return f"Resuming after epoch {self.epoch}." if self.epoch else "Resuming from the start."

    def position(self) -> str:
        """Where the training is, for the user."""
        if self.done:
            return f"in epoch {self.epoch + 1}, step {self.done}"
        return f"after epoch {self.epoch}" if self.epoch else "before the first step"

    def restore_callbacks(self, tensors: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Restore each callback from the saved state of a callback of its class, in their order.

        Args:
            tensors: the arrays of a snapshot.
            metadata: the rest of it.
        """

        def walk(value: Any) -> Any:
            if isinstance(value, Mapping):
                return tensors[value["tensor"]] if set(value) == {"tensor"} else {k: walk(v) for k, v in value.items()}
            return [walk(v) for v in value] if isinstance(value, list) else value

        saved: dict[str, list[Any]] = {}
        for name, state in metadata[_CALLBACKS]:
            saved.setdefault(name, []).append(state)
        for callback in self.callbacks:
            states = saved.get(type(callback).__name__)
            if states:
                callback.restore(walk(states.pop(0)))


def _copied(value: Any) -> Any:
    """Copies of dicts and lists: those of History grow while they wait to be written."""
    if isinstance(value, Mapping):
        return {key: _copied(v) for key, v in value.items()}
    return list(value) if isinstance(value, list) else value
