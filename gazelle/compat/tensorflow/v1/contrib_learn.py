"""`tf.contrib.learn`: estimators whose `fit`, `evaluate` and `predict` take arrays or input functions."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import passed_names, with_parameters
from gazelle.compat.tensorflow.feature_columns import Column, numeric_column
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import canned_estimators, graphs
from gazelle.compat.tensorflow.v1.estimator_specs import EstimatorSpec, ModeKeys
from gazelle.compat.tensorflow.v1.estimators import Estimator
from gazelle.compat.types import Function, Option, PathLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


@named("contrib.learn.ModeKeys")
class _Modes(ModeKeys):
    INFER = ModeKeys.PREDICT


@named("contrib.learn.ModelFnOps", "contrib.learn.estimators.model_fn.ModelFnOps")
class ModelFnOps(NamedTuple):
    """What the function of an estimator of `tf.contrib.learn` returns."""

    mode: str
    predictions: Any = None
    loss: Any = None
    train_op: Any = None
    eval_metric_ops: Any = None
    output_alternatives: Any = None
    training_chief_hooks: Any = None
    training_hooks: Any = None
    scaffold: Any = None


@named("contrib.learn.Estimator", "contrib.learn.BaseEstimator")
class LearnEstimator(Estimator):
    """`tf.contrib.learn.Estimator`: `model_fn(features, targets, mode, params)` returns `ModelFnOps` or a tuple."""

    def __init__(
        self, model_fn: Function, model_dir: PathLike | None = None, config: Option = None, params: Option = None
    ) -> None:
        names = list(inspect.signature(model_fn).parameters)

        def adapted(features: Any, labels: Any, mode: str, params: Any, config: Any) -> EstimatorSpec:
            known = {"mode": mode, "params": params, "config": config, "model_dir": self.model_dir}
            made = model_fn(features, labels, **{name: known[name] for name in names[2:] if name in known})
            if isinstance(made, EstimatorSpec):
                return made
            if not isinstance(made, ModelFnOps):
                made = ModelFnOps(mode, *made)
            return EstimatorSpec(mode, *made[1:5], scaffold=made.scaffold, training_hooks=made.training_hooks)

        super().__init__(adapted, model_dir, config, params)

    def fit(
        self,
        x: TensorLike = None,
        y: TensorLike = None,
        input_fn: Function | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        monitors: Option = None,
        max_steps: int | None = None,
    ) -> LearnEstimator:
        """Train for a number of steps."""
        self.train(input_fn or _rows(x, y, batch_size, None), hooks=monitors, steps=steps, max_steps=max_steps)
        return self

    partial_fit = fit

    @ignores("feed_fn@4")
    def evaluate(  # type: ignore[override]
        self,
        x: TensorLike = None,
        y: TensorLike = None,
        input_fn: Function | None = None,
        batch_size: int | None = None,
        steps: int | None = None,
        metrics: Option = None,
        name: str | None = None,
        checkpoint_path: str | None = None,
        hooks: Option = None,
    ) -> dict[str, TensorResult]:
        """Return the metrics."""
        if metrics is not None:
            hint = "Return them as eval_metric_ops of the function of the estimator."
            raise ArgumentError(message("metrics of evaluate", expected="None", got=metrics, hint=hint))
        return super().evaluate(input_fn or _rows(x, y, batch_size, 1), steps, hooks, checkpoint_path, name)

    #: what `predict` returns; None: everything
    _predicted: str | None = None

    @ignores("as_iterable@5")
    def predict(  # type: ignore[override]
        self,
        x: TensorLike = None,
        input_fn: Function | None = None,
        batch_size: int | None = None,
        outputs: Sequence[str] | None = None,
    ) -> Iterator[TensorResult]:
        """Yield the prediction of each sample: classes, numbers, or what the function of the estimator returns."""
        key = None if outputs else self._predicted
        for row in super().predict(input_fn or _rows(x, None, batch_size, 1), outputs):
            yield row if key is None else row[key]


def _rows(x: Any, y: Any, batch_size: int | None, epochs: int | None) -> Any:
    """The input function of arrays, by default all rows at once."""
    if x is None:
        raise ArgumentError(message("An estimator of tf.contrib.learn", expected="x or input_fn", got="neither"))
    arrays = [np.asarray(part) for part in ((x,) if y is None else (x, y))]
    arrays = [a.astype("float32") if a.dtype == np.float64 else a for a in arrays]

    def input_fn() -> Any:
        graphs.build_graphs()
        rows = NAMES["data.Dataset"].from_tensor_slices(arrays[0] if y is None else tuple(arrays))
        rows = rows.shuffle(len(arrays[0])) if epochs is None else rows
        return rows.batch(batch_size or len(arrays[0])).repeat(epochs).make_one_shot_iterator().get_next()

    return input_fn


# Estimators with a network of their own -------------------------------------------------------------------------------

_REST = "weight_column_name/weight_column=None optimizer=None {} -gradient_clip_norm=None"
_REST += " -enable_centered_bias=False config=None -feature_engineering_fn=None"
_DEEP = "activation_fn/activation=None dropout=None"
_KINDS = {
    "Linear": f"feature_columns/linear_columns model_dir=None {{}} {_REST.format('')}",
    "DNN": f"hidden_units/units feature_columns/dnn_columns model_dir=None {{}} {_REST.format(_DEEP)}",
    "DNNLinearCombined": "model_dir=None {} weight_column_name/weight_column=None linear_feature_columns/linear_columns"
    "=None linear_optimizer=None -_joint_linear_weights=False dnn_feature_columns/dnn_columns=None dnn_optimizer=None"
    " dnn_hidden_units/units=None dnn_activation_fn/activation=None dnn_dropout/dropout=None config=None",
}
_ABSENT: dict[str, Any] = dict.fromkeys(("dnn_columns", "linear_columns", "dropout", "activation", "label_vocabulary"))
_ABSENT |= {"batch_norm": False, "combiner": "sum", "loss_reduction": "weighted_mean", "dnn_rate": 0.05}
_METRICS = {
    "accuracy_baseline": None,
    "average_loss": None,
    "label/mean": "labels/actual_label_mean",
    "prediction/mean": "labels/prediction_mean",
    "precision": "precision/positive_threshold_0.500000_mean",
    "recall": "recall/positive_threshold_0.500000_mean",
}


class _Canned(LearnEstimator):
    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        of_classes = "n_classes" in given
        self._predicted = "class_ids" if of_classes else "predictions"
        optimizers = {part: given.get(f"{part}_optimizer") or given.get("optimizer") for part in ("dnn", "linear")}
        given |= {f"{part}_optimizer": v or ("Adagrad" if part == "dnn" else "Ftrl") for part, v in optimizers.items()}

        def model_fn(features: Any, labels: Any, mode: str) -> EstimatorSpec:
            features = features if isinstance(features, dict) else {"": features}
            return canned_estimators.model(given, features, labels, mode)

        super().__init__(model_fn, given["model_dir"], given["config"])

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found = super().evaluate(*args, **kwargs)
        if "n_classes" not in self._given:
            return {name: found[name] for name in ("loss", "global_step")}
        if self._given["n_classes"] == 2:
            found["accuracy/threshold_0.500000_mean"] = found["accuracy"]
            found["accuracy/baseline_label_mean"] = found["label/mean"]
        return {_METRICS.get(name, name): v for name, v in found.items() if _METRICS.get(name, name) is not None}

    def predict(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for row in super().predict(*args, **kwargs):
            row = row[0] if np.shape(row) == (1,) else row
            yield np.int64(row) if np.asarray(row).dtype == np.int32 else row

    predict_classes = predict_scores = predict

    def predict_proba(self, x: Any = None, input_fn: Any = None, batch_size: Any = None, **_: Any) -> Iterator[Any]:
        """Yield the probabilities of the classes for each sample."""
        for row in LearnEstimator.predict(self, x, input_fn, batch_size, ["probabilities"]):
            yield row["probabilities"]


def _register(name: str, parameters: list[str]) -> None:
    passed = passed_names(parameters)
    make = lambda *values: _Canned(_ABSENT | dict(zip(passed, values, strict=True)))  # noqa: E731
    named(f"contrib.learn.{name}")(with_parameters(make, parameters))


for _kind, _parameters in _KINDS.items():
    for _head, _own in {"Classifier": "n_classes=2", "Regressor": "label_dimension=1"}.items():
        _register(f"{_kind}{_head}", _parameters.format(_own).split())


@named("contrib.learn.SKCompat")
class SKCompat:
    """`tf.contrib.learn.SKCompat`: an estimator with the methods of scikit-learn."""

    def __init__(self, estimator: LearnEstimator) -> None:
        self._estimator = estimator

    @ignores("monitors")
    def fit(
        self,
        x: TensorLike,
        y: TensorLike,
        batch_size: int = 128,
        steps: int | None = None,
        max_steps: int | None = None,
    ) -> SKCompat:
        """Train the estimator."""
        self._estimator.fit(x, y, steps=steps, batch_size=batch_size, max_steps=max_steps)
        return self

    def score(self, x: TensorLike, y: TensorLike, batch_size: int = 128, steps: int | None = None) -> TensorResult:
        """Return the metrics."""
        return self._estimator.evaluate(x, y, batch_size=batch_size, steps=steps)

    def predict(self, x: TensorLike, batch_size: int = 128, outputs: Sequence[str] | None = None) -> TensorResult:
        """Return the predictions of all samples."""
        rows = list(self._estimator.predict(x, batch_size=batch_size, outputs=outputs))
        is_dict = bool(rows) and isinstance(rows[0], Mapping)
        return {key: np.stack([row[key] for row in rows]) for key in rows[0]} if is_dict else np.stack(rows)


# Columns --------------------------------------------------------------------------------------------------------------


@named("contrib.layers.real_valued_column")
@ignores("dtype")
def real_valued_column(
    column_name: str, dimension: int = 1, default_value: Option = None, normalizer: Function | None = None
) -> Column:
    """`tf.contrib.layers.real_valued_column`: a numeric column."""
    return numeric_column(column_name, (dimension,), default_value, None, normalizer)


@named("contrib.learn.infer_real_valued_columns_from_input")
def infer_real_valued_columns_from_input(x: TensorLike) -> list[Column]:
    """`tf.contrib.learn.infer_real_valued_columns_from_input`: the column of arrays without names."""
    shape = np.shape(x)
    return [real_valued_column("", shape[1] if len(shape) > 1 else 1)]
