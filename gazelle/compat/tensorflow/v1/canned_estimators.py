"""`tf.estimator.DNNClassifier`, `LinearRegressor` and the like: networks and linear models of feature columns."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.tables import passed_names, with_parameters
from gazelle.compat.tensorflow import names_of_1
from gazelle.compat.tensorflow.feature_columns import Column, input_layer, linear_model
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.estimator_specs import EstimatorSpec
from gazelle.compat.tensorflow.v1.estimators import Estimator
from gazelle.compat.tensorflow.v1.layers import layer_function
from gazelle.compat.types import Option
from gazelle.core.shape_inference import call_op

#: the arguments of an estimator by name
Given = dict[str, Any]

_dense, _dropout, _normalize = map(layer_function, ("Dense", "Dropout", "BatchNormalization"))
_TRAINABLE = scopes.GraphKeys.TRAINABLE_VARIABLES


# Logits and steps -----------------------------------------------------------------------------------------------------


def _deep(given: Given, features: Any, size: int, training: bool) -> Any:
    """The logits of a network of dense layers."""
    with scopes.variable_scope("dnn"):
        with scopes.variable_scope("input_from_feature_columns"):
            net = input_layer(features, given["dnn_columns"])
        for number, units in enumerate(given["units"]):
            name = f"hiddenlayer_{number}"
            net = _dense(net, units, given["activation"] or NAMES["nn.relu"], name=name)
            if given["dropout"] is not None:
                net = _dropout(net, given["dropout"], training=training)
            if given["batch_norm"]:
                net = _normalize(net, momentum=0.999, training=training, name=f"{name}/batchnorm_{number}")
        return _dense(net, size, name="logits")


def _linear(given: Given, features: Any, size: int) -> Any:
    """The logits of a linear model."""
    with scopes.variable_scope("linear"):
        return linear_model(features, given["linear_columns"], size, given["combiner"])


def _optimizer(given: Any, rate: float) -> Any:
    """An optimizer: itself, what a function returns, or one by its name."""
    if isinstance(given, str):
        kind = {"SGD": "GradientDescent"}.get(given, given)
        return NAMES[f"train.{kind}Optimizer"](rate)
    return given() if callable(given) and not hasattr(given, "apply_gradients") else given


def _train(given: Given, loss: Any) -> Any:
    """The operation that takes a step with each of the optimizers."""
    columns = given["linear_columns"]
    rate = 0.0 if columns is None else 1 / math.sqrt(1 if isinstance(columns, Column) else len(columns))
    combined = columns is not None and given["dnn_columns"] is not None
    rates = {
        "dnn": given.get("dnn_rate") or (0.001 if combined or not names_of_1.active() else 0.05),
        "linear": min(0.005 if combined else 0.2, rate),
    }
    steps = list(scopes.get_collection(scopes.GraphKeys.UPDATE_OPS))
    for part, default in rates.items():
        variables = scopes.get_collection(_TRAINABLE, f"{part}/")
        if variables:
            steps.append(_optimizer(given[f"{part}_optimizer"], default).minimize(loss, var_list=variables))
    return NAMES["group"](*steps, NAMES["assign_add"](NAMES["train.get_or_create_global_step"](), 1))


# Losses, predictions and metrics --------------------------------------------------------------------------------------


def _of_classes(given: Given, logits: Any, labels: Any, weights: Any) -> tuple[Any, Any, Any]:
    """(predictions, the loss of each sample, the function that makes the metrics)."""
    count, texts = given["n_classes"], given["label_vocabulary"]
    binary = count == 2
    zeros = NAMES["zeros_like"](logits)
    both = NAMES["concat"]([zeros, logits], 1) if binary else logits
    ids = call_op(lambda v: jnp.argmax(v, -1, keepdims=True), (both,), {})
    all_ids = call_op(lambda v: jnp.zeros(v.shape, "int32") + jnp.arange(count), (both,), {})
    names = np.array([str(text).encode() for text in (range(count) if texts is None else texts)], object)
    text_of = lambda ids: NAMES["py_func"](lambda i: names[i], [ids], "string")  # noqa: E731
    made = {"logits": logits, "probabilities": NAMES["nn.softmax"](both), "class_ids": ids, "all_class_ids": all_ids}
    if binary:
        made["logistic"] = NAMES["sigmoid"](logits)
    if labels is None:
        return made | {"classes": text_of(ids), "all_classes": text_of(all_ids)}, None, None
    if texts is not None:
        labels = NAMES["contrib.lookup.index_table_from_tensor"](list(texts)).lookup(labels)
    if binary:
        labels = NAMES["cast"](labels, "float32")
        losses = NAMES["nn.sigmoid_cross_entropy_with_logits"](labels=labels, logits=logits)
    else:
        losses = NAMES["nn.sparse_softmax_cross_entropy_with_logits"](labels=labels[:, 0], logits=logits)[:, None]

    def metrics() -> dict[str, Any]:
        found = {"accuracy": NAMES["metrics.accuracy"](labels, ids, weights)}
        if not binary:
            return found
        logistic, mean = made["logistic"], NAMES["metrics.mean"](labels, weights)
        found["accuracy_baseline"] = NAMES["maximum"](mean[0], 1 - mean[0]), mean[1]
        found |= {name: NAMES[f"metrics.{name}"](labels, ids, weights) for name in ("precision", "recall")}
        for name, curve in {"auc": "ROC", "auc_precision_recall": "PR"}.items():
            found[name] = NAMES["metrics.auc"](labels, logistic, weights, curve=curve)
        return found | {"label/mean": mean, "prediction/mean": NAMES["metrics.mean"](logistic, weights)}

    return made, losses, metrics


def _of_numbers(_: Given, logits: Any, labels: Any, weights: Any) -> tuple[Any, Any, Any]:
    made = {"predictions": logits}
    if labels is None:
        return made, None, None
    labels = NAMES["cast"](labels, "float32")
    mean = lambda value: NAMES["metrics.mean"](value, weights)  # noqa: E731
    return made, NAMES["square"](logits - labels), lambda: {"label/mean": mean(labels), "prediction/mean": mean(logits)}


def model(given: Given, features: Option, labels: Option, mode: str) -> EstimatorSpec:
    """The graph of an estimator with these arguments."""
    size = given.get("label_dimension") or (1 if given["n_classes"] == 2 else given["n_classes"])
    logits: Any = None
    if given["dnn_columns"] is not None:
        logits = _deep(given, features, size, mode == "train")
    if given["linear_columns"] is not None:
        more = _linear(given, features, size)
        logits = more if logits is None else logits + more
    column, weights = given["weight_column"], None
    if column is not None and mode != "infer":
        key = column if isinstance(column, str) else column.name
        weights = NAMES["cast"](NAMES["reshape"](features[key], (-1, 1)), "float32")
    if labels is not None and len(labels.shape) == 1:
        labels = NAMES["expand_dims"](labels, 1)
    head = _of_classes if "n_classes" in given else _of_numbers
    predictions, losses, metrics = head(given, logits, None if mode == "infer" else labels, weights)
    if mode == "infer":
        return EstimatorSpec(mode, predictions)
    reduction = str(given["loss_reduction"] or ("weighted_sum" if names_of_1.active() else "sum_over_batch_size"))
    reduction = {"sum_over_batch_size": "weighted_sum_over_batch_size", "sum": "weighted_sum"}.get(reduction, reduction)
    loss = NAMES["losses.compute_weighted_loss"](losses, 1.0 if weights is None else weights, None, None, reduction)
    if mode == "train":
        return EstimatorSpec(mode, predictions, loss, _train(given, loss))
    found = {"average_loss": NAMES["metrics.mean"](losses, weights)} | metrics()
    return EstimatorSpec(mode, predictions, loss, eval_metric_ops=found)


# Names ----------------------------------------------------------------------------------------------------------------

_DEEP = "activation_fn/activation=None dropout=None -input_layer_partitioner=None config=None warm_start_from=None"
_DEEP += " loss_reduction=None batch_norm=False"
_LINEAR = "config=None -partitioner=None warm_start_from=None loss_reduction=None sparse_combiner/combiner='sum'"
_BOTH = "model_dir=None linear_feature_columns/linear_columns=None linear_optimizer='Ftrl'"
_BOTH += " dnn_feature_columns/dnn_columns=None dnn_optimizer='Adagrad' dnn_hidden_units/units=None"
_BOTH += " dnn_activation_fn/activation=None dnn_dropout/dropout=None"
_REST = "-input_layer_partitioner=None config=None warm_start_from=None loss_reduction=None batch_norm=False"
_REST += " linear_sparse_combiner/combiner='sum'"
_HEADS = {
    "Classifier": "n_classes=2 weight_column=None label_vocabulary=None",
    "Regressor": "label_dimension=1 weight_column=None",
}
_KINDS = {
    "DNN": "hidden_units/units feature_columns/dnn_columns model_dir=None {} optimizer/dnn_optimizer='Adagrad' "
    + _DEEP,
    "Linear": "feature_columns/linear_columns model_dir=None {} optimizer/linear_optimizer='Ftrl' " + _LINEAR,
    "DNNLinearCombined": f"{_BOTH} {{}} {_REST}",
}
_ABSENT = dict.fromkeys(("dnn_columns", "linear_columns"))


def _register(name: str, parameters: list[str]) -> None:
    """Register an estimator; a parameter "a/b" is called b here."""
    passed = passed_names(parameters)

    def make(*values: Any) -> Estimator:
        given = _ABSENT | dict(zip(passed, values, strict=True))

        def model_fn(features: Any, labels: Any, mode: str) -> EstimatorSpec:
            return model(given, features, labels, mode)

        return Estimator(model_fn, given["model_dir"], given["config"], warm_start_from=given["warm_start_from"])

    named(f"estimator.{name}")(with_parameters(make, parameters))


for _kind, _parameters in _KINDS.items():
    for _head, _own in _HEADS.items():
        _register(f"{_kind}{_head}", _parameters.format(_own).split())
