import numpy as np
import sonnet as snt
import tensorflow as tf
from graph_nets import modules, utils_tf
from graph_nets.demos_tf2 import models

draw = np.random.RandomState(0)


def graph(nodes, edges):
    arrays = {name: draw.rand(*shape).astype("float32") for name, shape in parts(nodes, edges).items()}
    return {**arrays, **{end: draw.randint(0, nodes, edges) for end in ("receivers", "senders")}}


def parts(nodes, edges):
    return {"globals": (3,), "nodes": (nodes, 4), "edges": (edges, 5)}


graphs = utils_tf.data_dicts_to_graphs_tuple([graph(4, 6), graph(5, 3)])
network = modules.GraphNetwork(*(lambda size=size: snt.nets.MLP([8, size]) for size in (8, 8, 3)))
network(graphs)
for seed, variable in enumerate(network.trainable_variables):
    variable.assign(np.random.RandomState(seed).normal(size=variable.shape).astype("float32") * 0.3)
made = network(graphs)
sums = [float(tf.reduce_sum(part)) for part in (made.nodes, made.edges, made.globals)]
np.testing.assert_allclose(sums, [-12.6186, -13.5515, 5.4109], atol=1e-3)  # of TensorFlow 2.15

model, optimizer = models.EncodeProcessDecode(edge_output_size=2, node_output_size=2), snt.optimizers.Adam(1e-2)


@tf.function
def update():
    with tf.GradientTape() as tape:
        steps = model(graphs, 2)
        loss = tf.add_n([tf.reduce_mean(step.nodes**2) + tf.reduce_mean(step.edges**2) for step in steps])
    optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return loss


losses = [float(update()) for _ in range(4)]
print(losses)
assert losses[-1] < losses[0]
