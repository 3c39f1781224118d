# %% [markdown]
# # Embeddings of categories
#
# A table contains the number of rented bicycles by weekday and hour. An embedding gives each category a vector that
# is learned together with the network; similar categories get similar vectors, without anybody having listed what
# is similar.

# %% [markdown] lang="zh"
# # 类别的嵌入
#
# 表格记录各星期、各小时租出的自行车数量。嵌入为每个类别提供一个向量，与网络一起学习；相似的类别得到相似的向量，而无
# 需事先说明哪些相似。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Model, layers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
day, hour = rng.integers(0, 7, 4000), rng.integers(0, 24, 4000)
temperature = rng.uniform(-5, 30, 4000)


def expected(day, hour, temperature):
    """Commuters in the morning and evening of working days, leisure at noon of weekends; more when it is warm."""
    commuting = np.exp(-((hour - 8) ** 2) / 4) + np.exp(-((hour - 17) ** 2) / 6)
    leisure = np.exp(-((hour - 14) ** 2) / 16)
    return np.where(day >= 5, 250 * leisure, 300 * commuting + 40 * leisure) * (
        0.3 + 0.7 / (1 + np.exp(-temperature / 8))
    )


rented = rng.poisson(expected(day, hour, temperature) + 5).astype("float32")
inputs = {"day": day, "hour": hour, "temperature": temperature.astype("float32") / 10}

# %% [markdown]
# The names of the inputs connect the model with the columns. The Poisson loss suits counts: it expects larger
# deviations where more is rented.

# %% [markdown] lang="zh"
# 输入的名称把模型与各列对应起来。泊松损失适合计数数据：租出的数量越多，允许的偏差越大。

# %%
day_input, hour_input = Input((), dtype="int32", name="day"), Input((), dtype="int32", name="hour")
warmth = Input((1,), name="temperature")
vectors = [layers.Embedding(7, 2, name="days")(day_input), layers.Embedding(24, 4, name="hours")(hour_input)]
x = layers.Concatenate()([*vectors, warmth])
for _ in range(2):
    x = layers.Dense(64, activation="relu")(x)
model = Model([day_input, hour_input, warmth], layers.Dense(1, activation="exponential")(x))
model.compile("adam", "poisson")
model.fit({name: column[:3200] for name, column in inputs.items()}, rented[:3200], epochs=60, verbose=0)

# %% [markdown]
# Left: the vectors of the days. The weekend is on its own. Right: the prediction for two days at 20 degrees.

# %% [markdown] lang="zh"
# 左图：各天的向量，周末自成一组。右图：20 度时两天的预测。

# %%
days = model.get_layer("days").get_weights()[0]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
left.scatter(*days.T)
for name, point in zip(DAYS, days, strict=True):
    left.annotate(name, point, xytext=(4, 4), textcoords="offset points")
left.margins(0.2)
left.set_title("embedding of the days")
for number in (1, 6):
    hours = np.arange(24)
    columns = {"day": np.full(24, number), "hour": hours, "temperature": np.full(24, 2.0)}
    right.plot(hours, model.predict(columns, verbose=0)[:, 0], label=DAYS[number])
    right.plot(hours, expected(number, hours, 20.0) + 5, color="gray", lw=0.8)
right.set(xlabel="hour", title="rented (gray: the rule that made the data)")
right.legend()
plt.show()

predicted = model.predict({name: column[3200:] for name, column in inputs.items()}, verbose=0)[:, 0]
best = expected(day[3200:], hour[3200:], temperature[3200:]) + 5
weekend, working = days[5:].mean(axis=0), days[:5]
gap = np.linalg.norm(weekend - working.mean(axis=0)) / np.linalg.norm(working.std(axis=0))
print(f"the weekend is {gap:.0f} times as far from the working days as these are from each other")
for name, values in (("network", predicted), ("the rule itself", best), ("the mean of all", rented.mean())):
    print(f"mean error, {name:15} {np.abs(values - rented[3200:]).mean():6.1f} bicycles")
