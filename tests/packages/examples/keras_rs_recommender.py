import keras
import keras_rs
import numpy as np


class Retrieval(keras.Model):
    def __init__(self, users=20, items=30):
        super().__init__()
        self.users, self.items = keras.layers.Embedding(users, 8), keras.layers.Embedding(items, 8)
        self.retrieval = keras_rs.layers.BruteForceRetrieval(k=5, return_scores=False)
        self.loss_fn = keras.losses.MeanSquaredError()

    def build(self, input_shape):
        self.users.build(input_shape)
        self.items.build(input_shape)
        self.retrieval.candidate_embeddings = self.items.embeddings
        self.retrieval.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=False):
        vectors = self.users(inputs)
        result = {"user_embeddings": vectors}
        if not training:
            result["predictions"] = self.retrieval(vectors)
        return result

    def compute_loss(self, x, y, y_pred, sample_weight, training=True):
        rating = keras.ops.sum(y_pred["user_embeddings"] * self.items(y["item"]), axis=1)
        return self.loss_fn(y["rating"], rating)


users, items = np.random.randint(0, 20, 64), np.random.randint(0, 30, 64)
model = Retrieval()
model.compile(optimizer=keras.optimizers.Adagrad(0.1))
model.fit(users, {"item": items, "rating": np.random.rand(64).astype("float32")}, epochs=2, verbose=0)
assert model.predict(np.array([1, 2]), verbose=0)["predictions"].shape == (2, 5)

x0 = keras.Input((8,))
x = keras_rs.layers.FeatureCross()(x0, keras_rs.layers.FeatureCross(projection_dim=2)(x0))
net = keras.Model(x0, keras.layers.Dense(1)(x))
net.compile("adam", "mse")
net.fit(np.random.rand(32, 8), np.random.rand(32), verbose=0)
print(keras_rs.layers.DotInteraction()([np.ones((2, 3)), np.ones((2, 3))]).shape)
print(keras_rs.losses.PairwiseHingeLoss()(np.array([[1.0, 0.0]]), np.array([[0.2, 0.5]])))
print(keras_rs.metrics.NDCG(k=2)(np.array([[1.0, 0.0]]), np.array([[0.2, 0.5]])))
