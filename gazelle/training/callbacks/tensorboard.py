"""The callback that writes event files for TensorBoard, with tensorboardX."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, GazelleError, message
from gazelle.core.traceback import warn
from gazelle.core.types import PathLike
from gazelle.engine import processes
from gazelle.training.callbacks.base import Callback

if TYPE_CHECKING:
    from gazelle.models import Model


class TensorBoard(Callback):
    """Writes event files that `tensorboard --logdir logs` displays, in `log_dir/train` and `log_dir/validation`.

    Each epoch writes `epoch_<name>` of all logs and the learning rates; `evaluate` writes
    `evaluation_<name>_vs_iterations`.

    Args:
        log_dir: the folder.
        histogram_freq: write histograms of all weights every so many epochs; 0 for never.
        write_graph: write the layers of the model as a Keras graph.
        write_images: write each weight as an image together with the histograms.
        write_steps_per_second: write `epoch_steps_per_second` and `batch_steps_per_second`.
        update_freq: 'epoch', or write `batch_<name>` every so many batches ('batch': every one); the callback then has
            batch events.
        profile_batch: the batch, or the (first, last) batches, that JAX's profiler records; 0 for none.
        embeddings_freq: write the tables of Embedding layers for the projector every so many epochs; 0 for never.
        embeddings_metadata: a file with a line for each row of the table, or {name of the layer: file}.

    Raises:
        ArgumentError: an invalid `update_freq` or `profile_batch`.

    >>> TensorBoard("run", update_freq=100).update_freq
    100
    """

    writes_files = True

    _state_attributes = ("_trained", "_tested")

    def __init__(
        self,
        log_dir: PathLike = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | str | Sequence[int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | Mapping[str, str] | None = None,
    ) -> None:
        self.log_dir, self.histogram_freq, self.write_graph = os.fspath(log_dir), histogram_freq, write_graph
        self.write_images, self.write_steps_per_second = write_images, write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if self.update_freq != "epoch" and not (isinstance(self.update_freq, int) and self.update_freq > 0):
            raise ArgumentError(
                message("TensorBoard's update_freq", expected="'epoch', 'batch' or a number > 0", got=repr(update_freq))
            )
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self.reads_weights = bool(histogram_freq or embeddings_freq)
        self._first, self._last = _range(profile_batch)
        self._writers: dict[str, Any] = {}
        self._trained = self._tested = 0
        self._tracing = False
        self._times: dict[str, float] = {}
        if self.update_freq != "epoch" or self._last or write_steps_per_second:  # else no batch events
            self.on_train_batch_begin = self._batch_begin  # type: ignore[method-assign]
            self.on_train_batch_end = self._batch_end  # type: ignore[method-assign]

    def _writer(self, part: str) -> Any:
        """The writer of "train" or "validation"."""
        if part not in self._writers:
            from tensorboardX import SummaryWriter  # imported where it is used, since few programs do

            self._writers[part] = SummaryWriter(os.path.join(self.log_dir, part))
        return self._writers[part]

    def _scalars(self, part: str, template: str, logs: Mapping[str, Any], step: int) -> None:
        for name, value in logs.items():
            if np.size(value) == 1:
                self._writer(part).add_scalar(template.format(name), float(np.reshape(value, ())), step)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._trained = 0
        if not processes.is_main():  # it only takes part in reading weights
            self.log_dir = tempfile.mkdtemp()
        if self.write_graph:
            _write_graph(self._writer("train"), self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._times["epoch"] = time.perf_counter()
        self._times["steps"] = float(self.model.optimizer.iterations)

    def _batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._trained += 1
        self._times["batch"] = time.perf_counter()
        if self._trained == self._first:
            import jax

            jax.profiler.start_trace(os.path.join(self.log_dir, "train"))
            self._tracing = True

    def _batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.update_freq != "epoch" and self._trained % int(self.update_freq) == 0:
            self._scalars("train", "batch_{}", logs or {}, self._trained)
            if self.write_steps_per_second:
                rate = 1 / max(time.perf_counter() - self._times["batch"], 1e-9)
                self._scalars("train", "batch_{}", {"steps_per_second": rate}, self._trained)
        if self._tracing and self._trained >= self._last:
            self._stop_trace()

    def _stop_trace(self) -> None:
        if self._tracing:
            import jax

            jax.profiler.stop_trace()
        self._tracing = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = dict(logs or {})
        training = {name: value for name, value in logs.items() if not name.startswith("val_")}
        if self.write_steps_per_second:
            steps = float(self.model.optimizer.iterations) - self._times["steps"]
            training["steps_per_second"] = steps / max(time.perf_counter() - self._times["epoch"], 1e-9)
        self._scalars("train", "epoch_{}", training | self._rates(), epoch)
        validation = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        self._scalars("validation", "epoch_{}", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._embeddings(epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._stop_trace()
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        if not processes.is_main():
            shutil.rmtree(self.log_dir, ignore_errors=True)

    def _rates(self) -> dict[str, float]:
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        several = getattr(optimizer, "optimizers", None)
        if several is not None:
            return {f"learning_rate_{o.name}": float(o.learning_rate) for o in several}
        try:
            return {"learning_rate": float(optimizer.learning_rate)}
        except AttributeError:  # optax hides it
            return {}

    def _weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                array, path = weight.numpy(), weight.path
                finite = array[np.isfinite(array)].astype("float64")
                if finite.size:  # the bins of a histogram end at 1e20
                    self._writer("train").add_histogram(f"{path}/histogram", np.clip(finite, -9e19, 9e19), epoch)
                image = np.atleast_2d(np.squeeze(array)).astype("float32")
                if self.write_images and image.ndim <= 3:
                    stacked = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
                    low, high = stacked.min(), stacked.max()
                    grey = (stacked - low) / max(high - low, 1e-12)
                    self._writer("train").add_images(f"{path}/image", grey[:, None], epoch)

    def _embeddings(self, epoch: int) -> None:
        for layer in self.model.layers:
            if type(layer).__name__ == "Embedding":
                given = self.embeddings_metadata
                file = given if isinstance(given, str) or given is None else given.get(layer.name)
                rows = layer.weights[0].numpy()
                lines = None if file is None else self._lines(os.fspath(file), len(rows))
                self._writer("train").add_embedding(rows, lines, tag=layer.name, global_step=epoch)

    def _lines(self, file: str, count: int) -> list[str] | None:
        """`count` lines of a file in `log_dir` or in the working directory; None, with a warning, if there is none."""
        for path in (os.path.join(self.log_dir, file), file):
            if os.path.isfile(path):
                with open(path, encoding="utf-8") as text:
                    lines = text.read().splitlines()
                if len(lines) != count:
                    named = f"Metadata of embeddings in {file!r}"
                    warn(message(named, expected=f"{count} lines, one for each row", got=len(lines)))
                return [*lines, *[""] * count][:count]
        expected = f"a file in {self.log_dir} or in the working directory, with a line per row"
        warn(
            message(f"TensorBoard writes embeddings without metadata: {file!r}", expected=expected, got="no such file")
        )
        return None

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if getattr(self.model, "optimizer", None) is not None:
            step = int(self.model.optimizer.iterations)
            self._scalars("validation", "evaluation_{}_vs_iterations", logs or {}, step)
            self._writer("validation").flush()


def _range(given: Any) -> tuple[int, int]:
    """(first, last) of `profile_batch`."""
    values = given.split(",") if isinstance(given, str) else given if isinstance(given, (list, tuple)) else [given] * 2
    try:
        first, last = (int(value) for value in values)
    except (TypeError, ValueError):
        first, last = -1, -1
    if first < 0 or last < first:
        raise ArgumentError(
            message("TensorBoard's profile_batch", expected="a number of at least 0, or (first, last)", got=repr(given))
        )
    return first, last


def _write_graph(writer: Any, model: Model) -> None:
    """Write the config of a Functional or Sequential model in the format of TensorBoard's graph plugin."""
    from tensorboardX.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

    if type(model).__name__ not in ("Functional", "Sequential", "Model"):
        return
    try:
        config = model.to_json()
    except (GazelleError, NotImplementedError, TypeError):
        return  # functions in it have no config
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING, string_val=[config.encode()], tensor_shape=tensor_shape_pb2.TensorShapeProto()
    )
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin)
    value = summary_pb2.Summary.Value(tag="keras", metadata=metadata, tensor=tensor)
    writer.file_writer.add_summary(summary_pb2.Summary(value=[value]), 0)
