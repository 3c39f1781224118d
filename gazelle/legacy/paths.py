"""Modules that Keras had once, and what stands for them now."""

from __future__ import annotations

from gazelle.core.era import NOTHING

#: path behind `keras.` -> the module of gazelle that is given for it
PATHS: dict[str, str] = {
    **{f"layers.{part}": "gazelle.layers" for part in (
        "core", "convolutional", "pooling", "recurrent", "embeddings", "normalization", "advanced_activations",
        "wrappers", "noise", "merge", "convolutional_recurrent", "local", "cudnn_recurrent", "containers", "base",
    )},
}  # fmt: skip


def module(path: str) -> str:
    """The name of the module that stands for `keras.<path>`, which is not one of today's; NOTHING: look there."""
    return PATHS.get(path, NOTHING)
