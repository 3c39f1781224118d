"""The callback that writes checkpoints in the format of orbax."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.core.errors import StateError, message
from gazelle.core.types import PathLike
from gazelle.engine import orbax, processes
from gazelle.layers import weight_tree
from gazelle.training.callbacks.batch_counter import BatchCounter
from gazelle.training.callbacks.monitor import Monitor

if TYPE_CHECKING:
    from orbax.checkpoint import CheckpointManager

    from gazelle.models import Model


class OrbaxCheckpoint(Monitor):
    """Saves the weights and the optimizer's state as a tree of arrays, `directory/<step>`, with orbax.

    The tree is {"weights": {path: array}, "optimizer": {number: array}}, so that other JAX programs can read it; the
    model's config is saved with it. `load_model` and `load_weights` of the folder read the newest one, `load_into` any.

    Args:
        directory: the folder of the checkpoints.
        monitor: a name in the logs, or an alias of one.
        verbose: 1 prints what is saved.
        save_best_only: save only when `monitor` is better than ever before.
        mode: 'min', 'max', or 'auto', which depends on the metric.
        save_freq: 'epoch' (steps are epochs, from 0), or a number of batches (steps are batches); in a folder that has
            these steps already they follow the newest one.
        initial_value_threshold: the value that the first save must improve on.
        max_to_keep: number of checkpoints that are kept; None for all.
        save_on_background: continue training during the write.
        save_weights_only: omit the optimizer and the config.

    Raises:
        ArgumentError: `save_freq` is neither 'epoch' nor a number.
        ImportError: orbax is not installed.

    >>> OrbaxCheckpoint("checkpoints", save_freq=100, max_to_keep=3).save_freq
    100
    """

    writes_files = True
    reads_weights = "always"  # orbax lets the processes wait for each other

    _state_attributes = ("best",)

    def __init__(
        self,
        directory: PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode, best=initial_value_threshold)
        self._counter = BatchCounter(save_freq, "OrbaxCheckpoint")
        self.directory, self.verbose, self.save_best_only = os.path.abspath(directory), verbose, save_best_only
        self.save_freq, self.max_to_keep = save_freq, max_to_keep
        self.save_on_background, self.save_weights_only = save_on_background, save_weights_only
        self._manager: CheckpointManager | None = None
        self._shift: int | None = None  # added to steps, so that they follow those that the folder has already
        if self._counter.every:  # set on the object: with save_freq='epoch' it must have no batch events
            self.on_train_batch_end = self._save_if_due  # type: ignore[method-assign]

    def state(self) -> dict[str, Any]:
        return super().state() | self._counter.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._counter.restore(state)

    @property
    def manager(self) -> CheckpointManager:
        """The CheckpointManager of the folder."""
        if self._manager is None:
            ocp = orbax.load("OrbaxCheckpoint")
            handlers = {"tree": ocp.StandardCheckpointHandler(), "config": ocp.JsonCheckpointHandler()}
            self._manager = orbax.manager(
                "OrbaxCheckpoint", self.directory, self.max_to_keep, self.save_on_background, item_handlers=handlers
            )
        return self._manager

    def _tree(self, model: Any) -> dict[str, Any]:
        read = (lambda v: v.numpy()) if processes.count() == 1 else (lambda v: v.value)  # each process writes its part
        tree: dict[str, Any] = {"weights": {path: read(v) for path, v in weight_tree.named_variables(model).items()}}
        optimizer = getattr(model, "optimizer", None)
        if not self.save_weights_only and optimizer is not None:
            tree["optimizer"] = {f"{i:05d}": read(v) for i, v in enumerate(optimizer.variables)}
        return tree

    def _save(self, step: int, logs: dict[str, Any] | None) -> None:
        if self.save_best_only:
            current = self.get_monitor_value(logs)
            if current is None or not self._is_improvement(current, self.best):
                return
            self.best = current
        if self._shift is None:
            newest = self.manager.latest_step()
            self._shift = 0 if newest is None or step > newest else newest + 1 - step
        step += self._shift
        args = orbax.load("OrbaxCheckpoint").args
        items = {"tree": args.StandardSave(self._tree(self.model))}
        if not self.save_weights_only:
            items["config"] = args.JsonSave(json.loads(self.model.to_json()))
        self.manager.save(step, args=args.Composite(**items), force=True)
        if self.verbose and processes.is_main():
            print(f"OrbaxCheckpoint: saving step {step} to {self.directory}")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Create the folder.

        Args:
            logs: unused.
        """
        self._shift = None
        os.makedirs(self.directory, exist_ok=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _save_if_due(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._counter.update(batch):
            self._save(self._counter.total, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.wait_until_finished()

    def wait_until_finished(self) -> None:
        """Wait for a running write."""
        if self._manager is not None:
            self._manager.wait_until_finished()

    def load_into(self, model: Model, step: int | None = None, *, optimizer: bool = True) -> int:
        """Load a checkpoint into a model with the same layers.

        Args:
            model: the model.
            step: the step of the checkpoint; None for the latest.
            optimizer: also restore the optimizer's state.

        Returns:
            The step.

        Raises:
            StateError: there is no such checkpoint, or it is of another model.
        """
        self.wait_until_finished()
        manager = self.manager
        found = manager.latest_step() if step is None else step
        if found is None or found not in manager.all_steps():
            which = "" if step is None else f" of step {step}"
            what = f"'{self.directory}' has no checkpoint{which}"
            raise StateError(message(what, expected=f"one of {manager.all_steps()}"))
        args = orbax.load("OrbaxCheckpoint").args
        saved = manager.item_metadata(found)["tree"].tree  # read as a whole, on any devices
        target = jax.tree.map(lambda entry: np.empty(entry.shape, entry.dtype), saved)
        tree = manager.restore(found, args=args.Composite(tree=args.StandardRestore(target)))["tree"]
        variables = weight_tree.named_variables(model)
        if set(variables) != set(tree["weights"]):
            different = sorted(set(variables) ^ set(tree["weights"]))
            got = f"other weights: {different[:5]}"
            raise StateError(message(f"The checkpoint {found} belongs to another model", got=got))
        for path, variable in variables.items():
            variable.assign(tree["weights"][path])
        own = getattr(model, "optimizer", None) if optimizer else None
        if own is not None and tree.get("optimizer"):
            own.build(model.trainable_variables)
            own.set_weights([tree["optimizer"][key] for key in sorted(tree["optimizer"])])
        return int(found)
