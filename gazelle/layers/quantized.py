"""Layers whose weights can be kept in whole numbers of 8 or 4 bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core import policies
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.layers.dtype_handling import Precise
from gazelle.layers.lora import LowRankAdapter
from gazelle.quantizers.absmax import AbsMaxQuantizer
from gazelle.quantizers.configs import Int4QuantizationConfig, QuantizationConfig, config_for
from gazelle.quantizers.layout import QuantizedLayout, straight_through


class Quantizable(LowRankAdapter, abstract=True):
    """A layer that keeps its weights in floats, or in whole numbers where its dtype policy says so.

    A weight w in whole numbers is the variables w, w_scale and, with blocks of rows, w_zero; `g_idx` says which row is
    in which block. They are not trained; a correction of low rank (`enable_lora`) is.
    """

    is_quantizable = True
    quantization_config: QuantizationConfig | None
    _quantizes_inputs: tuple[str, ...] = ("int8",)  # in these modes, where no config says otherwise

    # What an author writes -------------------------------------------------------------------------------------------

    def add_matrix(self, name: str, form: QuantizedLayout, initializer: Any = None, **words: Any) -> Any:
        """`add_weight(name, form.shape)`, in whole numbers where the policy says so."""
        self.__dict__.setdefault("_forms", {})[name] = form
        if self.quantization_mode is None:
            return self.add_weight(name, form.shape, initializer, **words)
        self._make_whole(name, form)
        return self.__dict__[name]

    def product(
        self,
        x: Any,
        times: Callable[..., Any],
        name: str | None = None,
        *,
        axes: Any = -1,
        align: Callable[[Any], Any] = lambda scale: scale,
        thin: bool = True,
    ) -> Any:
        """times(x, W), for a function that is linear in x and in W.

        Args:
            times: takes `preferred_element_type`, as `jnp.matmul` and `jnp.einsum` do.
            name: of W, the main weight by default.
            axes: those of x that the product sums over.
            align: brings scales of x to where the product has these axes.
            thin: whether times(x, A B) is times(x, A) @ B.
        """
        name = name or self.main
        mode = self.quantization_mode
        if mode is None:
            return times(x, self.matrix() if name == self.main else self.__dict__[name].value)
        w = self.floats(name)
        y = times(x, w)
        if self.inputs_quantizer is not None:
            q, scale = self.inputs_quantizer(x, axis=axes)
            scale = align(scale)
            if mode == "int8":
                y_whole = times(q, self.__dict__[name].value, preferred_element_type=jnp.int32).astype(y.dtype)
                scale = scale * getattr(self, f"{name}_scale").value
            else:
                y_whole = times(q.astype(w.dtype), w)
            y = straight_through(y_whole / scale, y)
        if self.lora_enabled and name == self.main:
            a, b, fraction = self.thin
            y = y + fraction * (times(x, a) @ b if thin else times(x, a @ b))
        return y.astype(self.compute_dtype)

    def floats(self, name: str) -> Any:
        """The weight `name`, as near as its whole numbers tell."""
        form = self._forms[name]
        return form.dequantize(self.kept(name), self.quantization_mode, self.groups, self.compute_dtype)

    def kept(self, name: str) -> dict[str, Any]:
        """{ending of the name: array} of a weight in whole numbers."""
        found = {end: self.__dict__.get(f"{name}{end}") for end in ("", "_scale", "_zero")}
        return {end: v.value for end, v in found.items() if v is not None}

    @property
    def groups(self) -> Any:
        """The block of each row; None where a column has one scale."""
        return self.g_idx.value.astype("int32") if "g_idx" in self.__dict__ else None

    @property
    def inputs_quantizer(self) -> Any:
        """What brings inputs to whole numbers; None where they stay as they are."""
        if self.quantization_config is not None:
            return self.quantization_config.activation_quantizer
        return AbsMaxQuantizer() if self.quantization_mode in self._quantizes_inputs else None

    # What a user calls -----------------------------------------------------------------------------------------------

    def quantize(self, mode: str | None = None, config: Any = None, type_check: bool = True) -> None:
        """Keep the weights in whole numbers from now on, and compute with them.

        Args:
            mode: "int8": a scale for each column, inputs of 8 bits too. "int4": a scale and a zero for each 128 rows.
            config: an `Int8QuantizationConfig` or `Int4QuantizationConfig` in the place of `mode`.
            type_check: False also quantizes classes that inherit from the layer.

        Raises:
            StateError: the layer is not built, or quantized already. ArgumentError: a way that gazelle leaves out.

        >>> layer = gazelle.layers.Dense(2)
        >>> layer.build((None, 3))
        >>> layer.quantize("int8")
        >>> layer.kernel.dtype, layer.dtype_policy.name
        ('int8', 'int8_from_float32')
        """
        config = config_for(mode, config)
        self._check_quantizing(config, type_check)
        arrays = {name: form.quantize(self.__dict__[name].numpy(), config) for name, form in self._forms.items()}
        size = f"/{config.rows or -1}" if isinstance(config, Int4QuantizationConfig) else ""
        self.quantization_config = config
        if self.dtype_policy.quantization_mode is None:
            Precise.dtype_policy.fset(self, f"{config.mode}{size}_from_{self._policy.name}")  # type: ignore[attr-defined]
        for name, form in self._forms.items():
            self._make_whole(name, form)
            for end, array in arrays[name].items():
                self.__dict__[f"{name}{end}"].assign(array)

    def _check_quantizing(self, config: QuantizationConfig, type_check: bool) -> None:
        what = f"quantize of {self._label}"
        if not self.built:
            raise StateError(message(f"{what}, which is not built", hint="Call it on data or give input_shape."))
        if self.is_whole:
            raise StateError(message(what, expected="weights in floats", got=f"a layer of {self._policy.name}"))
        if self.lora_enabled:
            raise StateError(message(what, expected="quantize before enable_lora", got="a correction that is trained"))
        if config.mode == "int8" and self.compute_dtype == "float16":
            raise ArgumentError(message(what, expected="computation in float32 or bfloat16", got="float16"))
        if type_check and not type(self).__module__.startswith("gazelle."):
            raise ArgumentError(
                message(
                    what,
                    expected="a layer of gazelle",
                    got=f"the class {type(self).__name__}",
                    hint="quantize(..., type_check=False) takes it as the layer that it inherits from.",
                )
            )

    @property
    def is_whole(self) -> bool:
        """Whether the weights are in whole numbers."""
        return f"{self.main}_scale" in self.__dict__

    @property
    def dtype_policy(self) -> Any:
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        wanted = policies.get(value).quantization_mode
        if self.built and self.is_whole and wanted != self.quantization_mode:
            raise StateError(
                message(
                    f"dtype_policy of {self._label}",
                    expected=self._policy.name,
                    got=repr(value),
                    hint="What was rounded stays rounded: build the layer anew.",
                )
            )
        Precise.dtype_policy.fset(self, value)  # type: ignore[attr-defined]
        if wanted is not None and self.built and not self.is_whole:
            self.quantize(wanted, config=self._policy_config(), type_check=False)

    # Inside ----------------------------------------------------------------------------------------------------------

    def _policy_config(self) -> QuantizationConfig | None:
        """What a policy says beyond its mode."""
        if self.quantization_mode != "int4":
            return None
        return Int4QuantizationConfig(block_size=getattr(self._policy, "block_size", None))

    def _make_whole(self, name: str, form: QuantizedLayout) -> None:
        mode = self.quantization_mode
        assert mode is not None
        config = self.quantization_config or self._policy_config()
        block = config.rows if isinstance(config, Int4QuantizationConfig) else None
        for end, shape in form.shapes(mode, block).items():
            words = {"": ("zeros", "int8"), "_scale": ("ones", None), "_zero": ("zeros", "int8")}
            initializer, dtype = words[end]
            self.__dict__[f"{name}{end}"] = self.add_weight(f"{name}{end}", shape, initializer, dtype, trainable=False)
        if block is not None and "g_idx" not in self.__dict__:
            groups = np.arange(form.rows, dtype="float32") // block
            self.g_idx = self.add_weight(
                "g_idx", (form.rows,), lambda shape, dtype: groups, "float32", trainable=False, autocast=False
            )

    def _main_shape(self) -> tuple[int, ...]:
        return self._forms[self.main].shape

    def effective_weight(self) -> Any:
        if not self.is_whole:
            return super().effective_weight()
        variable = self.__dict__[self.main]
        mode = self.quantization_mode
        assert mode is not None
        return variable if mode == "int8" else self._forms[self.main].integers(variable.value, mode)

    def merged(self) -> dict[str, Any]:
        if not self.is_whole:
            return super().merged()
        a, b, fraction = self.thin
        config = self.quantization_config or self._policy_config() or config_for(self.quantization_mode, None)
        arrays = self._forms[self.main].quantize(self.floats(self.main) + fraction * (a @ b), config)
        return {f"{self.main}{end}": array for end, array in arrays.items()}
