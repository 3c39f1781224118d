"""In what dtype a layer computes and reads its weights, and whether its gradient computes it once more."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes, policies, remat, symbolic
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.operation import Operation
from gazelle.core.policies import DTypePolicy, DTypePolicyMap
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable


class Precise(Operation, abstract=True):
    """The part of a layer that knows its dtype policy and the `RematScope` it was made in."""

    autocast = True  # False in classes that bring floats to their dtype themselves
    activation: Any  # of layers that have one
    path: str | None = None  # names of the layers around it and its own, from its first build on

    def _set_precision(self, dtype: Any, autocast: bool) -> None:
        self._dtype_policy = policies.get(dtype)
        self.autocast = bool(autocast) and type(self).autocast
        self._remat = remat.current()

    @property
    def dtype_policy(self) -> Any:
        """What the layer computes in and keeps its weights in; weights that are there keep theirs when it is set."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        if isinstance(self._dtype_policy, DTypePolicyMap) and self.path:
            self._dtype_policy.pop(self.path, None)
            self._dtype_policy[self.path] = value
        else:
            self._dtype_policy = policies.get(value)

    @property
    def _policy(self) -> DTypePolicy:
        policy = self._dtype_policy
        return policy[self.path] if isinstance(policy, DTypePolicyMap) and self.path else policy

    @property
    def quantization_mode(self) -> str | None:
        return self._policy.quantization_mode

    @property
    def compute_dtype(self) -> str:
        return self._policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        return self.compute_dtype

    @property
    def dtype(self) -> str:
        return self._policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        return self._policy.variable_dtype

    def _to_array(self, leaf: Any) -> Any:
        """NumPy and Python data as arrays; floats in the dtype that the layer computes in."""
        if isinstance(leaf, (KerasTensor, jax.Array)):
            cast = self.autocast and isinstance(leaf, jax.Array) and leaf.dtype != self.input_dtype
            if not cast or not dtypes.is_float(leaf.dtype):
                return leaf
            out = leaf.astype(self.input_dtype)
            set_mask(out, get_mask(leaf))
            return out
        if isinstance(leaf, Variable):
            return leaf.value
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind not in "USO":  # strings stay on the host
            return jnp.asarray(leaf, self.input_dtype if self.autocast and dtypes.is_float(leaf.dtype) else None)
        return leaf

    def _reading(self, outer: str | None) -> str | None:
        """The dtype that float variables are read in inside `call`, None for their own; outer: of the layer around."""
        compute = self.compute_dtype
        if outer is None:
            return compute if compute != self.variable_dtype else None
        return compute if self.autocast and dtypes.is_float(compute) else None

    def rematerialized_call(self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """`layer_call` as the layer's `RematScope` wants it; args, kwargs: what it will be given."""
        mode = self._remat
        if mode is None:
            return layer_call
        if mode.mode == "activations":
            return self._activated_again(layer_call) if callable(getattr(self, "activation", None)) else layer_call
        wanted = mode.applies(self.name, lambda: self._output_size(args, kwargs))
        return remat.remat(layer_call) if wanted else layer_call

    def _activated_again(self, layer_call: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            plain = self.activation
            self.activation = remat.remat(plain)
            try:
                return layer_call(*args, **kwargs)
            finally:
                self.activation = plain

        return call

    def _output_size(self, args: Any, kwargs: Any) -> int:
        outputs = symbolic.output_spec(self.call, args, kwargs, name=self.name)
        return sum(math.prod(n or 1 for n in leaf.shape) for leaf in symbolic.leaves(outputs))
