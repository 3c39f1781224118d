"""Graphs of TensorFlow 1 that a program reads by names, also after `tf.train.import_meta_graph`."""

import os

import numpy as np
import pytest

from gazelle.core.errors import ArgumentError


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def test_operations_by_name(tf):  # results of TensorFlow 1.15
    x, w = tf.placeholder(tf.float32, [2], name="x"), tf.Variable([1.0, 2.0], name="w")
    y, step = tf.nn.relu(x * w, name="y"), tf.group(w.assign(w + 1), name="step")
    found, given = tf.get_default_graph().get_operation_by_name, {x: [1, 1]}
    assert found("step") is step
    assert [found(name).type for name in "xwy"] == ["Placeholder", "VariableV2", "Relu"]
    assert (y.op, y.op.name, y.op in [x.op, y.op], y.op == x.op) == (found("y"), "y", True, False)
    assert (y.op.values()[0], len({y.op, found("y")}), x.op.inputs) == (y, 1, [])
    with pytest.raises(AttributeError, match="Type of the operation 'z': expected the operation of a variable"):
        tf.exp(x, name="z").op.type  # noqa: B018
    with tf.control_dependencies([y.op]):
        copy = tf.identity(x)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(found("y").outputs[0], given).tolist() == [1, 2]
        nothing, values = session.run([y.op, y], given)
        assert (nothing, values.tolist(), session.run(copy, given).tolist()) == (None, [1, 2], [1, 1])
        assert session.run(found("step")) is None
        assert session.run(found("w").outputs[0]).tolist() == [2, 3]


def test_graphs_are_imported_in_the_process_that_wrote_them(tf, tmp_path):  # results of TensorFlow 1.15
    x, w = tf.placeholder(tf.float32, [2], name="x"), tf.Variable([1.0, 2.0], name="w")
    tf.add_to_collection("out", tf.add(x, w, name="y"))
    saver = tf.train.Saver(max_to_keep=1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for step in (1, 2):
            session.run(w.assign([5.0, step]))
            path = saver.save(session, str(tmp_path / "model"), global_step=step)
    saver.export_meta_graph(str(tmp_path / "graph.meta"))
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "graph.meta", "model-2.meta", "model-2.npz"]
    for name in ("graph.meta", "model-2.meta"):
        tf.reset_default_graph()
        assert tf.global_variables() == tf.get_collection("out") == []
        graph = tf.get_default_graph()
        with tf.Session() as session:
            restored = tf.train.import_meta_graph(str(tmp_path / name))
            restored.restore(session, tf.train.latest_checkpoint(str(tmp_path)))
            assert [v.name for v in tf.global_variables()] == ["w:0"]
            out, given = graph.get_tensor_by_name("y:0"), {graph.get_tensor_by_name("x:0"): [1.0, 1.0]}
            assert session.run(out, given).tolist() == [6, 3]
            assert session.run(tf.get_collection("out")[0], {"x:0": np.zeros(2)}).tolist() == [5, 2]
    saver.save(None, path, write_meta_graph=False)
    (tmp_path / "other.meta").write_text("of another process")
    with pytest.raises(ArgumentError, match=r"import_meta_graph.*: expected a graph that this process wrote"):
        tf.train.import_meta_graph(str(tmp_path / "other.meta"))
    with pytest.raises(OSError, match="does not exist"):
        tf.train.import_meta_graph(str(tmp_path / "none.meta"))
