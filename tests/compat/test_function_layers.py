"""Functions of TensorFlow in files of tf.keras 2; values of TensorFlow 2.15."""

import json

import numpy as np
import pytest

from gazelle.core.errors import GazelleError

X = np.array([[0.5, -1.0, 2.0, 0.25]], "float32")
#: name: function, the arguments as tf.keras 2 writes them, the value
CASES = {
    "sort": ("sort", {"axis": -1, "direction": "DESCENDING"}, [[2, 0.5, 0.25, -1]]),
    "cumsum": ("math.cumsum", {"axis": 1, "exclusive": True, "reverse": True}, [[1.25, 2.25, 0.25, 0]]),
    "top_k": ("math.top_k", {"k": 2}, [[2, 0.5]]),
    "split": ("split", {"num_or_size_splits": [1, 3], "axis": 1}, [[0.5]]),
    "band": ("linalg.diag", {}, [np.diag(X[0])]),
    "slice": ("slice", {"begin": [0, 1], "size": [-1, 2]}, [[-1, 2]]),
    "clip": ("clip_by_norm", {"clip_norm": 1.0, "axes": [1]}, X / np.linalg.norm(X)),
    "pad": ("compat.v1.pad", {"paddings": [[0, 0], [1, 0]], "mode": "CONSTANT", "constant_values": 7.0}, [[7, *X[0]]]),
    "reshape": ("reshape", {"shape": [["start", 0, 0], 2, 2]}, X.reshape(1, 2, 2)),
}


def _layer(name, function, call, kind="TFOpLambda"):
    config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": [call]}


def _model(tf, function, arguments):
    """A model read from JSON, with an input x and the function on it."""
    own = {"batch_input_shape": [None, 4], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}
    layers = [{"class_name": "InputLayer", "config": own, "name": "x", "inbound_nodes": []}]
    if function == "reshape":
        layers += [
            _layer("shape", "compat.v1.shape", ["x", 0, 0, {"out_type": "int32"}]),
            _layer("start", "__operators__.getitem", ["shape", 0, 0, {"slice_spec": 0}], "SlicingOpLambda"),
        ]
    layers.append(_layer("f", function, ["x", 0, 0, {**arguments, "name": None}]))
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["f", 0, 0]]}
    return tf.keras.models.model_from_json(json.dumps({"class_name": "Functional", "config": config}))


@pytest.mark.parametrize("name", CASES)
def test_values_before_and_after_a_file(tf_keras_2, name, tmp_path):
    function, arguments, expected = CASES[name]
    model = _model(tf_keras_2, function, arguments)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    for ending in ("h5", "keras"):
        model.save(tmp_path / f"m.{ending}")
        again = tf_keras_2.keras.models.load_model(tmp_path / f"m.{ending}", compile=False)
        np.testing.assert_allclose(again.predict(X, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize("function", ["io.write_file", "py_function", "no.such", "print", "load_op_library"])
def test_functions_that_do_more_are_refused(tf_keras_2, function):
    with pytest.raises(GazelleError, match=f"computes tensors from tensors, got tf.{function}"):
        _model(tf_keras_2, function, {})


def test_the_class_is_found_where_programs_import_it(tf_keras_2):
    found = tf_keras_2.python.keras.layers.core.TFOpLambda
    assert isinstance(found("sort"), tf_keras_2.keras.layers.Layer)
    assert not isinstance(tf_keras_2.keras.layers.Dense(1), found)
