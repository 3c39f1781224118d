"""The model that trains a student with its teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle import losses, metrics, tree
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.serialization import serialize
from gazelle.core.traceback import warn
from gazelle.core.types import Array, ArrayLike, Config, LossLike, MetricLike, Nested, OptimizerLike, Tree
from gazelle.distillation.losses import DistillationLoss
from gazelle.models import Model

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsWithoutName


class Distiller(Model):
    r"""Model that trains a student with a teacher:  loss = w L(y, s) + (1 - w) Σ_k v_k D_k(t, s).

    s and t are the outputs of student and teacher. The outputs of the model are those of the student; the teacher is
    not trained.

    Args:
        teacher: a trained model.
        student: a model with inputs and outputs of the same shapes.
        distillation_losses: D, one or several losses.
        distillation_loss_weights: v, one for each loss; 1 by default.
        student_loss_weight: w, from 0 to 1.
        name: the name of the model.
        **kwargs: arguments of `Model`.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network (2015).

    Raises:
        ArgumentError: an argument is not a model, or a weight is invalid.
        ShapeError: the inputs or outputs of the models have different shapes.

    >>> teacher, student = (gazelle.Sequential([gazelle.Input((4,)), gazelle.layers.Dense(3)]) for _ in range(2))
    >>> model = Distiller(teacher, student, LogitsDistillation(2.0))
    >>> model.compile("adam", gazelle.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> sorted(model.fit(np.ones((8, 4)), np.zeros(8), verbose=0, keep=False).history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    _namespace = "distillation"
    teacher: Model
    student: Model
    student_loss_weight: float
    distillation_losses: list[DistillationLoss]

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str | None = "distiller",
        **kwargs: Unpack[OptionsWithoutName],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._check(teacher, student, student_loss_weight)
        single = isinstance(distillation_losses, DistillationLoss)
        self.distillation_losses = [distillation_losses] if single else list(distillation_losses)  # type: ignore[list-item]
        weights = distillation_loss_weights
        self.distillation_loss_weights = [1.0] * len(self.distillation_losses) if weights is None else list(weights)
        if len(self.distillation_loss_weights) != len(self.distillation_losses):
            expected = f"{len(self.distillation_losses)} numbers"
            raise ArgumentError(message("distillation_loss_weights", expected=expected, got=repr(weights)))
        for one in self.distillation_losses:
            one.validate_model_compatibility(teacher, student)
        teacher.trainable = False
        self._feature_models = [_feature_model(model, names) for model, names in self._layer_names(teacher, student)]
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")
        self.built = True

    @staticmethod
    def _check(teacher: Any, student: Any, weight: Any) -> None:
        for role, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Model):
                raise ArgumentError(message(f"{role} of Distiller", expected="a model", got=repr(model)))
        if not isinstance(weight, (int, float)) or not 0 <= weight <= 1:
            raise ArgumentError(message("student_loss_weight", expected="a number from 0 to 1", got=repr(weight)))
        if teacher._graph is None or student._graph is None:
            return
        for what in ("inputs", "outputs"):
            own, expected = ([t.shape for t in getattr(m, what)] for m in (student, teacher))
            if len(own) != len(expected) or not all(map(_is_compatible, own, expected)):
                raise ShapeError(message(f"{what} of teacher and student", expected=expected, got=own))

    def _layer_names(self, teacher: Model, student: Model) -> Any:
        for model, attribute in ((teacher, "teacher_layer_name"), (student, "student_layer_name")):
            names = [getattr(one, attribute, None) for one in self.distillation_losses]
            yield model, [name for name in dict.fromkeys(names) if name is not None]

    def compile(  # type: ignore[override]
        self,
        optimizer: OptimizerLike = "adam",
        loss: Nested[LossLike] = None,
        metrics: Nested[MetricLike] = None,
        **kwargs: Any,
    ) -> None:
        """Configure the training.

        Args:
            optimizer: the optimizer.
            loss: L, between the labels and the outputs of the student.
            metrics: metrics of the outputs of the student.
            **kwargs: further arguments of `Model.compile`.

        Raises:
            ArgumentError: there is no loss.
        """
        if loss is None:
            raise ArgumentError(message("loss of a Distiller", expected="the student's loss", got="none"))
        self._given_loss, self._student_loss = loss, tree.map_structure(losses.get, loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def get_compile_config(self) -> Config | None:
        """Return the arguments of `compile`.

        Returns:
            {argument: value}, with values that JSON can hold; None before `compile`.
        """
        config = super().get_compile_config()
        return None if config is None else {**config, "loss": serialize(self._given_loss)}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with a config; files of Keras do not contain the loss, so that a warning is issued for them.

        Args:
            config: the result of `get_compile_config`.
        """
        if config.get("loss") is None:
            warn(f"The file of '{self.name}' does not contain the loss of its student: compile it before training.")
            return
        super().compile_from_config(config)

    def call(self, inputs: Tree, training: bool | None = None, mask: Tree = None) -> Tree:
        return self.student(inputs, training=training, **({} if mask is None else {"mask": mask}))

    def compute_loss(
        self,
        x: Tree = None,
        y: Nested[ArrayLike] | None = None,
        y_pred: Nested[ArrayLike] | None = None,
        sample_weight: Nested[ArrayLike] | None = None,
        training: bool = True,
    ) -> Array:
        y_pred = self(x, training=training) if y_pred is None else y_pred
        weight, student_loss, distillation_loss = self.student_loss_weight, jnp.zeros(()), jnp.zeros(())
        if weight > 0 and y is not None:
            each = tree.map_structure(lambda one, label, out: jnp.mean(one(label, out)), self._student_loss, y, y_pred)
            student_loss = sum(tree.flatten(each))
        if weight < 1:
            features: list[Any] = [
                model(x, training=mode) if model else {} for model, mode in zip(self._feature_models, (False, True))
            ]
            out = features[0][""] if features[0] else self.teacher(x, training=False)
            for one, factor in zip(self.distillation_losses, self.distillation_loss_weights):
                pair = (
                    features[0].get(getattr(one, "teacher_layer_name", None), out),
                    features[1].get(getattr(one, "student_layer_name", None), y_pred),
                )
                one.validate_outputs(*pair)
                distillation_loss = distillation_loss + factor * one.compute_loss(*pair)
        total = weight * student_loss + (1 - weight) * distillation_loss
        self.student_loss_tracker.update_state(student_loss)
        self.distillation_loss_tracker.update_state(distillation_loss)
        self.total_loss_tracker.update_state(total)
        return total


def _is_compatible(shape: Any, other: Any) -> bool:
    return len(shape) == len(other) and all(a is None or b is None or a == b for a, b in zip(shape, other))


def _feature_model(model: Model, names: list[str]) -> Model | None:
    """The model with additional outputs of layers; None if there are no names."""
    if not names:
        return None
    outputs = {name: model.get_layer(name)._call_nodes[0].outputs for name in names}
    return Model(model.input, {"": model.output, **outputs})
