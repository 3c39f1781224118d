import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

users, movies = [str(i) for i in range(20)], [f"m{i}" for i in range(30)]
data = {"user": np.random.choice(users, 200), "movie": np.random.choice(movies, 200)}
ratings = tf.data.Dataset.from_tensor_slices(data)
titles = tf.data.Dataset.from_tensor_slices(np.array(movies))


def tower(dataset):
    lookup = tf.keras.layers.StringLookup(mask_token=None)
    lookup.adapt(dataset.batch(50))
    return tf.keras.Sequential([lookup, tf.keras.layers.Embedding(lookup.vocabulary_size(), 8)])


class Retrieval(tfrs.Model):
    def __init__(self):
        super().__init__()
        self.users, self.movies = tower(ratings.map(lambda row: row["user"])), tower(titles)
        candidates = tfrs.metrics.FactorizedTopK(titles.batch(16).map(self.movies))
        self.task = tfrs.tasks.Retrieval(metrics=candidates)

    def compute_loss(self, features, training=False):
        return self.task(self.users(features["user"]), self.movies(features["movie"]))


class Ranking(tfrs.models.Model):
    def __init__(self):
        super().__init__()
        self.score = tf.keras.Sequential([tfrs.layers.dcn.Cross(), tf.keras.layers.Dense(1)])
        self.task = tfrs.tasks.Ranking(
            loss=tf.keras.losses.MeanSquaredError(), metrics=[tf.keras.metrics.RootMeanSquaredError()]
        )

    def compute_loss(self, features, training=False):
        return self.task(labels=features[1], predictions=self.score(features[0]))


model = Retrieval()
model.compile(tf.keras.optimizers.Adagrad(0.5))
model.fit(ratings.batch(64), epochs=2, verbose=2)
top = "factorized_top_k/top_100_categorical_accuracy"
assert model.evaluate(ratings.batch(64), return_dict=True)[top] == 1.0
index = tfrs.layers.factorized_top_k.BruteForce(model.users, k=5)
index.index_from_dataset(titles.batch(10).map(lambda title: (title, model.movies(title))))
scores, found = index(np.array(["3"]))
assert found.numpy()[0][0].decode() in movies
assert np.all(np.diff(scores) <= 0)
model = Ranking()
model.compile("adam")
print(model.fit(np.random.rand(40, 6).astype("float32"), np.random.rand(40, 1).astype("float32")).history)
