# %% [markdown]
# # Recommend films
#
# Each user and each film gets a vector; the rating is their product. The vectors are learned from the ratings
# alone, and yet films of one kind end up together.

# %% [markdown] lang="zh"
# # 推荐电影
#
# 每个用户和每部电影都有一个向量，评分是两者的乘积。向量只由评分学得，但同类电影最终聚在一起。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Model, layers, optimizers, regularizers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
USERS, FILMS, KINDS = 400, 120, ["action", "romance", "animation"]
kind = rng.integers(0, 3, FILMS)  # the network does not see it
taste = rng.dirichlet([0.4, 0.4, 0.4], USERS)  # how much each user likes each kind
quality, mood = rng.normal(0, 0.4, FILMS), rng.normal(0, 0.3, USERS)

user, film = np.divmod(rng.permutation(USERS * FILMS)[:9000], FILMS)  # a fifth of all pairs is rated
rating = 2.5 + 2.2 * (taste[user, kind[film]] - 0.33) + quality[film] + mood[user] + rng.normal(0, 0.4, len(user))
rating = np.clip(rating, 0.5, 5).astype("float32")
train, test = slice(0, 8000), slice(8000, None)

# %% [markdown]
# Embeddings of size 1 describe how well a film is liked in general, and how strict a user is. The regularizer keeps
# vectors with few ratings small.

# %% [markdown] lang="zh"
# 大小为 1 的嵌入描述电影受欢迎的总体程度，以及用户打分的严格程度。正则化使评分较少的向量保持较小。

# %%
users, films = Input((), dtype="int32", name="user"), Input((), dtype="int32", name="film")


def vectors(inputs, count, size, name):
    """A vector for each user or film."""
    return layers.Embedding(count, size, embeddings_regularizer=regularizers.L2(5e-5), name=name)(inputs)


product = layers.Dot(axes=-1)([vectors(users, USERS, 3, "users"), vectors(films, FILMS, 3, "films")])
biases = [vectors(users, USERS, 1, "strictness"), vectors(films, FILMS, 1, "quality")]
model = Model({"user": users, "film": films}, layers.Add()([product, *biases]))
model.compile(optimizers.Adam(0.01), "mse")
mean = rating[train].mean()
rated = {"user": user[train], "film": film[train]}
model.fit(rated, rating[train] - mean, epochs=25, batch_size=64, verbose=0)


def predict(user, film):
    """The rating that a user would give."""
    return model.predict({"user": user, "film": film}, verbose=0)[:, 0] + mean


# %% [markdown]
# The best films for a user are those with the highest predicted rating that the user has not rated yet. The picture
# shows the vectors of the films, projected to two dimensions; the colors are the kinds, which the network has never
# seen.

# %% [markdown] lang="zh"
# 为用户推荐的是预测评分最高、且该用户尚未评分的电影。图中是投影到二维的电影向量；颜色表示类型，网络从未见过类型。

# %%
someone = int(taste[:, 2].argmax())
unseen = np.setdiff1d(np.arange(FILMS), film[train][user[train] == someone])
best = unseen[np.argsort(-predict(np.full(len(unseen), someone), unseen))[:5]]
print("a user who likes animation most is recommended:", ", ".join(f"film {n} ({KINDS[kind[n]]})" for n in best))

points = model.get_layer("films").get_weights()[0]
points = points - points.mean(axis=0)
plane = points @ np.linalg.svd(points, full_matrices=False)[2][:2].T
plt.figure(figsize=(5, 3.4))
for number, name in enumerate(KINDS):
    plt.scatter(*plane[kind == number].T, s=16, label=name)
plt.legend()
plt.show()

guesses = {
    "mean of all ratings": np.full(1000, mean),
    "mean of the film": np.array([rating[train][film[train] == n].mean() for n in range(FILMS)])[film[test]],
    "model": predict(user[test], film[test]),
}
for name, guess in guesses.items():
    print(f"root mean squared error, {name:20} {np.sqrt(np.mean((guess - rating[test]) ** 2)):.3f}")
