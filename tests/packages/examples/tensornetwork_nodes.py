import numpy as np
import tensorflow as tf
import tensornetwork as tn

tn.set_default_backend("tensorflow")
rng = np.random.RandomState(0)
node = tn.Node(rng.rand(4, 5, 6).astype("float32"), axis_names=["i", "j", "k"])
_, values, _, _ = tn.split_node_full_svd(node, [node[0]], [node[1], node[2]])
print(np.diag(values.tensor))
np.testing.assert_allclose(np.diag(values.tensor), [5.712, 1.659, 1.473, 1.353], atol=1e-3)  # of TensorFlow 2.15
states = [rng.rand(*shape).astype("float32") for shape in ((1, 2, 3), (3, 2, 3), (3, 2, 1))]
assert float(tn.FiniteMPS(states, canonicalize=True).check_canonical()) < 1e-5


class Contracted(tf.keras.layers.Layer):
    """Two cores in place of a dense kernel, as in the tutorial of the package."""

    def __init__(self):
        super().__init__()
        self.a, self.b = (tf.Variable(tf.random.normal((4, 4, 2), stddev=0.5, seed=seed)) for seed in (1, 2))
        self.bias = tf.Variable(tf.zeros((4, 4)))

    def call(self, inputs):
        def one(vector, a, b, bias):
            a, b, x = tn.Node(a), tn.Node(b), tn.Node(tf.reshape(vector, (4, 4)))
            tn.connect(a[1], x[0])
            tn.connect(b[1], x[1])
            tn.connect(a[2], b[2])
            return ((a @ x) @ b).tensor + bias

        out = tf.vectorized_map(lambda vector: one(vector, self.a, self.b, self.bias), inputs)
        return tf.nn.relu(tf.reshape(out, (-1, 16)))


model = tf.keras.Sequential([tf.keras.layers.Dense(16, input_shape=(2,)), Contracted(), tf.keras.layers.Dense(1)])
model.compile("adam", "mse")
x = rng.rand(64, 2).astype("float32")
history = model.fit(x, x.sum(1), epochs=20, verbose=0).history["loss"]
assert history[-1] < history[0]
assert model.count_params() == 145
