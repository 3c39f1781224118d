"""Steps whose matrices are made orthogonal: Muon."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.optimizers.base import Optimizer


class Muon(Optimizer):
    r"""Momentum for matrices, the step brought near the closest orthogonal matrix; Adam for everything else.

    m <- momentum * m + g,  x = g + momentum * m (`nesterov`; else m),  w <- w - lr rms_rate sqrt(max(shape)) orth(x),
    where orth starts from x / |x| and does `ns_steps` times  a = x x^T,  x <- muon_a x + (muon_b a + muon_c a a) x.

    Args:
        adam_beta_1, adam_beta_2, adam_weight_decay, epsilon: Adam's, for weights that are no matrix.
        exclude_layers: patterns; weights whose path one of them is found in go to Adam.
        exclude_embeddings: whether weights with "embedding" in their path go to Adam.
        muon_a, muon_b, muon_c, ns_steps: the Newton-Schulz iteration.
        adam_lr_ratio: the rate of Adam as a multiple of `learning_rate`.
        rms_rate: None leaves the step at the size that orth gives.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; Liu et al., "Muon is
    Scalable for LLM Training", 2025, for rms_rate.

    >>> slots = Muon().init({"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)})
    >>> {name: list(arrays) for name, arrays in slots.items()}
    {'momentum': ['kernel', 'bias'], 'velocity': ['bias']}
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
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
        **kwargs: Any,
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
        self._within("adam_beta_1", "adam_beta_2", "momentum", open=True)
        self.exclude_layers = list(exclude_layers or ())

    def _by_adam(self, path: str, w: Any) -> bool:
        embedding = self.exclude_embeddings and "embedding" in path.lower()
        return w.ndim != 2 or embedding or any(re.search(pattern, path) for pattern in self.exclude_layers)

    def slot_of(self, name: str, path: str, w: Any) -> Any:
        return jnp.zeros_like(w) if name == "momentum" or self._by_adam(path, w) else None

    def decay_of(self, path: str, w: Any) -> float | None:
        if not self._decays(path):
            return None
        rate: float | None = self.adam_weight_decay if self._by_adam(path, w) else self.weight_decay
        return rate

    def rule(self, w: Any, g: Any, m: Any, v: Any = None, *, lr: Any, t: Any) -> Any:
        if v is not None:
            m = m + (1 - self.adam_beta_1) * (g - m)
            v = v + (1 - self.adam_beta_2) * (g * g - v)
            lr = lr * self.adam_lr_ratio * jnp.sqrt(1 - self.adam_beta_2**t) / (1 - self.adam_beta_1**t)
            return w - lr * m / (jnp.sqrt(v) + self.epsilon), m, v
        m = self.momentum * m + g
        step = lr * self._orthogonal(g + self.momentum * m if self.nesterov else m)
        if self.rms_rate is not None:
            step = step * max(w.shape) ** 0.5 * self.rms_rate
        return w - step, m

    def _orthogonal(self, x: Any) -> Any:
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x  # the smaller of both products
        x = x / (jnp.linalg.norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            a = x @ x.T
            x = self.muon_a * x + (self.muon_b * a + self.muon_c * a @ a) @ x
        return x.T if tall else x
