# %% [markdown]
# # Find anomalies in a signal
#
# An autoencoder is trained with normal heartbeats only. It rebuilds normal beats well and unusual ones badly, so
# the error shows what is unusual, also faults that nobody has described before.

# %% [markdown] lang="zh"
# # 在信号中寻找异常
#
# 自编码器只用正常的心跳训练。它能很好地重建正常心跳，而异常心跳重建得很差，因此误差显示哪里异常，即使这种异常从未被
# 描述过。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
time = np.linspace(0, 1, 80)


def wave(center, width, height):
    """A bell curve."""
    return height * np.exp(-(((time - center) / width) ** 2))


def beat(kind="normal"):
    """A heartbeat: a small wave, a sharp peak, a broad wave; each a little different."""
    peak, late, broad = rng.normal(1, 0.05), rng.normal(0, 0.01), rng.normal(0.3, 0.03)
    if kind == "late":
        late += 0.08
    width = 0.05 if kind == "wide peak" else 0.02
    last = 0 if kind == "no last wave" else broad
    curve = wave(0.2, 0.04, 0.15) + wave(0.4 + late, width, peak) + wave(0.7 + late, 0.07, last)
    return curve + rng.normal(0, 0.03, len(time))


KINDS = ("late", "wide peak", "no last wave")
normal = np.stack([beat() for _ in range(1500)])
x_train, x_valid, x_test = normal[:1000], normal[1000:1200], normal[1200:]
strange = {kind: np.stack([beat(kind) for _ in range(100)]) for kind in KINDS}

# %% [markdown]
# The code of 4 numbers can hold only what differs between normal beats. The threshold is set with normal beats as
# well: 1 % of them may exceed it.

# %% [markdown] lang="zh"
# 编码只有 4 个数，只能容纳正常心跳之间的差异。阈值也由正常心跳确定：允许其中 1 % 超过阈值。

# %%
model = Sequential(
    [
        Input((80,)),
        layers.Dense(32, activation="relu"),
        layers.Dense(4),
        layers.Dense(32, activation="relu"),
        layers.Dense(80),
    ]
)
model.compile("adam", "mse")
model.fit(x_train, x_train, epochs=60, batch_size=32, verbose=0)


def error(beats):
    """The mean squared error of each beat."""
    return ((model.predict(beats, verbose=0) - beats) ** 2).mean(axis=1)


threshold = np.quantile(error(x_valid), 0.99)

# %% [markdown]
# The gray area is the difference between a beat and its reconstruction.

# %% [markdown] lang="zh"
# 灰色区域是心跳与其重建之间的差异。

# %%
figure, axes = plt.subplots(1, 4, figsize=(10, 2.4), sharey=True)
for axis, (kind, beats) in zip(axes, {"normal": x_test, **strange}.items(), strict=True):
    rebuilt = model.predict(beats[:1], verbose=0)[0]
    axis.plot(time, beats[0], lw=1)
    axis.plot(time, rebuilt, lw=1)
    axis.fill_between(time, beats[0], rebuilt, color="lightgray")
    axis.set_title(kind)
axes[0].legend(["beat", "rebuilt"], fontsize=7, loc="upper right")
plt.show()

print(f"normal beats reported by mistake: {(error(x_test) > threshold).mean():.2f}")
for kind, beats in strange.items():
    print(f"found, {kind:13} {(error(beats) > threshold).mean():.2f}")
