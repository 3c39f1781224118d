"""The input of a model: `Input` makes the symbolic tensor that a graph starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentTypeError, ShapeError, message
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.core.traceback import filtered
from gazelle.core.types import Config, DTypeLike, Nested, Shape
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfInputLayer


class InputLayer(Layer):
    """The shape and dtype of a model's input; it computes nothing.

    Args:
        shape: shape of one sample, without the batch axis; None for sizes that vary.
        batch_size: fixed number of samples, or None.
        dtype: dtype of the data; floats by default.
        sparse: whether the data are sparse arrays; dense arrays are accepted, too.
        ragged: must be False: arrays of JAX are rectangular.
        batch_shape: `shape` with the batch axis in front.
        input_tensor: a symbolic tensor to use instead of a new one.
        optional: whether None may be passed for the data; the layers that receive it then get None.
        name: name of the layer, and of the input.
        kwargs: names of these arguments in earlier Keras.

    Raises:
        ShapeError: no shape, two shapes, or sizes that are no integers of at least 0.
    """

    _sparse_inputs = "call"

    def __init__(
        self,
        shape: Shape | int | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Shape | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Unpack[OptionsOfInputLayer],
    ) -> None:
        kwargs.pop("trainable", None)
        shape = kwargs.pop("input_shape", None) if shape is None else shape  # its name in earlier Keras
        batch_shape = kwargs.pop("batch_input_shape", None) if batch_shape is None else batch_shape
        super().__init__(name=name, **kwargs)
        _check_shapes(shape, batch_size, batch_shape)
        if input_tensor is not None:
            _check_tensor(input_tensor, shape, batch_size, batch_shape, dtype, sparse)
        if input_tensor is not None and shape is None and batch_shape is None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if batch_shape is None:
            batch_shape = (batch_size, *((shape,) if isinstance(shape, int) else _given(shape)))
        self.batch_shape = _sizes(batch_shape)
        self._dtype = dtypes.standardize(dtype)
        self.sparse, self.ragged = bool(sparse), False
        self.built = True
        self.tensor = (
            input_tensor
            if input_tensor is not None
            else KerasTensor(self.batch_shape, self._dtype, bool(sparse), bool(ragged), name=self.name)
        )
        self._origin = self.tensor.node, self.tensor.index  # of a computed tensor: its call
        Node(self, (), {}, self.tensor)

    def _restore(self, tensor: KerasTensor) -> Node | None:
        """Give the tensor its call back, which a graph that begins before this input contains; None if it had none."""
        if self._origin[0] is not None:
            tensor.node, tensor.index = self._origin
        return self._origin[0]

    @property
    def dtype(self) -> str:
        """The dtype of the data."""
        return self._dtype

    @property
    def input(self) -> KerasTensor:
        """The symbolic tensor of the input, which is the output, too."""
        return self.tensor

    def call(self, *args: Any, **kwargs: Any) -> Nested[Any]:
        """Return the first argument.

        Args:
            args: The data.
            kwargs: Ignored.

        Returns:
            The data.
        """
        return args[0] if args else None

    def get_config(self) -> Config:
        """Return the configuration of the layer.

        Returns:
            Shape, dtype and name as values that JSON can hold.
        """
        return {
            "batch_shape": list(self.batch_shape or ()),
            "dtype": self._dtype,
            "sparse": self.sparse,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def _check_shapes(shape: Any, batch_size: int | None, batch_shape: Any) -> None:
    """Raise an error if the shape is given twice."""
    if shape is not None and batch_shape is not None:
        raise ShapeError(
            message(
                "Input",
                expected="shape=... of one sample, or batch_shape=... of a whole batch",
                got=f"shape={shape} and batch_shape={batch_shape}",
            )
        )
    if batch_size is not None and batch_shape is not None:
        got = f"batch_size={batch_size} and batch_shape={batch_shape}"
        raise ShapeError(message("Input", expected="batch_size with shape, or batch_shape alone", got=got))


def _given(shape: Any) -> Any:
    if shape is None:
        raise ShapeError(
            message(
                "Input needs a shape",
                expected="shape=(...) of one sample",
                got="none",
                hint="For 28 x 28 grey images: Input(shape=(28, 28, 1)).",
            )
        )
    return shape


def _sizes(batch_shape: Any) -> tuple[int | None, ...]:
    """The shape of a batch, whose sizes are integers or None."""
    bad = [n for n in batch_shape[1:] if n is not None and (not hasattr(n, "__index__") or n < 0)]
    if batch_shape and batch_shape[0] is not None and not hasattr(batch_shape[0], "__index__"):
        raise ShapeError(message("batch_size of Input", expected="an integer or None", got=repr(batch_shape[0])))
    if bad:
        raise ShapeError(
            message(f"Input shape {tuple(batch_shape[1:])}", expected="integers of at least 0 or None", got=bad[0])
        )
    return tuple(None if n is None else int(n) for n in batch_shape)


def _check_tensor(tensor: object, shape: Any, batch_size: Any, batch_shape: Any, dtype: Any, sparse: Any) -> None:
    """Check a symbolic tensor that is given for an input, and that the other arguments describe it."""
    if not isinstance(tensor, KerasTensor):
        kind = type(tensor).__name__
        raise ArgumentTypeError(message("input_tensor of Input", expected="a symbolic tensor", got=f"a {kind}"))
    if isinstance(shape, int):
        shape = (shape,)
    for name, given, own in (
        ("shape", None if shape is None else tuple(shape), tensor.shape[1:]),
        ("batch_shape", None if batch_shape is None else tuple(batch_shape), tensor.shape),
        ("batch_size", batch_size, tensor.shape[0] if tensor.shape else None),
        ("dtype", None if dtype is None else dtypes.standardize(dtype), tensor.dtype),
        ("sparse", None if sparse is None else bool(sparse), tensor.sparse),
    ):
        if given is not None and given != own:
            raise ShapeError(message(f"{name} of an Input for a tensor", expected=f"that of {tensor!r}", got=given))


@filtered
def Input(  # noqa: N802 - Keras' name
    shape: Shape | int | None = None,
    batch_size: int | None = None,
    dtype: DTypeLike | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Shape | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """Return a symbolic tensor to start a model from.

    Args:
        shape: shape of one sample, without the batch axis; None for sizes that vary.
        batch_size: fixed number of samples, or None.
        dtype: dtype of the data; floats by default.
        sparse: whether the data are sparse arrays; dense arrays are accepted, too.
        ragged: must be False: arrays of JAX are rectangular.
        batch_shape: `shape` with the batch axis in front.
        name: name of the input.
        tensor: a symbolic tensor to use instead of a new one.
        optional: whether None may be passed for the data; the layers that receive it then get None.

    Returns:
        The symbolic tensor.

    Raises:
        ShapeError: no shape, two shapes, or sizes that are no integers of at least 0.

    >>> x = Input(shape=(3,))
    >>> x.shape
    (None, 3)
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name=name)
    return layer.tensor
