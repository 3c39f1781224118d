"""A function of TensorFlow as a layer: files of tf.keras 2 store calls of functions in a graph by their names."""

from __future__ import annotations

from gazelle.compat import facade
from gazelle.compat.tables import listed
from gazelle.compat.types import NamedObject, Option, TensorResult
from gazelle.core.errors import UnsafeFileError, message
from gazelle.core.registry import register_keras_serializable
from gazelle.layers import Layer

#: what functions compute from tensors alone, by the beginnings of their names: files never run code
_PURE = tuple(
    listed("math. linalg. nn. image. signal. strings. dtypes. sparse. bitwise. keras.backend. __operators__.")
)
_PURE_NAMES = frozenset(
    listed("""argsort boolean_mask broadcast_to broadcast_dynamic_shape broadcast_static_shape cast clip_by_global_norm
        clip_by_norm clip_by_value concat convert_to_tensor cumsum cumprod edit_distance einsum ensure_shape expand_dims
        eye fill gather gather_nd histogram_fixed_width identity linspace meshgrid norm one_hot ones ones_like pad
        parallel_stack range rank realdiv repeat reshape reverse reverse_sequence roll scatter_nd searchsorted
        sequence_mask shape size slice sort space_to_batch split squeeze stack stop_gradient strided_slice
        tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub
        tensor_scatter_nd_update tensordot tile transpose truncatediv truncatemod unique unstack
        unravel_index where zeros zeros_like""")
)


def _is_pure(name: str) -> bool:
    name = name.removeprefix("compat.v1.").removeprefix("compat.v2.")
    return name.startswith(_PURE) or name in _PURE_NAMES


@register_keras_serializable("tf")
class TFOpLambda(Layer, abstract=True):
    """A function of TensorFlow on tensors of a graph.

    Args:
        function: its name, such as "math.top_k".
    """

    def __init__(self, function: str, **kwargs: Option) -> None:
        super().__init__(**kwargs)
        self.function = function
        self._found()

    def _found(self) -> NamedObject:
        from gazelle.compat.tensorflow import look_up  # it imports this module

        found = look_up(self.function) if _is_pure(self.function) else None
        if found is None:
            expected = "a function that computes tensors from tensors"
            raise UnsafeFileError(message(f"Layer '{self.name}'", expected=expected, got=f"tf.{self.function}"))
        return found

    def call(self, *args: Option, **kwargs: Option) -> TensorResult:
        """Call the function."""
        kwargs.pop("name", None)
        if not facade.adapter.has_tensors:
            from gazelle.compat.tensorflow.adapter import ADAPTER  # it imports this module

            facade.adapter = ADAPTER
        return facade.adapter.user_defined_call(self._found(), args, kwargs)
