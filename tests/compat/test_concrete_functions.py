"""`function.get_concrete_function`: its signature, and its graph for reading."""

import numpy as np
import pytest


@pytest.fixture
def cube(tf):
    """A function with a variable and a constant argument, for one signature."""
    factor = tf.Variable(2.0)

    @tf.function
    def cube(x, power):
        return {"y": factor * x**power}

    return cube.get_concrete_function(tf.TensorSpec([None], tf.float32), power=3)


def test_signature(tf, cube):
    assert cube(tf.constant([1.0, 2.0]))["y"].numpy().tolist() == [2, 16]
    expected = "((TensorSpec(shape=(None,), dtype=tf.float32, name='x'),), {})"
    assert str(cube.structured_input_signature) == expected
    assert str(cube.structured_outputs) == "{'y': TensorSpec(shape=(None,), dtype=tf.float32, name=None)}"
    assert (len(cube.inputs), len(cube.outputs), len(cube.trainable_variables)) == (1, 1, 1)


def test_graph(cube):
    graph = cube.graph
    assert [operation.type for operation in graph.get_operations()] == ["Placeholder", "Pow", "Mul", "Identity"]
    assert [node.name for node in graph.as_graph_def().node] == ["x", "pow", "mul", "Identity"]
    assert graph.get_operation_by_name("pow").inputs[0].name == "x:0"
    assert graph.get_tensor_by_name("Identity:0") is cube.outputs[0]
    with pytest.raises(KeyError, match="'power' refers to no operation of the graph: x, pow"):
        graph.get_operation_by_name("power")


def test_number_of_traces(tf):
    identity = tf.function(lambda x: x)
    for value in (1, 2, tf.constant(1), tf.constant(2), tf.constant([1])):
        identity(value)
    assert identity.experimental_get_tracing_count() == 4


def test_examples_are_signatures(tf):
    double = tf.function(lambda x: x * 2).get_concrete_function(tf.constant([1, 2]))
    assert double(tf.constant([3, 4])).numpy().tolist() == [6, 8]
    with pytest.raises(TypeError, match=r"expected TensorSpec\(shape=\(2,\)"):
        double(tf.constant([1]))


def test_call_of_a_model_has_a_signature(tf):
    """The signature omits `self`, also where Keras calls the function of the class."""

    class Net(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(3)

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
        def call(self, inputs):
            return self.dense(inputs)

    net, x = Net(), np.ones((6, 4), "float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(net(tf.constant(x)))
    kernel, bias = tape.gradient(loss, net.trainable_weights)
    assert (kernel.numpy().tolist(), bias.numpy().tolist()) == ([[6.0] * 3] * 4, [6.0] * 3)
    assert net.predict(x).shape == (6, 3)
    with pytest.raises(ValueError, match=r"expected TensorSpec.*got shape \(6, 5\)"):
        net(tf.ones((6, 5)))
