"""A model's layers as TensorBoard's Keras graph: its config, under the name of the graph's plugin."""

from __future__ import annotations

from typing import Any

from gazelle.core.errors import GazelleError


def write_graph(writer: Any, model: Any) -> bool:
    """Add the config of a Functional or Sequential model to the event file; False for models without one."""
    from tensorboardX.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

    if type(model).__name__ not in ("Functional", "Sequential", "Model"):
        return False
    try:
        words = model.to_json()
    except (GazelleError, NotImplementedError, TypeError):
        return False  # made of functions that no config can hold: its graph cannot be shown
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING, string_val=[words.encode()], tensor_shape=tensor_shape_pb2.TensorShapeProto()
    )
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin)
    value = summary_pb2.Summary.Value(tag="keras", metadata=metadata, tensor=tensor)
    writer.file_writer.add_summary(summary_pb2.Summary(value=[value]), 0)
    return True
