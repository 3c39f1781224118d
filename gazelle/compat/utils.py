"""Functions and classes that `keras.utils` had in earlier versions: HDF5Matrix, enqueuers, conversions."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import activations, initializers, utils
from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.functions import MODULES
from gazelle.core.errors import ArgumentError, ArgumentTypeError, message, unknown
from gazelle.core.settings import image_data_format
from gazelle.core.symbolic import KerasTensor
from gazelle.core.traceback import warn
from gazelle.core.types import ActivationLike, ArrayLike, DTypeLike, InitializerLike, PathLike, Shape
from gazelle.data import labels
from gazelle.data.pydataset import PyDataset
from gazelle.saving.h5_format import keras1

if TYPE_CHECKING:
    from gazelle.layers import Dense
    from gazelle.models import Model

Array = np.ndarray[Any, Any]


class HDF5Matrix:
    """Rows `start` to `end` of a dataset in an HDF5 file, which are read when they are indexed."""

    def __init__(
        self,
        datapath: PathLike,
        dataset: str,
        start: int = 0,
        end: int | None = None,
        normalizer: Callable[[Any], Any] | None = None,
    ) -> None:
        import pyfive

        self.data = pyfive.File(datapath)[dataset]
        self.start, self.end, self.normalizer = start, self.data.shape[0] if end is None else end, normalizer

    def __len__(self) -> int:
        return self.end - self.start

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            first, last, step = key.indices(len(self))
            found = self.data[self.start + first : self.start + last : step]
        elif isinstance(key, int | np.integer):
            found = self.data[self.start + (key if key >= 0 else key + len(self))]
        else:
            rows = np.asarray(key)
            found = self.data[self.start : self.end][rows]
        return found if self.normalizer is None else self.normalizer(found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self[:], dtype)

    shape = property(lambda self: (len(self), *self.data.shape[1:]))
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))
    dtype = property(lambda self: self.data.dtype)


class Progbar(utils.Progbar):
    """A progress bar; `force` shows it now, even if it has just been shown. At the end, too, it shows means."""

    shows_last_values = False

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, ArrayLike]] | None = None,
        finalize: bool | None = None,
        force: bool = False,
    ) -> None:
        if force:
            self._shown = -1.0
        super().update(current, values, finalize)

    @property
    def seen_so_far(self) -> int:
        """The steps that are done."""
        return self._seen


class SequenceEnqueuer:
    """Prefetched batches of a dataset: after `start`, `get()` yields batches without end until `stop`."""

    @ignores("wait_time seed random_seed pickle_safe")
    def __init__(
        self, sequence: PyDataset | Iterable[Any], use_multiprocessing: bool = False, shuffle: bool = False
    ) -> None:
        self.sequence, self.use_multiprocessing, self.shuffle = sequence, use_multiprocessing, shuffle
        self._on = False
        self._left, self._ended = 1, False  # batches of the epoch; whether its end was announced

    def start(self, workers: int = 1, max_queue_size: int = 10) -> None:
        """Start the workers."""
        if isinstance(self.sequence, PyDataset):
            self.sequence.workers, self.sequence.max_queue_size = workers, max_queue_size
        self._on = True

    def is_running(self) -> bool:
        """Return whether it was started and not stopped."""
        return self._on

    def stop(self, timeout: float | None = None) -> None:
        """Stop the workers."""
        self._on = False

    def get(self) -> Iterator[Any]:
        """Yield batches, epoch after epoch; of a generator, until it ends."""
        while self._on:
            for batch in self._epoch_batches():
                if not self._on:
                    return
                self._left -= 1
                yield batch
            if not isinstance(self.sequence, PyDataset):
                return
            self.join_end_of_epoch()
            self._ended = False

    def join_end_of_epoch(self) -> None:
        """Call `on_epoch_end` of a dataset whose batches were all read, unless it was called."""
        if isinstance(self.sequence, PyDataset) and self._left <= 0 and not self._ended:
            self.sequence.on_epoch_end()
            self._ended = True

    def _epoch_batches(self) -> Iterable[Any]:
        data: Any = self.sequence
        if not isinstance(data, PyDataset):
            return data
        self._left = count = data.num_batches or 0
        return data.fetch(np.random.permutation(count) if self.shuffle else range(count))


OrderedEnqueuer = GeneratorEnqueuer = SequenceEnqueuer


def to_categorical(
    x: ArrayLike | None = None,
    num_classes: int | None = None,
    dtype: DTypeLike = "float32",
    *,
    y: ArrayLike | None = None,
    nb_classes: int | None = None,
) -> Array:
    """One-hot encode labels; `x` is `y` in Keras 1 and 2, and `num_classes` is `nb_classes` in Keras 1.

    As in Keras, strings of digits are numbers, fractions are cut off, and negative labels count from the last class.

    >>> to_categorical([0, 1], dtype="int32").tolist()
    [[1, 0], [0, 1]]
    """
    x, count = y if x is None else x, num_classes or nb_classes
    if not isinstance(x, jax.Array):
        given = np.asarray(x)
        x = given.astype(np.int64)
        if x.size and (x.min() < 0 or (given.dtype.kind == "f" and (x != given).any())):
            numbers = given.astype(float)  # they may be strings
            got = f"{numbers.min():g} to {numbers.max():g}"
            warn(message("to_categorical", expected="labels from 0 on", got=got))
            x = np.where(x < 0, x + (count or x.max() + 1), x)
    if era.number() == 1:  # which did not keep further axes
        x, dtype = np.ravel(x), "float64"
    return labels.to_categorical(x, count).astype(dtype)


def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> np.ndarray[Any, Any]:
    """Divide by the norm along an axis; in Keras 1 and 2 the result is an array of NumPy, of a vector it is one row.

    >>> normalize([3, 4]).tolist()
    [[0.6, 0.8]]
    """
    array = np.asarray(x)
    normalized = np.asarray(utils.normalize(array, axis, order))
    return normalized[None] if array.ndim == 1 else normalized


def warmstart_embedding_matrix(
    base_vocabulary: Sequence[str] | PathLike,
    new_vocabulary: Sequence[str] | PathLike,
    base_embeddings: ArrayLike,
    new_embeddings_initializer: InitializerLike = "uniform",
) -> Array:
    """Return embeddings of a new vocabulary: those of the words that the base vocabulary has, others are drawn.

    >>> warmstart_embedding_matrix(["a", "b"], ["b", "c"], np.array([[1.0], [2.0]]), "zeros").tolist()
    [[2.0], [0.0]]
    """
    base, new = (
        pathlib.Path(v).read_text("utf-8").split("\n") if isinstance(v, str | os.PathLike) else list(v)
        for v in (base_vocabulary, new_vocabulary)
    )
    known, arrays = {word: row for row, word in enumerate(base)}, np.asarray(base_embeddings)
    initializer: Any = initializers.get(new_embeddings_initializer)
    made = np.array(initializer((len(new), arrays.shape[1])))
    for row, word in enumerate(new):
        if word in known:
            made[row] = arrays[known[word]]
    return made


@ignores("gpus cpu_merge cpu_relocation")
def multi_gpu_model(model: Model) -> Model:
    """Return the model itself: it runs on one device, with the same results."""
    return model


def probas_to_classes(y_pred: Array) -> Array:
    """Return the most probable class of each row; 0 or 1 if there is one column.

    >>> probas_to_classes(np.array([[0.2, 0.8], [0.9, 0.1]])).tolist()
    [1, 0]
    """
    if y_pred.ndim > 1 and y_pred.shape[1] > 1:
        return categorical_probas_to_classes(y_pred)
    return np.array([1 if p > 0.5 else 0 for p in np.ravel(y_pred)])


def categorical_probas_to_classes(p: Array) -> Array:
    """Return the most probable class of each row."""
    return np.argmax(p, axis=1)


def convert_kernel(kernel: Array, dim_ordering: str | None = None) -> Array:
    """Flip the window of a convolution kernel: from Theano's convention to TensorFlow's, or back.

    With `dim_ordering="th"`, which only Keras 1 had, the window is the last axes, otherwise the first ones.
    """
    window = range(2, kernel.ndim) if dim_ordering == "th" else range(kernel.ndim - 2)
    return np.flip(kernel, tuple(window)).copy()


def convert_all_kernels_in_model(model: Model) -> None:
    """Flip the windows of all convolution kernels of a model: from Theano's convention to TensorFlow's, or back."""
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if type(layer).__name__.startswith("Conv") and kernel is not None:
            kernel.assign(convert_kernel(kernel.numpy()))


def convert_dense_weights_data_format(
    dense: Dense, previous_feature_map_shape: Shape, target_data_format: str = "channels_first"
) -> None:
    """Reorder the rows of the kernel after a Flatten layer for the other data format, in which the shape is given."""
    first = target_data_format == "channels_first"  # of the model, and of the shape
    height, width, channels = (previous_feature_map_shape[i] or 0 for i in ((1, 2, 0) if first else (0, 1, 2)))
    before, order = ((height, width, channels), (2, 0, 1, 3)) if first else ((channels, height, width), (1, 2, 0, 3))
    kernel = dense.kernel.numpy()
    dense.kernel.assign(kernel.reshape(*before, -1).transpose(order).reshape(kernel.shape))


def normalize_tuple(value: int | Sequence[int], n: int, name: str) -> tuple[int, ...]:
    """Return a tuple of n integers from one or several.

    >>> normalize_tuple(3, 2, "kernel_size")
    (3, 3)
    """
    found = (value,) * n if isinstance(value, int | np.integer) else tuple(() if value is None else value)
    if len(found) != n or not all(isinstance(size, int | float | np.number) for size in found):
        raise ArgumentError(message(f"Argument {name}", expected=f"{n} integers", got=repr(value)))
    return found


def normalize_data_format(value: str | None) -> str:
    """Return the data format in lower case; None is the default of the program."""
    return _one_of("data_format", value or image_data_format(), ("channels_first", "channels_last"))


def normalize_padding(value: str) -> str:
    """Return the padding of a convolution in lower case."""
    return _one_of("padding", value, ("valid", "same", "causal", "full"))


def _one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    if value.lower() not in allowed:
        raise unknown(name, value, allowed)
    return value.lower()


def convert_data_format(data_format: str, ndim: int) -> str:
    """Return the data format of arrays of `ndim` axes in letters, as operations of TensorFlow take it.

    >>> convert_data_format("channels_last", 4), convert_data_format("channels_first", 3)
    ('NHWC', 'NCW')
    """
    space = "DHW"[5 - ndim :]
    return f"NC{space}" if normalize_data_format(data_format) == "channels_first" else f"N{space}C"


@ignores("min_size weights@5")
def obtain_input_shape(
    input_shape: Sequence[Any] | None,
    default_size: int,
    min_size: int,
    data_format: str | None = None,
    require_flatten: bool = True,
    *,
    include_top: bool | None = None,
    dim_ordering: str | None = None,
) -> tuple[Any, ...]:
    """Return the shape of images for a known architecture: the given one, or 3 channels of the default size.

    >>> obtain_input_shape(None, 224, 48, "channels_last", True)
    (224, 224, 3)
    """
    if input_shape is not None:
        return tuple(input_shape)
    known = require_flatten if include_top is None else include_top
    sides = (default_size if known else None,) * 2
    order = keras1.data_format(dim_ordering or data_format) or image_data_format()
    return (3, *sides) if order == "channels_first" else (*sides, 3)  # also for unknown formats, as in Keras


def correct_pad(inputs: KerasTensor, kernel_size: int | tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the padding of images with which a strided "valid" convolution has the output of "same".

    >>> correct_pad(KerasTensor((None, 8, 9, 3)), (3, 5))
    ((0, 1), (2, 2))
    """
    from gazelle.applications.apply_layers import correct_pad as of_square

    rows, columns = normalize_tuple(kernel_size, 2, "kernel_size")
    return of_square(inputs, rows)[0], of_square(inputs, columns)[1]


