# %% [markdown]
# # Forecast a time series
#
# A network reads a week of hourly power consumption and predicts the next day. It is compared with the simple rule
# "as a week ago", which is hard to beat where weeks are alike.

# %% [markdown] lang="zh"
# # 时间序列预测
#
# 网络读取一周的逐时用电量，预测下一天。它与简单规则“和一周前一样”比较；如果各周相似，这个规则很难超越。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers, optimizers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
hour = np.arange(24 * 400)
weather = np.zeros(len(hour))
for t in range(1, len(hour)):  # the weather changes slowly
    weather[t] = 0.994 * weather[t - 1] + rng.normal(0, 0.11)
weekend = hour // 24 % 7 >= 5
daily = np.sin(2 * np.pi * (hour - 8) / 24) + 0.4 * np.sin(4 * np.pi * (hour - 6) / 24)
power = 10 + np.where(weekend, 1.0, 2.5) * daily - 1.5 * weekend + 1.5 * weather + rng.normal(0, 0.15, len(hour))

# %% [markdown]
# Each sample is a window of 168 hours and the 24 that follow. The first 330 days are for training, the rest for the
# test: with a random split, the network would be tested on days that it has seen.

# %% [markdown] lang="zh"
# 每个样本是 168 小时的窗口和随后的 24 小时。前 330 天用于训练，其余用于测试：如果随机划分，网络就会在见过的日子上测
# 试。

# %%
PAST, FUTURE, split = 168, 24, 24 * 330
mean, spread = power[:split].mean(), power[:split].std()
series = ((power - mean) / spread).astype("float32")


def windows(part, every):
    """Inputs (samples, 168, 1) and targets (samples, 24)."""
    both = np.lib.stride_tricks.sliding_window_view(part, PAST + FUTURE)[::every]
    return both[:, :PAST, None], both[:, PAST:]


(x_train, y_train), (x_test, y_test) = windows(series[:split], 3), windows(series[split:], 1)
model = Sequential(
    [
        Input((PAST, 1)),
        layers.Conv1D(16, 24, strides=4, activation="relu"),  # patterns of a day
        layers.Conv1D(32, 5, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(FUTURE),
    ]
)
model.compile(optimizers.Adam(0.001), "mse")
model.fit(x_train, y_train, epochs=15, batch_size=32, verbose=0)

# %% [markdown]
# The error grows with the distance: the weather of the next hours is that of now, tomorrow's is uncertain.

# %% [markdown] lang="zh"
# 误差随预测距离增大：未来几小时的天气与现在相同，明天的天气则不确定。

# %%
predicted = model.predict(x_test, verbose=0)
errors = {
    "as a week ago": np.abs(x_test[:, :FUTURE, 0] - y_test),
    "as yesterday": np.abs(x_test[:, -FUTURE:, 0] - y_test),
    "network": np.abs(predicted - y_test),
}
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 2.8), width_ratios=(2, 1))
start = 24 * 20
shown = np.arange(start - 72, start + FUTURE)
left.plot(hour[:96] / 24 - 3, power[split + PAST :][shown], color="gray", label="measured")
left.plot(hour[72:96] / 24 - 3, predicted[start] * spread + mean, label="network")
left.set(xlabel="days", title="power, and the forecast of one day")
left.legend()
for name, error in errors.items():
    right.plot(range(1, FUTURE + 1), error.mean(axis=0) * spread, label=name)
right.set(xlabel="hours ahead", title="mean absolute error", ylim=(0, None))
right.legend()
plt.show()
for name, error in errors.items():
    print(f"mean absolute error, {name:14} {error.mean() * spread:.3f}")
