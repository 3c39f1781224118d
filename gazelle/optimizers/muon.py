"""Orthogonalized steps for matrices: Muon."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Never

import jax.numpy as jnp

from gazelle.core.types import Array
from gazelle.optimizers.arguments import check_unit_interval
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.learning_rate import LearningRate


class Muon(Optimizer):
    r"""Momentum whose steps are close to orthogonal matrices, for matrices; Adam for all other weights.

    m <- momentum m + g,  x = g + momentum m (with `nesterov`, else m),  w <- w - lr rms_rate sqrt(max(shape)) orth(x),
    where orth starts from x / ||x|| and computes `ns_steps` times
    a = x x^T,  x <- muon_a x + (muon_b a + muon_c a a) x.

    Args:
        learning_rate: See `Optimizer`.
        adam_beta_1: See `Adam`; for weights that are no matrix.
        adam_beta_2: See `Adam`; for weights that are no matrix.
        adam_weight_decay: Weight decay of weights that are no matrix.
        epsilon: See `Adam`; for weights that are no matrix.
        weight_decay: Weight decay of matrices.
        clipnorm: See `Optimizer`.
        clipvalue: See `Optimizer`.
        global_clipnorm: See `Optimizer`.
        use_ema: See `Optimizer`.
        ema_momentum: See `Optimizer`.
        ema_overwrite_frequency: See `Optimizer`.
        loss_scale_factor: See `Optimizer`.
        gradient_accumulation_steps: See `Optimizer`.
        name: See `Optimizer`.
        exclude_layers: Regular expressions; weights whose path contains a match are updated by Adam.
        exclude_embeddings: Updates weights with "embedding" in their path by Adam.
        muon_a: Coefficient of the Newton-Schulz iteration.
        muon_b: Coefficient of the Newton-Schulz iteration.
        muon_c: Coefficient of the Newton-Schulz iteration.
        adam_lr_ratio: Learning rate of Adam as a multiple of `learning_rate`.
        momentum: Decay rate of m, from 0 to below 1.
        ns_steps: Number of Newton-Schulz iterations.
        nesterov: Uses Nesterov momentum.
        rms_rate: Scale of the step; None leaves orth(x) unscaled.
        kwargs: Not accepted; an unknown argument raises an error that suggests similar names.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; for rms_rate Liu et al.,
    "Muon is Scalable for LLM Training", 2025.

    Example:
        >>> slots = Muon().init({"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)})
        >>> {name: list(arrays) for name, arrays in slots.items()}
        {'momentum': ['kernel', 'bias'], 'velocity': ['bias']}
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Never,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )
        check_unit_interval(self, "adam_beta_1", "adam_beta_2", "momentum", below_one=True)
        self.exclude_layers = list(exclude_layers or ())

    def _uses_adam(self, path: str, w: Array) -> bool:
        embedding = self.exclude_embeddings and "embedding" in path.lower()
        return w.ndim != 2 or embedding or any(re.search(pattern, path) for pattern in self.exclude_layers)

    def init_slot(self, name: str, path: str, w: Array) -> Array | None:
        return jnp.zeros_like(w) if name == "momentum" or self._uses_adam(path, w) else None

    def weight_decay_of(self, path: str, w: Array) -> float | None:
        if not self._decays(path):
            return None
        return self.adam_weight_decay if self._uses_adam(path, w) else self.weight_decay

    def rule(self, w: Array, g: Array, m: Array, v: Array | None = None, *, lr: Array, t: Array) -> tuple[Array, ...]:
        if v is not None:
            m = m + (1 - self.adam_beta_1) * (g - m)
            v = v + (1 - self.adam_beta_2) * (g * g - v)
            lr = lr * self.adam_lr_ratio * jnp.sqrt(1 - self.adam_beta_2**t) / (1 - self.adam_beta_1**t)
            return w - lr * m / (jnp.sqrt(v) + self.epsilon), m, v
        m = self.momentum * m + g
        step = lr * self._orthogonalize(g + self.momentum * m if self.nesterov else m)
        if self.rms_rate is not None:
            step = step * max(w.shape) ** 0.5 * self.rms_rate
        return w - step, m

    def _orthogonalize(self, x: Array) -> Array:
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x  # x x^T is then the smaller of both products
        x = x / (jnp.linalg.norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            a = x @ x.T
            x = self.muon_a * x + (self.muon_b * a + self.muon_c * a @ a) @ x
        return x.T if tall else x
