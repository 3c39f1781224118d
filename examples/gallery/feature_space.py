# %% [markdown]
# # Numbers, categories and text in one table: FeatureSpace
#
# The columns of a table need different preparation. `FeatureSpace` states it once per column, learns means and
# categories from the training rows, and becomes part of the model, which then accepts raw values.

# %% [markdown] lang="zh"
# # 表格中的数值与类别：FeatureSpace
#
# 表格的各列需要不同的预处理。`FeatureSpace` 为每一列声明一次处理方式，从训练数据中学习均值和类别，并成为模型的一部
# 分，使模型可以接收原始数值。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Model, layers
from gazelle.utils import FeatureSpace, set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
COUNT = 3000
FACTOR = {"north": 0.9, "harbour": 1.5, "old town": 1.3, "hills": 1.1, "south": 0.8}
table = {
    "area": rng.uniform(30, 180, COUNT).round(),
    "year": rng.integers(1900, 2021, COUNT).astype("float32"),
    "district": rng.choice(list(FACTOR), COUNT),
    "floor": rng.integers(0, 6, COUNT),
}
age = np.where(table["year"] < 1920, 1.3, 1 - (2020 - table["year"]) / 250)  # very old houses are sought after
price = table["area"] * 4 * np.array([FACTOR[d] for d in table["district"]]) * age * (1 + 0.03 * table["floor"])
price = (price * rng.normal(1, 0.05, COUNT)).astype("float32")  # in thousands
train = {name: column[:2400] for name, column in table.items()}
test = {name: column[2400:] for name, column in table.items()}

# %% [markdown]
# The year is divided into intervals, because its effect is not monotonic. The cross gives each combination of
# district and floor an input of its own.

# %% [markdown] lang="zh"
# 年份的影响不是单调的，因此被划分为区间。交叉特征为地区和楼层的每种组合提供单独的输入。

# %%
space = FeatureSpace(
    {
        "area": FeatureSpace.float_normalized(),
        "year": FeatureSpace.float_discretized(num_bins=16),
        "district": FeatureSpace.string_categorical(num_oov_indices=0),
        "floor": FeatureSpace.integer_categorical(num_oov_indices=0),
    },
    crosses=[("district", "floor")],
)
space.adapt(train)
x_train, x_test = space(train), space(test)
print("one house:", {name: column[0].item() for name, column in train.items()})
print("as numbers:", x_train.shape[1], "columns")

# %% [markdown]
# The network is trained on the prepared arrays. `inference` combines it with the preparation; it takes raw values,
# also of a single house.

# %% [markdown] lang="zh"
# 网络用处理后的数组训练。`inference` 把它与预处理组合起来，接收原始数值，也可以只有一套房子。

# %%
encoded = space.get_encoded_features()
hidden = layers.Dense(32, activation="relu")(encoded)
hidden = layers.Dense(32, activation="relu")(hidden)
network = Model(encoded, layers.Dense(1)(hidden))
network.compile("adam", "mse")
network.fit(x_train, price[:2400] / 100, epochs=60, batch_size=32, verbose=0)
inference = Model(space.get_inputs(), network(encoded))


def house(area, year, district, floor):
    """The price of one house in thousands."""
    columns = {"area": [area], "year": [year], "district": [district], "floor": [floor]}
    return 100 * inference.predict({name: np.array(value) for name, value in columns.items()}, verbose=0).item()


print(f"80 m2 at the harbour, built in 1975, third floor: {house(80.0, 1975.0, 'harbour', 3):.0f} thousand")

# %% [markdown]
# The curve shows what the network has learned about the year, with all else equal.

# %% [markdown] lang="zh"
# 曲线显示在其他条件相同时，网络学到的年份的影响。

# %%
years = np.arange(1900, 2021, 2)
same = {name: np.array([value] * len(years)) for name, value in (("area", 80.0), ("district", "hills"), ("floor", 2))}
learned = 100 * inference.predict({**same, "year": years.astype("float32")}, verbose=0)[:, 0]
truth = 80 * 4 * FACTOR["hills"] * np.where(years < 1920, 1.3, 1 - (2020 - years) / 250) * 1.06
plt.figure(figsize=(6, 2.8))
plt.plot(years, truth, color="gray", label="rule that made the data")
plt.plot(years, learned, label="network")
plt.xlabel("year of construction")
plt.ylabel("price in thousands")
plt.legend()
plt.show()

predicted = 100 * network.predict(x_test, verbose=0)[:, 0]
error = np.median(np.abs(predicted / price[2400:] - 1))
print(f"median error on test houses {error:.1%} (noise in the prices alone: 3.4%)")
