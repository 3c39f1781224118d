"""The callback that keeps checkpoints in orbax's format."""

from __future__ import annotations

import os
from typing import Any

from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.layers import weight_tree
from gazelle.training.callbacks.monitor import Monitor


def _orbax() -> Any:
    try:
        import orbax.checkpoint
    except ImportError:
        raise ImportError('OrbaxCheckpoint needs orbax.\nInstall it: pip install "gazelle[orbax]"') from None
    return orbax.checkpoint


class OrbaxCheckpoint(Monitor):
    """Saves weights and the optimizer's state as a tree of arrays, `directory/<step>`, by orbax.

    The tree is {"weights": {path: array}, "optimizer": {number: array}}, so other JAX programs can read it; the model's
    config stands beside it. `load_into` reads it back.

    Args:
        directory: the folder of the checkpoints.
        monitor: a name in the logs; any spelling.
        verbose: 1 tells what is saved.
        save_best_only: save only when `monitor` is better than ever before.
        mode: 'min', 'max', or 'auto', which goes by the metric.
        save_freq: 'epoch' (a step is an epoch, from 0), or a number of batches (a step is a batch).
        initial_value_threshold: the value that the first save has to beat.
        max_to_keep: how many of the latest stay; None: all.
        save_on_background: go on with the training while it is written.
        save_weights_only: leave the optimizer and the config out.

    Errors: ImportError without orbax; StateError for a `load_into` that finds nothing.

    >>> OrbaxCheckpoint("checkpoints", save_freq=100, max_to_keep=3).save_freq
    100
    """

    _kept = ("best", "_batches", "_seen_batch", "_total")

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: Any = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode, best=initial_value_threshold)
        by_batches = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not by_batches:
            got = repr(save_freq)
            raise ArgumentError(message("OrbaxCheckpoint's save_freq", expected="'epoch' or a number > 0", got=got))
        self.directory, self.verbose, self.save_best_only = os.path.abspath(directory), verbose, save_best_only
        self.save_freq, self.max_to_keep = save_freq, max_to_keep
        self.save_on_background, self.save_weights_only = save_on_background, save_weights_only
        self._manager: Any = None
        self._batches = self._total = 0
        self._seen_batch: int | None = None
        if by_batches:  # set on the object: one by epochs must not listen to batches
            self.on_train_batch_end = self._count_batch  # type: ignore[method-assign]

    @property
    def manager(self) -> Any:
        """orbax's CheckpointManager of the folder."""
        if self._manager is None:
            ocp = _orbax()
            options = ocp.CheckpointManagerOptions(
                max_to_keep=self.max_to_keep, create=True, enable_async_checkpointing=self.save_on_background
            )
            self._manager = ocp.CheckpointManager(self.directory, options=options)
        return self._manager

    def _tree(self, model: Any) -> dict[str, Any]:
        tree: dict[str, Any] = {"weights": {path: v.numpy() for path, v in weight_tree.named_variables(model).items()}}
        optimizer = getattr(model, "optimizer", None)
        if not self.save_weights_only and optimizer is not None:
            tree["optimizer"] = {f"{i:05d}": v.numpy() for i, v in enumerate(optimizer.variables)}
        return tree

    def _save(self, step: int, logs: Any) -> None:
        if self.save_best_only:
            current = self._current(logs)
            if current is None or not self._better(current, self.best):
                return
            self.best = current
        args = _orbax().args
        parts = {"tree": args.StandardSave(self._tree(self.model))}
        if not self.save_weights_only:
            parts["config"] = args.JsonSave(self.model.get_config())
        self.manager.save(step, args=args.Composite(**parts), force=True)
        if self.verbose:
            print(f"OrbaxCheckpoint: saving step {step} to {self.directory}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _count_batch(self, batch: int, logs: Any = None) -> None:
        fresh = self._seen_batch is None or batch <= self._seen_batch
        new = batch + 1 if fresh or self._seen_batch is None else batch - self._seen_batch
        self._seen_batch, self._batches, self._total = batch, self._batches + new, self._total + new
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._total, logs)

    def on_train_end(self, logs: Any = None) -> None:
        self.wait_until_finished()

    def wait_until_finished(self) -> None:
        """Return when everything is on disk."""
        if self._manager is not None:
            self._manager.wait_until_finished()

    def load_into(self, model: Any, step: int | None = None) -> int:
        """Put a checkpoint, the latest if `step` is None, into a model of the same layers. Returns its step."""
        self.wait_until_finished()
        manager = self.manager
        found = manager.latest_step() if step is None else step
        if found is None or found not in manager.all_steps():
            which = "" if step is None else f" of step {step}"
            what = f"'{self.directory}' has no checkpoint{which}"
            raise StateError(message(what, expected=f"one of {manager.all_steps()}"))
        args = _orbax().args
        tree = manager.restore(found, args=args.Composite(tree=args.StandardRestore()))["tree"]
        variables = weight_tree.named_variables(model)
        if set(variables) != set(tree["weights"]):
            odd = sorted(set(variables) ^ set(tree["weights"]))
            raise StateError(message(f"The checkpoint {found} is of another model", got=f"other weights: {odd[:5]}"))
        for path, variable in variables.items():
            variable.assign(tree["weights"][path])
        optimizer = getattr(model, "optimizer", None)
        if optimizer is not None and tree.get("optimizer"):
            optimizer.build(model.trainable_variables)
            optimizer.set_weights([tree["optimizer"][key] for key in sorted(tree["optimizer"])])
        return int(found)
