"""Whether a program builds a graph of TensorFlow 1 or computes values at once.

A graph is what `keras.backend` has: symbolic tensors that are connected with their inputs, and variables that they read
when a session runs. It is used from the first call that only TensorFlow 1 had.
"""

from __future__ import annotations

from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import open_dependencies
from gazelle.compat.backend.lifting import GraphVariable
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.mixins.variables import SymbolicTensor
from gazelle.compat.old_variable import TensorShape, UnknownSize
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow import names, names_of_1
from gazelle.compat.tensorflow.eager.recording import in_graph
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.core.symbolic import KerasTensor

_active = False
_eager = False


def build_graphs(*_: Any, **__: Any) -> None:
    """From now on variables belong to graphs, unless the program has enabled eager execution."""
    if not _eager:
        enter()


def enter() -> None:
    """From now on variables belong to graphs, and what a program computes with weights of layers does, too."""
    global _active
    _active = True
    TensorShape.unknown = UnknownSize()
    KerasTensor.derived = SymbolicTensor  # of operations without inputs, such as random numbers
    names.on_name = scopes.remember
    if recorder.get() is None:
        recorder.set(GraphVariable)


def leave() -> None:
    """Compute values at once again, after the `with` block of a graph in a program for TensorFlow 2."""
    global _active
    _active = False
    KerasTensor.derived, names.on_name, TensorShape.unknown = KerasTensor, None, None
    recorder.set(None)


def active() -> bool:
    """Whether variables belong to graphs."""
    return _active


@named(
    "enable_eager_execution",
    "compat.v1.enable_eager_execution",
    "enable_v2_behavior",
    "compat.v1.enable_v2_behavior",
)
@ignores("config device_policy execution_mode")
def enable_eager_execution() -> None:
    """`tf.enable_eager_execution`: functions of TensorFlow 1 compute values at once."""
    global _eager
    _eager = True
    leave()  # a module of the program that does not show it may have been imported before


def enabled_eager() -> bool:
    """Whether a program for TensorFlow 1 computes values at once, outside of functions and graphs."""
    return _eager


def eager() -> bool:
    """Whether a program for TensorFlow 1 computes values at once here."""
    return _eager and not (_active or in_graph())


scopes.is_eager = eager


def close() -> None:
    """Record nothing in graphs any more; another program begins as if there was none."""
    global _eager
    _eager = False
    leave()


def reset(*_: Any, **__: Any) -> None:
    """`tf.reset_default_graph`: forget the names of variables, and the summaries."""
    scopes.reset()


@named("disable_eager_execution", "disable_v2_behavior")
def disable_eager_execution() -> None:
    """`tf.disable_eager_execution`: build graphs."""
    global _eager
    _eager = False
    enter()


named("reset_default_graph")(reset)
named("executing_eagerly_outside_functions")(lambda: not _active)
named("executing_eagerly")(lambda: not (_active or in_graph()))
named("no_op")(lambda name=None: Operations(open_dependencies()) if _active or names_of_1.active() else None)
named("inside_function")(in_graph)
