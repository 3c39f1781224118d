"""Placeholders without a shape: their rank is guessed where the first operation takes them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import jax

from gazelle.core import shape_inference
from gazelle.core.shape_inference import output_spec
from gazelle.core.symbolic import KerasTensor, is_symbolic, map_tree, symbolic_leaves
from gazelle.core.types import Symbolic

_RANKS = (2, 1, 3, 4)  # most are matrices


def forget_rank(tensor: KerasTensor) -> None:
    """Take the shape of a tensor, and of what is computed from it, for a guess."""
    vars(tensor)["rank_is_guessed"] = True
    shape_inference.infer = _infer


def _is_guessed(leaf: object) -> bool:
    return is_symbolic(leaf) and "rank_is_guessed" in vars(leaf)


def _infer(function: Callable[..., Any], args: Any, kwargs: Any, name: str) -> Symbolic:
    """The outputs of a call; where it fails, with other ranks for tensors whose rank is a guess."""
    if not any(map(_is_guessed, symbolic_leaves((args, kwargs)))):
        return output_spec(function, args, kwargs, name)
    try:
        outputs = output_spec(function, args, kwargs, name)
    except (TypeError, ValueError, IndexError):
        for rank in _RANKS:
            with contextlib.suppress(TypeError, ValueError, IndexError):
                more_args, more_kwargs = map_tree(functools.partial(_of_rank, rank), (args, kwargs))
                outputs = output_spec(function, more_args, more_kwargs, name)
                break
        else:
            raise
    for tensor in jax.tree.leaves(outputs, is_leaf=is_symbolic):
        vars(tensor)["rank_is_guessed"] = True
    return outputs


def _of_rank(rank: int, leaf: Any) -> Any:
    return KerasTensor((None,) * rank, leaf.dtype, name=leaf.name) if _is_guessed(leaf) else leaf
