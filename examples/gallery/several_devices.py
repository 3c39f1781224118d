# %% [markdown]
# # Train on several devices
#
# With `DataParallel` each device computes a part of every batch; with `FSDP` each also stores a part of the
# weights. Program and results stay the same. Four simulated devices on a CPU show it; on a machine with four GPUs,
# leave out the first two lines of the program.

# %% [markdown] lang="zh"
# # 在多个设备上训练
#
# 使用 `DataParallel` 时，每个设备计算每个批次的一部分；使用 `FSDP` 时，每个设备还只存储权重的一部分。程序和结果不
# 变。这里用一个 CPU 上的四个模拟设备演示；如果机器有四块 GPU，请去掉程序的前两行。

# %%
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"  # before the first computation

import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, distribution, layers
from gazelle.datasets import local
from gazelle.utils import set_random_seed

print(distribution.list_devices())
(x_train, y_train), (x_test, y_test) = local("digits")
x_train, x_test = x_train.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16


# %% [markdown]
# `set_distribution` applies to all models that are made after it. `batch_size` counts the samples of all devices
# together.

# %% [markdown] lang="zh"
# `set_distribution` 对其后创建的所有模型生效。`batch_size` 是所有设备的样本总数。


# %%
def train(strategy):
    """A model, its losses and its predictions."""
    distribution.set_distribution(strategy)
    set_random_seed(0)
    model = Sequential(
        [
            Input((64,)),
            layers.Dense(128, activation="relu", name="hidden"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(x_train[:1408], y_train[:1408], epochs=10, batch_size=64, verbose=0)
    predicted = model.predict(x_test, verbose=0)
    distribution.set_distribution(None)
    return model, history.history["loss"], predicted


runs = {
    "one device": train(None),
    "DataParallel": train(distribution.DataParallel()),
    "FSDP": train(distribution.FSDP()),
}

# %% [markdown]
# Who holds which part of the kernel of the hidden layer (64 x 128)? Each color is a device; white parts are held by
# all of them.

# %% [markdown] lang="zh"
# 隐藏层的权重（64 x 128）的各部分由哪个设备持有？每种颜色代表一个设备；白色部分由所有设备持有。

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2))
for axis, (name, (model, _, _)) in zip(axes, runs.items(), strict=True):
    kernel = model.get_layer("hidden").kernel.value
    holder = np.full(kernel.shape, np.nan)
    shards = kernel.addressable_shards
    for shard in shards:
        if len(shards) == 1 or shard.data.shape != kernel.shape:
            holder[shard.index] = shard.device.id
    axis.imshow(holder, vmin=0, vmax=3, cmap="viridis")
    axis.set_title(f"{name}: {shards[0].data.nbytes // 1024} KiB per device", fontsize=9)
    axis.set(xticks=[], yticks=[])
plt.show()

_, first_losses, first = runs["one device"]
for name, (_, losses, predicted) in runs.items():
    difference = np.abs(np.subtract(losses, first_losses)).max()
    accuracy = (predicted.argmax(axis=1) == y_test).mean()
    print(
        f"{name:12} loss {losses[-1]:.5f}, test accuracy {accuracy:.3f}, largest difference of a loss {difference:.1e}"
    )
