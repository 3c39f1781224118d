"""Bidirectional with constants, and StackedRNNCells, as in programs for Keras 2."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from gazelle.compat import era
from gazelle.compat.layers import recurrent_inputs
from gazelle.compat.mixins.sequences import set_mode
from gazelle.compat.types import Option, TensorResult
from gazelle.core.types import Array


class BidirectionalMixin:
    """Bidirectional, which passed constants to both layers, and in the package `keras` did not zero masked steps."""

    further_arguments = ("num_constants",)
    num_constants = 0

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        kwargs = dict(kwargs)
        constants = kwargs.pop("num_constants", None) or 0
        super()._init_core(core, args, kwargs, by_gazelle)
        vars(self)["num_constants"] = constants
        given = args[0] if args else kwargs.get("layer")
        if getattr(given, "time_major", False):
            vars(self)["_time_axis"] = 0
        if era.is_package_before_keras_3():  # masked steps repeat the last output, as in other recurrent layers
            for layer in (self.forward_layer, self.backward_layer):
                layer.zero_output_for_mask = False
                layer.activity_regularizer = None  # the wrapper applied it, to its own output
            self.activity_regularizer = given.activity_regularizer
        if "consume_less" in vars(given):  # both layers are made from its config
            for layer in (self.forward_layer, self.backward_layer):
                set_mode(layer, vars(given)["consume_less"])

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, with the number of constants if there are some."""
        by_gazelle = era.called_by_gazelle(1)
        config: dict[str, Any] = self._config_of_era(super().get_config(), by_gazelle)
        by_program = self.num_constants and not by_gazelle
        return {**config, "num_constants": self.num_constants} if by_program else config

    def __call__(self, *args: Any, **kwargs: Any) -> TensorResult:
        args, kwargs = recurrent_inputs.split(args, kwargs, self.num_constants)
        if args and isinstance(args[0], list | tuple) and era.number() < 3:
            (first, *states), rest = args[0], args[1:]
            args, kwargs = (first, *rest), {"initial_state": states or None, **kwargs}
        return super().__call__(*args, **kwargs)

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        if kwargs.get("constants") is not None:
            shapes = [tuple(one.shape) for one in recurrent_inputs.listed(kwargs["constants"])]
            vars(self)["num_constants"] = len(shapes)
            for layer in (self.forward_layer, self.backward_layer):
                layer._receive_constants(shapes)
        super()._ensure_built(args, kwargs)

    def call(
        self,
        sequences: Array,
        initial_state: Sequence[Array] | Array | None = None,
        mask: Array | Sequence[Array] | None = None,
        training: bool = False,
        constants: Sequence[Array] | Array | None = None,
    ) -> Array | tuple[Array, ...]:
        with contextlib.ExitStack() as stack:
            if constants is not None:
                for layer in (self.forward_layer, self.backward_layer):
                    stack.enter_context(recurrent_inputs.given_constants(layer, constants))
            return super().call(sequences, initial_state, mask, training)


class StackedMixin:
    """StackedRNNCells, whose states may be in the reverse order of the cells."""

    reverse_state_order = False

    @property
    def state_size(self) -> Sequence[Option]:
        """The size of the state of each cell; for programs for the package Keras 2 all sizes in one tuple."""
        sizes: list[Any] = super().state_size
        return (
            sizes
            if era.called_by_gazelle(1) or not recurrent_inputs.in_one_list(self)
            else tuple(recurrent_inputs.flat(self, sizes))
        )

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        kwargs = dict(kwargs)
        reverse = bool(kwargs.pop("reverse_state_order", False))
        super()._init_core(core, args, kwargs, by_gazelle)
        if reverse:
            vars(self)["reverse_state_order"] = True

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, with `reverse_state_order` if it is true."""
        config: dict[str, Any] = self._config_of_era(super().get_config(), era.called_by_gazelle(1))
        return {**config, "reverse_state_order": True} if self.reverse_state_order else config