@ignores("backend")
def correct_pad_of_package(
    backend: object, inputs: KerasTensor, kernel_size: int | tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return `correct_pad`, as the package keras_applications has it, whose functions take the modules of Keras."""
    return correct_pad(inputs, kernel_size)


def get_submodules_from_kwargs(kwargs: Mapping[str, ModuleType]) -> tuple[ModuleType | None, ...]:
    """Return the modules `backend`, `layers`, `models` and `utils` of the arguments of such a function."""
    for name in kwargs.keys() - {*MODULES}:
        raise ArgumentTypeError(message(name, expected=f"one of {', '.join(MODULES)}"))
    return tuple(map(kwargs.get, MODULES))


def validate_activation(classifier_activation: ActivationLike, weights: object) -> None:
    """Raise an error if the output of a network with trained weights has another activation than softmax."""
    allowed = activations.get("softmax"), activations.get(None)
    if weights is not None and activations.get(classifier_activation) not in allowed:
        raise unknown("classifier_activation", classifier_activation, ["softmax", "None"])


def conv_output_length(
    input_length: int | None, filter_size: int, padding: str, stride: int, dilation: int = 1
) -> int | None:
    """Return the number of positions of a window of this size.

    >>> conv_output_length(10, 3, "valid", 2)
    4
    """
    lost = {"same": 0, "valid": 1, "causal": 0, "full": -1}
    if padding not in lost:
        raise unknown("padding", padding, lost)
    if input_length is None:
        return None
    return (input_length - lost[padding] * (filter_size - 1) * dilation + stride - 1) // stride
