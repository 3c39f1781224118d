"""`tf.train.import_meta_graph` of graphs that the same process wrote: their tensors are in the default graph again.

A graph consists of Python functions, which a file cannot contain. A file `.meta` states that; the graph itself is kept.
"""

from __future__ import annotations

import os
import pathlib
from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import graphs, scopes
from gazelle.compat.types import Option, PathLike
from gazelle.core.errors import ArgumentError, message

_TEXT = "A graph of TensorFlow 1 in gazelle: Python functions, which only the process that wrote this file has.\n"
#: file -> the tables of the graph, and the variables that the saver restores
_written: dict[str, tuple[scopes.State, Any]] = {}


def write(path: PathLike, variables: Option) -> None:
    """Write a file `.meta`, and keep the default graph."""
    file = os.path.abspath(text(path))
    pathlib.Path(file).write_text(_TEXT, encoding="utf-8")
    _written[file] = scopes.copied(), variables


def remove(path: PathLike) -> None:
    """Remove a file `.meta` and its graph."""
    file = os.path.abspath(text(path))
    _written.pop(file, None)
    pathlib.Path(file).unlink(missing_ok=True)


@named("train.export_meta_graph")
@ignores(
    "meta_info_def graph_def saver_def collection_list as_text graph export_scope=None clear_devices"
    " clear_extraneous_savers strip_default_attrs save_debug_info"
)
def export_meta_graph(filename: PathLike | None = None) -> None:
    """`tf.train.export_meta_graph`: keep the default graph under the name of a file."""
    if filename is not None:
        write(filename, None)


@named("train.import_meta_graph")
@ignores("clear_devices import_scope=None")
def import_meta_graph(meta_graph_or_file: PathLike) -> Option:
    """`tf.train.import_meta_graph`: put the tensors and variables of a graph into the default one; returns its saver.

    Raises:
        ValueError: Another process, or TensorFlow, wrote the file.
    """
    from gazelle.compat.tensorflow.v1.sessions import Saver  # which imports this module

    path = text(meta_graph_or_file)
    if os.path.abspath(path) not in _written:
        if not os.path.exists(path):
            raise OSError(f"File {path} does not exist.")
        hint = "Build the graph again, then read its variables with tf.train.Saver().restore(session, path)."
        expected = "a graph that this process wrote"
        raise ArgumentError(message(f"tf.train.import_meta_graph({path!r})", expected=expected, hint=hint))
    state, variables = _written[os.path.abspath(path)]
    graphs.build_graphs()
    scopes.add_copied(state)
    return Saver(variables)
