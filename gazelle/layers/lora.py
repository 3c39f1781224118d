"""LoRA: a weight that stays as it is, and a product of two thin matrices that is trained beside it."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import initializers
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer

#: how Keras' files order what a layer with whole numbers keeps; %s is the main weight
_ORDER = ("%s", "bias", "%s_scale", "%s_zero", "g_idx", "reverse_%s", "reverse_%s_scale", "reverse_%s_zero")


class EffectiveWeight:
    """The main weight as an attribute: the variable itself, or the array that its layer makes of it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        if self.name not in layer.__dict__:
            raise AttributeError(f"{layer._label} has no {self.name} before it is built")
        return layer.effective_weight()

    def __set__(self, layer: Any, value: Any) -> None:
        layer.__dict__[self.name] = value


class LowRankAdapter(Layer, abstract=True):
    r"""A layer whose main weight W takes a correction of low rank:  W + (alpha / rank) A B.

    W (..., out), not trained any more · A (..., rank) · B (rank, out)

    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models (ICLR 2022).
    """

    main = "kernel"  # the attribute that holds W
    lora_enabled = False
    lora_rank: int | None
    lora_alpha: float | None

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """From now on train A and B in the place of W. Compile the model after it.

        Args:
            rank: number of columns of A.
            lora_alpha: factor of the correction, times rank; None is rank.
            a_initializer, b_initializer: first values of A and B; with B of zeros the layer starts as it is.

        Raises:
            StateError: the layer is not built, or has a correction already. ArgumentError: its W has a constraint.
        """
        what = f"enable_lora of {self._label}"
        if not self.built:
            raise StateError(message(f"{what}, which is not built", hint="Call it on data or give input_shape."))
        if self.lora_enabled:
            raise StateError(message(what, expected="a layer without a correction", got="a second call"))
        self._add_lora(rank, lora_alpha, a_initializer, b_initializer)

    def _add_lora(
        self, rank: int, alpha: float | None = None, a_initializer: Any = "he_uniform", b_initializer: Any = "zeros"
    ) -> None:
        if not isinstance(rank, int) or rank < 1:
            raise ArgumentError(message(f"rank of {self._label}", expected="a whole number from 1 on", got=repr(rank)))
        if getattr(self, f"{self.main}_constraint") is not None:
            raise ArgumentError(
                message(
                    f"enable_lora of {self._label}",
                    expected=f"no {self.main}_constraint",
                    got="one, which the correction would escape",
                )
            )
        shape = self._main_shape()
        words = {"dtype": "float32", "regularizer": getattr(self, f"{self.main}_regularizer")}
        words["autocast"] = self.autocast
        for name, size, initializer in (
            ("a", (*shape[:-1], rank), a_initializer),
            ("b", (rank, shape[-1]), b_initializer),
        ):
            name = f"lora_{self.main}_{name}"
            setattr(self, name, self.add_weight(name, size, initializers.get(initializer), **words))
        self.__dict__[self.main].trainable = False
        self.lora_enabled, self.lora_rank, self.lora_alpha = True, rank, rank if alpha is None else alpha

    def start_lora(self) -> None:
        """At the end of `build`: the correction that the constructor was asked for."""
        if self.lora_rank is not None:
            self._add_lora(self.lora_rank, self.lora_alpha)

    def _main_shape(self) -> tuple[int, ...]:
        return self.__dict__[self.main].shape

    @property
    def thin(self) -> tuple[Any, Any, float]:
        """A, B and alpha / rank."""
        a, b = (getattr(self, f"lora_{self.main}_{name}").value for name in "ab")
        assert self.lora_alpha is not None
        assert self.lora_rank is not None
        return a, b, self.lora_alpha / self.lora_rank

    def matrix(self) -> Any:
        """W with its correction, as an array."""
        w = self.__dict__[self.main].value
        if not self.lora_enabled:
            return w
        a, b, fraction = self.thin
        return (w + fraction * (a @ b)).astype(self.compute_dtype)

    def effective_weight(self) -> Any:
        return self.matrix() if self.lora_enabled else self.__dict__[self.main]

    def merged(self) -> dict[str, Any]:
        """{name of a weight: array} with the correction in it: what files hold."""
        return {self.main: self.matrix()}

    def _own_weights(self) -> list[Variable]:
        own = super()._own_weights()
        order = [name % self.main if "%" in name else name for name in _ORDER]
        if not all(v.trainable for v in own if v.name in order):  # as Keras' layers have it, whatever is trained
            own.sort(key=lambda v: order.index(v.name) if v.name in order else len(order))
        if not self.lora_enabled:
            return own
        kept = [v for v in own if not v.name.startswith(f"lora_{self.main}_")]
        names = self.merged() if self.built else {}
        return [_Merged(self, v) if v.name in names else v for v in kept]  # type: ignore[misc]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        tuned = config.get("lora_rank") is not None
        return {k: v for k, v in config.items() if tuned or k not in ("lora_rank", "lora_alpha")}


class _Merged:
    """A weight as files hold it: read with the correction in it; what is assigned takes the correction's place."""

    def __init__(self, layer: LowRankAdapter, variable: Variable) -> None:
        self._layer, self._variable = layer, variable
        self.name, self.path, self.shape, self.dtype = variable.name, variable.path, variable.shape, variable.dtype

    def numpy(self) -> np.ndarray[Any, Any]:
        return np.asarray(jnp.asarray(self._layer.merged()[self.name], self.dtype))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def assign(self, value: Any) -> None:
        b = getattr(self._layer, f"lora_{self._layer.main}_b")
        b.assign(jnp.zeros(b.shape, b.dtype))  # A stays: where both were 0, no training would ever move them
        self._variable.assign(value)
