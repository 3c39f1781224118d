"""`keras.layers.merge`: `merge` and `Merge` of Keras 1, and `_Merge`, the base class of custom merging layers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gazelle import layers, models, ops
from gazelle.compat import old_names
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.classes import adopt
from gazelle.compat.types import TensorResult
from gazelle.core.errors import ArgumentError, StateError, message, unknown
from gazelle.core.module_names import missing_name
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import ArrayLike, Shape
from gazelle.saving.h5_format import keras1

if TYPE_CHECKING:
    from gazelle.layers import Layer


def merge(
    inputs: Sequence[Any],
    mode: str | Callable[..., Any] = "sum",
    concat_axis: int = -1,
    dot_axes: int | Sequence[Any] = -1,
    output_shape: Shape | None = None,
    output_mask: ArrayLike | None = None,
    arguments: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> TensorResult:
    """Combine tensors; mode is 'sum', 'mul', 'concat', 'ave', 'max', 'dot', 'cos' or a function of the list of them.

    >>> merge([Input((2,)), Input((3,))], mode="concat").shape
    (None, 5)
    """
    merging = adopt(_layer(mode, concat_axis, dot_axes, output_shape, output_mask, arguments, name))
    return merging(list(inputs))  # also of variables and tensors of graphs


@ignores("node_indices=None tensor_indices=None")
def Merge(  # noqa: N802 - its name in Keras 1
    layers: Sequence[Any] | None = None,
    mode: str | Callable[..., Any] = "sum",
    concat_axis: int = -1,
    dot_axes: int | Sequence[Any] = -1,
    output_shape: Shape | None = None,
    output_mask: ArrayLike | None = None,
    arguments: Mapping[str, Any] | None = None,
    node_indices: Sequence[int] | None = None,
    tensor_indices: Sequence[int] | None = None,
    name: str | None = None,
) -> Layer:
    """Return a layer that combines tensors or, given branches, a model that combines their outputs.

    >>> branches = [Sequential([layers.Dense(2, input_dim=n)]) for n in (3, 4)]
    >>> model = Sequential([Merge(branches, mode="mul"), layers.Dense(2)])
    >>> model.predict([np.ones((5, 3)), np.ones((5, 4))], verbose=0).shape
    (5, 2)
    """
    merging = _layer(mode, concat_axis, dot_axes, output_shape, output_mask, arguments, name)
    if not layers:
        return merging
    ends = [_inputs_and_output(branch) for branch in layers]
    inputs = list({id(t): t for tensors, _ in ends for t in tensors}.values())
    model = models.Model(inputs, merging([output for _, output in ends]), name=merging.name)
    own = {id(layer) for layer in model._layers}
    order = [id(inner) for branch in layers for inner in _inside(branch, own)]
    model._layers.sort(key=lambda layer: order.index(id(layer)) if id(layer) in order else len(order))
    return model


def _inside(branch: Any, own: Collection[int]) -> Iterator[Any]:
    """The layers of a branch whose ids are in `own`."""
    if id(branch) in own:
        yield branch
    else:
        for layer in getattr(branch, "layers", ()):
            yield from _inside(layer, own)


def LambdaMerge(  # noqa: N802 - its name in Keras 0
    layers: Sequence[Any], function: Callable[..., Any], output_shape: Shape | None = None
) -> Layer:
    """Return a model that calls a function on the list of the outputs of its branches."""
    return Merge(layers, function, output_shape=output_shape)


def TimeDistributedMerge(mode: str = "sum") -> Layer:  # noqa: N802
    """Return a layer that combines the time steps: mode is 'sum', 'mul' or 'ave'."""
    table = {"sum": ops.sum, "mul": ops.prod, "ave": ops.mean}
    if mode not in table:
        raise unknown("mode of TimeDistributedMerge", mode, table)
    return layers.Lambda(table[mode], arguments={"axis": 1})


def _layer(
    mode: Any, concat_axis: int, dot_axes: Any, output_shape: Any, output_mask: Any, arguments: Any, name: str | None
) -> Any:
    name = name or old_names.next_name("Merge")
    if callable(mode):
        return layers.Lambda(mode, output_shape, _mask_of_masks(output_mask), arguments, name=name)
    if mode not in keras1.MERGED:
        raise unknown("mode of merge", mode, keras1.MERGED)
    options: dict[str, Any] = {"name": name}
    if mode == "concat":
        options["axis"] = concat_axis
    if mode in ("dot", "cos"):
        several = None if isinstance(dot_axes, int) else [a[0] if isinstance(a, list | tuple) else a for a in dot_axes]
        options |= {"axes": several or dot_axes, "normalize": mode == "cos"}
    return getattr(layers, keras1.MERGED[mode])(**options)


def _mask_of_masks(output_mask: Any) -> Any:
    """The `mask` of a Lambda for an `output_mask`, which takes the list of masks alone, and only if there is one."""
    if output_mask is None:
        return None
    function = output_mask if callable(output_mask) else lambda _: output_mask
    return lambda _, mask: None if mask is None or all(m is None for m in mask) else function(mask)


def _inputs_and_output(branch: Any) -> tuple[list[KerasTensor], KerasTensor]:
    """The inputs and the output of a branch, which is a model or a layer with a known input shape."""
    if isinstance(branch, models.Model):
        return branch.inputs, branch.output
    if isinstance(branch, layers.InputLayer):
        return [branch.tensor], branch.tensor
    if isinstance(branch, KerasTensor):
        hint = "Write merge([a, b], mode=...) for tensors."
        raise ArgumentError(message("Merge of tensors", expected="models or layers", got=repr(branch), hint=hint))
    if branch._call_nodes:
        return branch._call_nodes[0].inputs, branch._call_nodes[0].outputs
    if branch.batch_shape is None:
        what = f"Merge of the layer '{branch.name}'"
        hint = "Give it input_shape or input_dim."
        raise StateError(message(what, expected="a known input shape", got="none", hint=hint))
    head = layers.Input(batch_shape=branch.batch_shape)
    return [head], branch(head)


class _Merge(layers.Layer):
    """Base class of layers that combine tensors: a subclass defines `_merge_function(inputs)`.

    >>> class Largest(_Merge):
    ...     def _merge_function(self, inputs):
    ...         return jnp.maximum(*inputs)
    >>> Largest()([np.ones(2), np.zeros(2)]).tolist()
    [1.0, 1.0]
    """

    supports_masking = True

    def _merge_function(self, inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no _merge_function.")

    def call(self, inputs: Any) -> Any:
        return self._merge_function(inputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return None: the result has no mask."""
        return None


def __getattr__(name: str) -> Any:
    if hasattr(layers, name):
        return getattr(layers, name)
    raise missing_name(__name__, name, layers.__all__)
