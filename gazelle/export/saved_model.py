"""Export to TensorFlow's SavedModel and to LiteRT, by the lowering rules for TensorFlow.

The lowered operations have fixed sizes, so a batch of any size is processed in blocks, the last one padded with zeros.
This is possible for models that compute the samples of a batch independently.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.traceback import warn
from gazelle.core.variable import Variable
from gazelle.engine.lowering import lower, tensorflow
from gazelle.engine.lowering.windows import conv_after_pad
from gazelle.engine.tensorflow_library import behind_the_stand_in, tf
from gazelle.export.signature import Exportable, named_outputs

_BLOCK = 32  # samples in a block


def export_saved_model(
    program: Exportable,
    filepath: str,
    batch_independent: bool = False,
    is_static: bool = False,
    jax2tf_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """Write a SavedModel with the endpoint `serve`, which is also the signature "serving_default".

    Args:
        program: the program.
        filepath: the folder to write.
        batch_independent: whether the outputs of a sample depend only on that sample.
        is_static: unused; Keras passes it to `jax2tf`, gazelle lowers the program itself.
        jax2tf_kwargs: unused for the same reason.
        **options: arguments of `tf.saved_model.save`.
    """
    write({"serve": (program, batch_independent)}, filepath, **options)


def write(
    endpoints: Mapping[str, tuple[Exportable, bool]],
    filepath: str,
    collections: Mapping[str, Sequence[tuple[str, str] | Variable]] | None = None,
    shared: bool = False,
    **options: Any,
) -> None:
    """Write a SavedModel with several endpoints; the first one is the default.

    Args:
        endpoints: {name: (program, whether the outputs of a sample depend only on that sample)}.
        filepath: the folder to write.
        collections: {attribute: variables}; a variable of an endpoint is given as (endpoint, path).
        shared: whether equal paths are the same variable in all endpoints.
        **options: arguments of `tf.saved_model.save`.

    Raises:
        ArgumentError: an unknown size that is not the batch size, or the samples are not independent.
    """
    module, signatures, of_endpoint = tf.__internal__.tracking.AutoTrackable(), {}, {}
    of_all: dict[str, Any] = {}
    for name, (program, batch_independent) in endpoints.items():
        serve, of_endpoint[name] = _function(program, batch_independent, made=of_all if shared else {})
        setattr(module, name, _structured(program, serve))
        by_name = _by_name(program, serve)
        signatures[name] = by_name
        signatures.setdefault("serving_default", by_name)
    for name, given in (collections or {}).items():
        made = [_copy(v) if isinstance(v, Variable) else of_endpoint[v[0]][v[1]] for v in given]
        setattr(module, name, made)
    variables = list({id(variable): variable for own in of_endpoint.values() for variable in own.values()}.values())
    module.variables = variables  # the attributes that Keras gives to its exports
    module.trainable_variables = [v for v in variables if v.trainable]
    module.non_trainable_variables = [v for v in variables if not v.trainable]
    tf.saved_model.save(module, filepath, signatures=signatures, **options)


def _copy(variable: Variable) -> Any:
    return tf.Variable(np.asarray(variable.value), trainable=variable.trainable, name=variable.name)


def export_litert(program: Exportable, filepath: str, batch_independent: bool = False, **settings: Any) -> None:
    """Write a LiteRT (TensorFlow Lite) file.

    Args:
        program: the program.
        filepath: the file to write.
        batch_independent: whether the outputs of a sample depend only on that sample.
        **settings: attributes of the converter, such as `optimizations`.
    """
    content = litert(program, batch_independent, settings)
    with open(filepath, "wb") as file:
        file.write(content)


def litert(program: Exportable, batch_independent: bool, settings: Mapping[str, Any]) -> bytes:
    """Return the content of a LiteRT file.

    Args:
        program: the program.
        batch_independent: whether the outputs of a sample depend only on that sample.
        settings: {attribute of the converter: value}.
    """
    serve, variables = _function(program, batch_independent, _Lite)
    module = tf.Module()
    module.serve, module.variables_ = serve, list(variables.values())
    concrete = _by_name(program, serve).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    for name, value in settings.items():
        if not hasattr(converter, name):
            raise unknown("option of export(format='litert')", name, [n for n in dir(converter) if n[0] != "_"])
        setattr(converter, name, value)
    with behind_the_stand_in():  # modules that TensorFlow imports late
        content: bytes = converter.convert()
    return content


def _convolution(ctx: Any, *inputs: Any, **params: Any) -> Any:
    """LiteRT has no transposed convolution with explicit padding."""
    if max(params["lhs_dilation"]) > 1:
        return ctx.dispatch(functools.partial(conv_after_pad, **params), *inputs)
    return tensorflow.RULES["conv_general_dilated"](ctx, *inputs, **params)


class _Lite:
    """The lowering rules for TensorFlow, restricted to the operations of LiteRT."""

    name, MISSING = "litert", tensorflow.MISSING
    RULES = {**tensorflow.RULES, "conv_general_dilated": _convolution}
    constant = staticmethod(tensorflow.constant)


def _function(
    program: Exportable, batch_independent: bool, target: Any = tensorflow, made: dict[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """The program as a `tf.function`, and its weights by path, which may be made already."""
    unknown = [position for position in program.unknown if position[1]]
    blocks = bool(program.unknown) and not unknown and (batch_independent or _seems_independent(program))
    if program.unknown and not blocks:
        what, got = (
            ("known sizes except for the batch", f"the input {_describe(program, unknown[0])}")
            if unknown
            else ("layers that compute samples independently, or a known batch size", "an unknown batch size")
        )
        raise ArgumentError(
            message(
                "export to TensorFlow",
                expected=what,
                got=got,
                hint="Specify the sizes: input_signature=[keras.InputSpec(shape=(32, ...), dtype=...)].",
            )
        )
    traced = program.trace(lambda i, axis: _BLOCK)
    variables = {} if made is None else made
    for path in program.order:
        if path not in variables:
            variables[path] = tf.Variable(program.values[path], trainable=path in program.trainable, name=path)
    count = len(traced.out_avals) - len(program.assigned)
    outs = [tf.TensorSpec(aval.shape, aval.dtype) for aval in traced.out_avals]

    def compute(*arrays: Any) -> list[Any]:
        values = [variables[path].read_value() for path in program.order]
        return [tf.identity(out) for out in lower(traced, target, *values, *arrays)]

    specs = [tf.TensorSpec(entry.shape, entry.dtype, name=entry.name) for entry in program.entries]
    run = _in_blocks(compute, outs) if blocks else compute

    def serve(*arrays: Any) -> Any:
        made = run(*arrays)
        for path, value in zip(program.assigned, made[count:], strict=True):
            if target is tensorflow:  # LiteRT has no variables
                variables[path].assign(value)
        return made[0] if count == 1 else made[:count]

    return tf.function(serve, input_signature=specs, autograph=False), variables


def _structured(program: Exportable, serve: Any) -> Any:
    """The function with its inputs as one argument and its results in their structure, as Keras exports a model."""
    if program.inputs is None and program.results is None:
        return serve

    def structured(*given: Any) -> Any:
        made = serve(*jax.tree.leaves(given))
        return made if program.results is None else jax.tree.unflatten(program.results, jax.tree.leaves(made))

    specs = list(serve.input_signature)
    signature = specs if program.inputs is None else [jax.tree.unflatten(program.inputs, specs)]
    return tf.function(structured, input_signature=signature, autograph=False)


def _seems_independent(program: Exportable) -> bool:
    """Whether no sample changes the outputs of others, tried on random inputs: layers of a program are not known."""
    generator = np.random.default_rng(0)

    def inputs() -> list[Any]:
        shapes = [tuple(4 if size is None else size for size in entry.shape) for entry in program.entries]
        return [
            jnp.asarray(generator.uniform(0, 2, shape), entry.dtype)
            for shape, entry in zip(shapes, program.entries, strict=True)
        ]

    first, other = inputs(), inputs()
    mixed = [jnp.concatenate([a[:2], b[2:]]) for a, b in zip(first, other, strict=True)]
    results = zip(program.call(program.values, *first), program.call(program.values, *mixed), strict=True)
    same = all(
        a.shape[:1] == (4,) and np.allclose(a[:2], b[:2], rtol=1e-4, atol=1e-6, equal_nan=True) for a, b in results
    )
    if same:
        text = f"export of '{program.name}': on random inputs its layers compute samples independently"
        warn(f"{text}, so the batch size is variable.\nOtherwise give it: input_signature=[keras.InputSpec(...)].")
    return same


def _describe(program: Exportable, position: tuple[int, int]) -> str:
    entry = program.entries[position[0]]
    return f"'{entry.name}' of shape {entry.shape}"


def _in_blocks(compute: Callable[..., list[Any]], outs: list[Any]) -> Callable[..., list[Any]]:
    """`compute` for any number of samples."""

    def blocked(array: Any, rows: Any) -> Any:
        padded = -(-rows // _BLOCK) * _BLOCK
        array = tf.pad(array, [[0, padded - rows], *([0, 0] for _ in array.shape[1:])])
        return tf.reshape(array, [-1, _BLOCK, *array.shape[1:]])

    def run(*arrays: Any) -> list[Any]:
        rows = tf.shape(arrays[0])[0]
        blocks = tuple(blocked(array, rows) for array in arrays)
        made = tf.map_fn(lambda block: compute(*block), blocks, fn_output_signature=outs)
        return [tf.reshape(out, [-1, *out.shape[2:]])[:rows] for out in made]

    return run


def _by_name(program: Exportable, serve: Any) -> Any:
    """The function with its results by name, as signatures require."""

    def signature(*arrays: Any) -> dict[str, Any]:
        made = serve(*arrays)
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        return dict(zip(named_outputs(program, len(made)), made, strict=True))

    return tf.function(signature, input_signature=serve.input_signature, autograph=False)
