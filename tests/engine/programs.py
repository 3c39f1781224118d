"""What gazelle traces: every layer with its gradient, every loss, every metric, every optimizer."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import gazelle
import gazelle.applications
from gazelle import optimizers
from gazelle.core import tracing
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize
from gazelle.engine.lowering import traced
from gazelle.layers import weight_tree

_spec = importlib.util.spec_from_file_location("rows", Path(__file__).parents[1] / "contracts" / "rows.py")
rows = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rows)


def of_layer(name):
    """The layer in a training, with the gradient for its weights and inputs where it has numbers."""
    kwargs, shapes = rows.LAYERS[name]
    kwargs = {key: deserialize(value) if isinstance(value, dict) else value for key, value in kwargs.items()}
    layer = REGISTRY["layers"][name](**kwargs)
    dtype = "int32" if name in rows.WHOLE else "float32"
    inputs = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]

    def call(*arrays):
        return layer(*arrays) if name in rows.SEPARATE or len(arrays) == 1 else layer(list(arrays))

    call(*(gazelle.Input(shape[1:], dtype=dtype) for shape in shapes))
    variables = weight_tree.named_variables(layer)
    pure = tracing.functionalize(
        call, variables, {id(one): path for path, one in weight_tree.named_layers(layer).items()}
    )
    values = {path: jax.ShapeDtypeStruct(v.shape, v.dtype) for path, v in variables.items()}

    def both(values, key, *arrays):
        def total(values, *arrays):
            outputs, after, losses = pure(values, *arrays, key=key, training=True)
            squares = [jnp.sum(jnp.square(leaf.astype(jnp.float32))) for leaf in jax.tree.leaves(outputs)]
            return sum([*squares, *losses]), (outputs, after)

        return jax.value_and_grad(total, allow_int=True, has_aux=True, argnums=tuple(range(1 + len(arrays))))(
            values, *arrays
        )

    return traced(both, values, jax.eval_shape(lambda: jax.random.key(0)), *inputs)


#: (type and shape of the labels, shape of the predictions), where they are not those of `_DENSE`
_DENSE = ("float32", (4, 5), (4, 5))
_SPARSE, _WHOLE = ("int32", (4,), (4, 5)), ("int32", (4,), (4,))
_DATA = {
    "CTC": ("int32", (4, 5), (4, 7, 6)),
    "CategoricalGeneralizedCrossEntropy": _SPARSE,
    "Circle": _SPARSE,
    "SparseCategoricalCrossentropy": _SPARSE,
    "SparseCategoricalAccuracy": _SPARSE,
    "SparseTopKCategoricalAccuracy": _SPARSE,
    "IoU": _WHOLE,
    "BinaryIoU": _WHOLE,
    "MeanIoU": _WHOLE,
}
_CLASSES = {"num_classes": 5}
_WORDS = {
    "IoU": {**_CLASSES, "target_class_ids": [0]},
    "OneHotIoU": {**_CLASSES, "target_class_ids": [0]},
    "MeanIoU": _CLASSES,
    "OneHotMeanIoU": _CLASSES,
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}


def _pair(name):
    dtype, labels, predictions = _DATA.get(name, _DENSE)
    return jax.ShapeDtypeStruct(labels, dtype), jax.ShapeDtypeStruct(predictions, "float32")


def of_loss(name):
    """The loss and its gradient for the predictions."""
    loss = REGISTRY["losses"][name]()
    return traced(lambda y, p: jax.value_and_grad(lambda p: jnp.sum(loss(y, p)))(p), *_pair(name))


def of_metric(name):
    """One update of the metric, and its result."""
    metric = REGISTRY["metrics"][name](**_WORDS.get(name, {}))
    given = _pair(name)[1:] if name in ("Mean", "Sum") else _pair(name)
    metric._build(*(one.shape for one in given)) if len(given) == 2 else None
    values = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in metric.variables]

    def both(values, *given):
        after = metric.stateless_update_state(values, *given)
        return after, metric.stateless_result(after)

    return traced(both, values, *given)


def of_optimizer(name):
    """One update of a matrix and a vector."""
    optimizer = getattr(optimizers, name)(*[optimizers.Adam()] if name == "LossScaleOptimizer" else [])
    params = {"kernel": jnp.ones((4, 3)), "bias": jnp.ones(3)}
    return traced(optimizer.update, params, params, optimizer.init(params), optimizer.hyper(), np.int32(0))


def _classes(namespace, without):
    return sorted({cls.__name__ for cls in REGISTRY[namespace].values() if isinstance(cls, type)} - without)


#: kind -> (names, the program of a name)
KINDS = {
    "layer": (sorted(rows.LAYERS), of_layer),
    "loss": (_classes("losses", {"Loss", "LossFunctionWrapper"}), of_loss),
    "metric": (_classes("metrics", {"Metric", "MeanMetricWrapper", "CompileMetrics"}), of_metric),
    "optimizer": (
        _classes("optimizers", {"Optimizer", "OptimizerMap", "MultiOptimizer", "OptaxOptimizer"}),
        of_optimizer,
    ),
}


def programs():
    """(kind, name, program) of everything."""
    REGISTRY.complete()
    for kind, (names, trace) in KINDS.items():
        for name in names:
            yield kind, name, trace(name)
