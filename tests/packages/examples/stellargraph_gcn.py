import numpy as np
import pandas as pd
import stellargraph as sg
import tensorflow as tf

tf.keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
names = [f"n{i}" for i in range(40)]
nodes = pd.DataFrame(rng.normal(size=(40, 8)), index=names)
ends = rng.permuted(np.tile(np.arange(40), (4, 1)), axis=1)
edges = pd.DataFrame({"source": [names[i] for i in ends[:2].ravel()], "target": [names[i] for i in ends[2:].ravel()]})
edges = edges[edges.source != edges.target].drop_duplicates()
targets = np.eye(3)[rng.integers(0, 3, 40)]
graph = sg.StellarGraph(nodes, edges)
for sparse in (True, False):
    generator = sg.mapper.FullBatchNodeGenerator(graph, method="gcn", sparse=sparse)
    inputs, features = sg.layer.GCN([16, 16], activations=["relu", "relu"], generator=generator).in_out_tensors()
    outputs = tf.keras.layers.Dense(3, activation="softmax")(features)
    model = tf.keras.Model(inputs, outputs)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(generator.flow(names[:20], targets[:20]), epochs=5, verbose=2)
    adjacency = np.asarray(graph.to_adjacency_matrix().todense()) + np.eye(40)
    scale = adjacency.sum(1) ** -0.5
    adjacency = adjacency * scale[:, None] * scale
    first, first_bias, second, second_bias, kernel, bias = model.get_weights()
    x = np.maximum(adjacency @ nodes.to_numpy() @ first + first_bias, 0)
    x = np.maximum(adjacency @ x @ second + second_bias, 0)
    logits = np.exp(x @ kernel + bias)
    wanted = logits / logits.sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict(generator.flow(names))[0], wanted, atol=1e-5)

generator = sg.mapper.GraphSAGENodeGenerator(graph, batch_size=10, num_samples=[5, 3])
inputs, features = sg.layer.GraphSAGE([8, 8], generator=generator, dropout=0.2).in_out_tensors()
model = tf.keras.Model(inputs, tf.keras.layers.Dense(3, activation="softmax")(features))
model.compile("adam", "categorical_crossentropy")
print(model.fit(generator.flow(names, targets), epochs=2, verbose=0).history)
