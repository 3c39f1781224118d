"""The model that trains a student beside its teacher."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle import losses, metrics, tree
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.models import Model


class Distiller(Model):
    r"""A student that learns from labels and from a teacher:  w L(y, s) + (1 - w) Σ_k v_k D_k(t, s).

    s, t: what student and teacher compute. Its outputs are the student's; the teacher stays as it is.

    Args:
        teacher, student: models with inputs and outputs of equal shapes.
        distillation_losses: D, one or several. distillation_loss_weights: v, 1 by default.
        student_loss_weight: w, from 0 to 1.

    >>> teacher, student = (gazelle.Sequential([gazelle.Input((4,)), gazelle.layers.Dense(3)]) for _ in range(2))
    >>> model = Distiller(teacher, student, LogitsDistillation(2.0))
    >>> model.compile("adam", gazelle.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> sorted(model.fit(np.ones((8, 4)), np.zeros(8), verbose=0, keep=False).history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    _namespace = "distillation"

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str | None = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._check(teacher, student, student_loss_weight)
        given = distillation_losses
        self.distillation_losses = list(given) if isinstance(given, (list, tuple)) else [given]
        weights = distillation_loss_weights
        self.distillation_loss_weights = [1.0] * len(self.distillation_losses) if weights is None else list(weights)
        if len(self.distillation_loss_weights) != len(self.distillation_losses):
            expected = f"{len(self.distillation_losses)} numbers"
            raise ArgumentError(message("distillation_loss_weights", expected=expected, got=repr(weights)))
        for one in self.distillation_losses:
            one.validate_model_compatibility(teacher, student)
        teacher.trainable = False
        self._looks = [_look(model, names) for model, names in self._wanted(teacher, student)]
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")
        self.built = True

    @staticmethod
    def _check(teacher: Any, student: Any, fraction: Any) -> None:
        for role, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Model):
                raise ArgumentError(message(f"{role} of Distiller", expected="a model", got=repr(model)))
        if not isinstance(fraction, (int, float)) or not 0 <= fraction <= 1:
            raise ArgumentError(message("student_loss_weight", expected="a number from 0 to 1", got=repr(fraction)))
        if teacher._graph is None or student._graph is None:
            return
        for what in ("inputs", "outputs"):
            mine, other = ([t.shape for t in getattr(m, what)] for m in (student, teacher))
            if len(mine) != len(other) or not all(map(_fits, mine, other)):
                raise ShapeError(message(f"{what} of teacher and student", expected=other, got=mine))

    def _wanted(self, teacher: Any, student: Any) -> Any:
        for model, word in ((teacher, "teacher_layer_name"), (student, "student_layer_name")):
            names = [getattr(one, word, None) for one in self.distillation_losses]
            yield model, [name for name in dict.fromkeys(names) if name is not None]

    def compile(  # type: ignore[override]
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """As of every model; loss: L, between labels and what the student computes."""
        if loss is None:
            raise ArgumentError(message("loss of a Distiller", expected="the student's loss", got="none"))
        self._student_loss = tree.map_structure(losses.get, loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return self.student(inputs, training=training, **({} if mask is None else {"mask": mask}))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        y_pred = self(x, training=training) if y_pred is None else y_pred
        fraction, own, taught = self.student_loss_weight, jnp.zeros(()), jnp.zeros(())
        if fraction > 0 and y is not None:
            each = tree.map_structure(lambda one, label, out: jnp.mean(one(label, out)), self._student_loss, y, y_pred)
            own = sum(tree.flatten(each))
        if fraction < 1:
            looks = [look(x, training=mode) if look else {} for look, mode in zip(self._looks, (False, True))]
            out = looks[0][""] if looks[0] else self.teacher(x, training=False)
            for one, weight in zip(self.distillation_losses, self.distillation_loss_weights):
                pair = (
                    looks[0].get(getattr(one, "teacher_layer_name", None), out),
                    looks[1].get(getattr(one, "student_layer_name", None), y_pred),
                )
                one.validate_outputs(*pair)
                taught = taught + weight * one.compute_loss(*pair)
        total = fraction * own + (1 - fraction) * taught
        self.student_loss_tracker.update_state(own)
        self.distillation_loss_tracker.update_state(taught)
        self.total_loss_tracker.update_state(total)
        return total


def _fits(mine: Any, other: Any) -> bool:
    return len(mine) == len(other) and all(a is None or b is None or a == b for a, b in zip(mine, other))


def _look(model: Any, names: list[str]) -> Any:
    """The model with the outputs of layers beside its own; None where none is asked for."""
    if not names:
        return None
    outputs = {name: model.get_layer(name).nodes[0].outputs for name in names}
    return Model(model.input, {"": model.output, **outputs})
