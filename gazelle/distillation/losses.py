"""Losses between the outputs of a student and of its teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle import losses, tree
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, LossLike, Nested

if TYPE_CHECKING:
    from gazelle.models import Model


class DistillationLoss(Configurable):
    """Base class: a subclass defines `compute_loss(teacher_outputs, student_outputs)`, a scalar.

    >>> class MaxError(DistillationLoss):
    ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
    ...         return jnp.max(jnp.abs(teacher_outputs - student_outputs))
    >>> MaxError().compute_loss(jnp.array([1.0, 2.0]), jnp.array([1.5, 2.0]))
    Array(0.5, dtype=float32)
    """

    _namespace = "distillation"

    def compute_loss(self, teacher_outputs: Nested[Array], student_outputs: Nested[Array], **kwargs: Any) -> Array:
        """Compute the loss.

        Args:
            teacher_outputs: the outputs of the teacher or of one of its layers.
            student_outputs: the outputs of the student or of one of its layers.
            **kwargs: unused.

        Returns:
            A scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} has no compute_loss method")

    def validate_outputs(self, teacher_outputs: Nested[Array], student_outputs: Nested[Array]) -> None:
        """Check that the outputs have the same structure; called before `compute_loss`.

        Args:
            teacher_outputs: the outputs of the teacher or of one of its layers.
            student_outputs: the outputs of the student or of one of its layers.
        """
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Check the two models; called by the constructor of `Distiller`.

        Args:
            teacher: the teacher.
            student: the student.
        """

    def _functions(self, loss: Any) -> Any:
        """`loss` with names replaced by functions; None stays, for outputs without a loss."""
        found = tree.map_structure(lambda one: None if one is None else losses.get(one), loss)
        if all(one is None for one in tree.flatten(found)):
            raise ArgumentError(message(f"loss of {type(self).__name__}", expected="a loss", got=repr(loss)))
        return found


def _total(function: Any, loss: Any, teacher: Any, student: Any) -> Any:
    """The sum of function(loss, teacher output, student output) over all outputs with a loss."""
    structure = jax.tree.structure(teacher)
    each = [loss] if jax.tree_util.treedef_is_leaf(structure) else tree.flatten(loss)
    outputs = zip(each, jax.tree.leaves(teacher), jax.tree.leaves(student), strict=True)
    return sum(jnp.mean(function(one, t, s)) for one, t, s in outputs if one is not None)


class FeatureDistillation(DistillationLoss):
    """Loss between the outputs of a layer of the teacher and of one of the student.

    Args:
        loss: a loss, or one for each output; None omits an output.
        teacher_layer_name: the layer of the teacher; None for the outputs of the model.
        student_layer_name: the layer of the student; None for the outputs of the model.

    Raises:
        ArgumentError: there is no loss.

    Source: Romero et al., FitNets: Hints for Thin Deep Nets (ICLR 2015).

    >>> FeatureDistillation("mae").compute_loss(jnp.ones((1, 2)), jnp.zeros((1, 2)))
    Array(1., dtype=float32)
    """

    teacher_layer_name: str | None
    student_layer_name: str | None

    def __init__(
        self,
        loss: Nested[LossLike] = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ) -> None:
        super().__init__()
        self.loss = self._functions(loss)

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        for model, name in ((teacher, self.teacher_layer_name), (student, self.student_layer_name)):
            if name is not None:
                model.get_layer(name)

    def compute_loss(self, teacher_outputs: Nested[Array], student_outputs: Nested[Array], **kwargs: Any) -> Array:
        return _total(lambda one, t, s: one(t, s), self.loss, teacher_outputs, student_outputs)


class LogitsDistillation(DistillationLoss):
    r"""Loss between logits divided by a temperature:  L(z_t / T, z_s / T).

    With the Kullback-Leibler divergence it is  T^2 KL(softmax(z_t / T), softmax(z_s / T)).

    Args:
        temperature: T; large values give more weight to the classes the teacher considers unlikely.
        loss: L, or one for each output; None omits an output.

    Raises:
        ArgumentError: there is no loss, or the temperature is not positive.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network (2015).

    >>> LogitsDistillation(2.0).compute_loss(jnp.array([[2.0, 0.0]]), jnp.array([[2.0, 0.0]]))
    Array(0., dtype=float32)
    """

    temperature: float

    def __init__(self, temperature: float = 3.0, loss: Nested[LossLike] = "kl_divergence") -> None:
        super().__init__()
        self.loss = self._functions(loss)
        if not isinstance(temperature, (int, float)) or temperature <= 0:
            raise ArgumentError(message("temperature", expected="a number above 0", got=repr(temperature)))

    def compute_loss(self, teacher_outputs: Nested[Array], student_outputs: Nested[Array], **kwargs: Any) -> Array:
        def one_loss(one: Any, t: Any, s: Any) -> Any:
            t, s = t / self.temperature, s / self.temperature
            if isinstance(one, losses.KLDivergence) or one is losses.kl_divergence:
                return one(jax.nn.softmax(t), jax.nn.softmax(s)) * self.temperature**2
            return one(t, s)

        return _total(one_loss, self.loss, teacher_outputs, student_outputs)
