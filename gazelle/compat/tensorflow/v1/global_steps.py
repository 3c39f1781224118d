"""The variable for the number of updates, and first values of variables from checkpoints, in TensorFlow 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.compat.tensorflow import variable_names
from gazelle.compat.tensorflow.adapter import all_variables
from gazelle.compat.tensorflow.checkpoint_files import CheckpointReader
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.graph_variables import set_first_value
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import Option, PathLike, TensorLike
from gazelle.core.variable import Variable


@named("train.init_from_checkpoint")
def init_from_checkpoint(ckpt_dir_or_file: PathLike | TensorLike, assignment_map: Mapping[str, Any]) -> None:
    """`tf.train.init_from_checkpoint`: set the first values of variables from a checkpoint, by name or by scope."""
    reader = CheckpointReader(ckpt_dir_or_file)
    for stored, target in assignment_map.items():
        if not isinstance(target, str):
            set_first_value(target, reader.get_tensor(stored))
            continue
        start, prefix = ("" if name == "/" else name for name in (target, stored))
        for variable in list(all_variables.values()):
            name = variable_names.without_output(variable)
            if name == target or ((start.endswith("/") or not start) and name.startswith(start)):
                set_first_value(variable, reader.get_tensor(prefix + name.removeprefix(start)))


@named("train.get_or_create_global_step", "train.get_global_step", "train.create_global_step")
def global_step(graph: object = None) -> TensorFlowVariable:
    """`tf.train.get_or_create_global_step`: a variable for the number of updates, which `minimize` may increase."""
    known = scopes.get_collection_ref(scopes.GraphKeys.GLOBAL_STEP)
    if not known:
        made = scopes.variable_of("global_step")  # that of the program
        known.append(made or TensorFlowVariable(0, trainable=False, dtype="int64", name="global_step"))
    return known[0]


@named("train.global_step")
def value_of_global_step(sess: Option, global_step_tensor: Variable) -> int:
    """`tf.train.global_step`: the value of the variable in a session."""
    return int(sess.run(global_step_tensor))
