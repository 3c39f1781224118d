"""The words of Keras 1, Keras 2 and tf.keras in the words of today. Without this room gazelle runs as it is.

In: what a program of an earlier era wrote: arguments, names, paths, attributes. Out: the same in today's words, or what
stood under that name then. Must not know: how anything is computed or trained.

The functions here are what `gazelle.core.era.ask` asks; each gives NOTHING where it has no answer. What they need is
imported when the first old word is met: this file must load while other rooms are still loading.
"""

from __future__ import annotations

import importlib
from typing import Any

from gazelle.core.era import NOTHING

#: attributes of models, layers and optimizers that have another name today, or none
ATTRIBUTES = frozenset(
    (
        "U",
        "W",
        "W_constraint",
        "W_regularizer",
        "_inbound_nodes",
        "_keras_shape",
        "_make_predict_function",
        "_make_test_function",
        "_make_train_function",
        "_outbound_nodes",
        "add_update",
        "atrous_rate",
        "b",
        "b_constraint",
        "b_regularizer",
        "batch_input_shape",
        "bias_init",
        "border_mode",
        "decay",
        "dim_ordering",
        "eval",
        "evaluate_generator",
        "filter_length",
        "fit_generator",
        "flattened_layers",
        "forget_bias_init",
        "get_gradients",
        "get_input",
        "get_input_at",
        "get_input_shape_at",
        "get_output",
        "get_output_at",
        "get_output_shape_at",
        "get_shape",
        "get_updates",
        "get_value",
        "get_weights",
        "inbound_nodes",
        "init",
        "inner_activation",
        "inner_init",
        "input",
        "input_names",
        "input_shape",
        "lr",
        "make_predict_function",
        "metrics_tensors",
        "model",
        "nb_col",
        "nb_filter",
        "nb_row",
        "outbound_nodes",
        "output",
        "output_dim",
        "output_names",
        "output_shape",
        "p",
        "pool_length",
        "predict_classes",
        "predict_generator",
        "predict_proba",
        "reset_state",
        "reset_states",
        "running_mean",
        "running_std",
        "sample_weights",
        "set_value",
        "sigma",
        "state_updates",
        "stride",
        "subsample",
        "subsample_length",
        "targets",
        "theta",
        "to_yaml",
        "total_loss",
        "train_function",
        "updates",
        "uses_learning_phase",
        "weights",
    )
)
_PARTS = {
    "arguments": "arguments",
    "assign": "attributes",
    "called": "attributes",
    "explained": "rewrite",
    "classes": "old_names",
    "layers": "attributes",
    "look": "detect",
    "module": "module_paths",
    "name": "old_names",
    "joined_mask": "masks",
    "merged_mask": "masks",
    "metrics_names": "reports",
    "names": "old_names",
    "package": "package",
    "reduction": "losses",
    "run": "events",
    "upgraded": "rewrite",
}


def attribute(thing: Any, name: str) -> Any:
    """What `thing.name` was, for a thing that has no such attribute today."""
    if name not in ATTRIBUTES:
        return NOTHING
    from gazelle.compat import attributes

    return attributes.attribute(thing, name)


def answer(question: str, *about: Any) -> Any:
    """The answer to any other question: "arguments", "assign", "layers", "module", "name", "names"."""
    part = importlib.import_module(f"gazelle.compat.{_PARTS[question]}")
    return getattr(part, question)(*about)
