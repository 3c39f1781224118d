"""How far a student's outputs are from its teacher's."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle import losses, tree
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, message


class DistillationLoss(Configurable):
    """The parent: a subclass gives `compute_loss(teacher_outputs, student_outputs)`, one number.

    >>> class Far(DistillationLoss):
    ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
    ...         return jnp.max(jnp.abs(teacher_outputs - student_outputs))
    >>> Far().compute_loss(jnp.array([1.0, 2.0]), jnp.array([1.5, 2.0]))
    Array(0.5, dtype=float32)
    """

    _namespace = "distillation"

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no compute_loss method")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Hold the structures of the outputs against each other."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Hold the models against each other."""

    def _functions(self, loss: Any) -> Any:
        """`loss` with functions for names; None stays: these outputs are left out."""
        found = tree.map_structure(lambda one: None if one is None else losses.get(one), loss)
        if all(one is None for one in tree.flatten(found)):
            raise ArgumentError(message(f"loss of {type(self).__name__}", expected="a loss", got=repr(loss)))
        return found


def _total(function: Any, loss: Any, teacher: Any, student: Any) -> Any:
    """The sum of function(loss, teacher's, student's) over all outputs that have a loss."""
    structure = jax.tree.structure(teacher)
    each = [loss] if jax.tree_util.treedef_is_leaf(structure) else tree.flatten(loss)
    outputs = zip(each, jax.tree.leaves(teacher), jax.tree.leaves(student), strict=True)
    return sum(jnp.mean(function(one, t, s)) for one, t, s in outputs if one is not None)


class FeatureDistillation(DistillationLoss):
    """The loss between what a layer of the teacher and one of the student compute.

    Args:
        loss: a loss, or one for each output; None leaves an output out.
        teacher_layer_name, student_layer_name: the layers; None: the models' outputs.

    Source: Romero et al., FitNets: Hints for Thin Deep Nets (ICLR 2015).

    >>> FeatureDistillation("mae").compute_loss(jnp.ones((1, 2)), jnp.zeros((1, 2)))
    Array(1., dtype=float32)
    """

    def __init__(
        self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ) -> None:
        super().__init__()
        self.loss = self._functions(loss)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        for model, name in ((teacher, self.teacher_layer_name), (student, self.student_layer_name)):
            if name is not None:
                model.get_layer(name)

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        return _total(lambda one, t, s: one(t, s), self.loss, teacher_outputs, student_outputs)


class LogitsDistillation(DistillationLoss):
    r"""The loss between softened outputs:  L(z_t / T, z_s / T).

    With the divergence of Kullback and Leibler it is  T^2 KL(softmax(z_t / T), softmax(z_s / T)).

    Args:
        temperature: T; large ones show more of what the teacher thinks of wrong classes.
        loss: L, or one for each output; None leaves an output out.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network (2015).

    >>> LogitsDistillation(2.0).compute_loss(jnp.array([[2.0, 0.0]]), jnp.array([[2.0, 0.0]]))
    Array(0., dtype=float32)
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        super().__init__()
        self.loss = self._functions(loss)
        if not isinstance(temperature, (int, float)) or temperature <= 0:
            raise ArgumentError(message("temperature", expected="a number above 0", got=repr(temperature)))

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        def one_loss(one: Any, t: Any, s: Any) -> Any:
            t, s = t / self.temperature, s / self.temperature
            if isinstance(one, losses.KLDivergence) or one is losses.kl_divergence:
                return one(jax.nn.softmax(t), jax.nn.softmax(s)) * self.temperature**2
            return one(t, s)

        return _total(one_loss, self.loss, teacher_outputs, student_outputs)
