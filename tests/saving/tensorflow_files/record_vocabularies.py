"""Write vocabularies.zip: SavedModels of layers that were adapted, and what they return.

python record_vocabularies.py NAME with tensorflow 2.4 and 2.15, whose layout differs; each adds the folder NAME. Of
saved_model.pb only the objects and the constants are left, since gazelle reads nothing else.
"""

import os
import pathlib
import sys
import tempfile
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

L = tf.keras.layers
TARGET = pathlib.Path(__file__).with_name("vocabularies.zip")
INPUTS = [np.array([["a"], ["z"], ["c"]]), np.array([["a z"], ["d c"], ["b"]]), np.array([[3], [1], [7]])]


def layer(name):
    return getattr(L, name, None) or getattr(L.experimental.preprocessing, name)


def model():
    data = {
        "StringLookup": np.array([["a"], ["b"], ["b"], ["c"]]),
        "TextVectorization": np.array(["a b c", "b c d", "c a"]),
        "IntegerLookup": np.array([[3], [5], [5], [1]]),
    }
    inputs, outputs = [], []
    for name, rows in data.items():
        lookup = layer(name)()
        lookup.adapt(rows)
        inputs.append(tf.keras.Input((1,), dtype="int64" if name == "IntegerLookup" else "string"))
        outputs.append(lookup(inputs[-1]))
    return tf.keras.Model(inputs, outputs)


def strip(path):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(path.read_bytes())
    graph = saved.meta_graphs[0]
    constants = [node for node in graph.graph_def.node if node.op == "Const"]
    functions = {name: list(f.bound_inputs) for name, f in graph.object_graph_def.concrete_functions.items()}
    graph.graph_def.Clear()
    graph.graph_def.node.extend(constants)
    graph.object_graph_def.concrete_functions.clear()
    for name, inputs in functions.items():
        if inputs:
            graph.object_graph_def.concrete_functions[name].bound_inputs.extend(inputs)
    for field in ("meta_info_def", "saver_def", "signature_def"):
        graph.ClearField(field)
    path.write_bytes(saved.SerializeToString())


def main(name):
    with tempfile.TemporaryDirectory() as root:
        folder = pathlib.Path(root) / name
        made = model()
        made.save(folder)
        strip(folder / "saved_model.pb")
        found = made.predict([x.astype(object) if x.dtype.kind == "U" else x for x in INPUTS])
        np.savez(folder / "predictions.npz", *found)
        with zipfile.ZipFile(TARGET, "a", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "fingerprint.pb"):
                archive.write(path, path.relative_to(root))


if __name__ == "__main__":
    main(sys.argv[1])
