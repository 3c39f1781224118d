# %% [markdown]
# # Adapt a trained network with LoRA
#
# A network recognizes digits. A new scanner delivers pale images on a gray background. LoRA adapts the network with
# a small correction for each layer, the product of two thin matrices; the original weights stay as they are.

# %% [markdown] lang="zh"
# # 用 LoRA 调整训练好的网络
#
# 一个网络能识别数字。新的扫描仪输出的图像颜色浅、背景灰。LoRA 为每层加上一个小修正（两个窄矩阵的乘积）来调整网络，
# 原来的权重保持不变。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers, optimizers
from gazelle.datasets import local
from gazelle.utils import set_random_seed

set_random_seed(0)
(x_train, y_train), (x_test, y_test) = local("digits")
x_train, x_test = x_train.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16
new_train, new_labels, new_test = 0.6 + 0.4 * x_train[:100], y_train[:100], 0.6 + 0.4 * x_test

model = Sequential(
    [
        Input((64,)),
        layers.Dense(256, activation="relu"),
        layers.Dense(256, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=20, verbose=0)


def accuracies():
    """The accuracy on old and on new images."""
    return [model.evaluate(x, y_test, verbose=0)[1] for x in (x_test, new_test)]


rows = {"trained on old images": (model.count_params(), *accuracies())}

# %% [markdown]
# `enable_lora(rank)` freezes the kernel W of a layer and adds A B, where A has `rank` columns and B as many rows. B
# starts with zeros, so at first nothing changes. `compile` again, because other weights are trained now.

# %% [markdown] lang="zh"
# `enable_lora(rank)` 冻结层的权重 W 并加上 A B，其中 A 有 `rank` 列，B 有同样多的行。B 初始为零，因此起初什么都不
# 变。由于训练的权重不同了，需要再次 `compile`。

# %%
for layer in model.layers:
    layer.bias.trainable = False
    layer.enable_lora(4)
adapter = model.trainable_weights
model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(new_train, new_labels, epochs=60, batch_size=20, validation_data=(new_test, y_test), verbose=0)
rows["with the adapter"] = (sum(int(np.prod(weight.shape)) for weight in adapter), *accuracies())
print("adapter:", [tuple(weight.shape) for weight in adapter])

# %% [markdown]
# The adapter alone holds everything that is new. Set to zero, it leaves the original network; the saved values
# bring the new behavior back. Several adapters can thus share one network.

# %% [markdown] lang="zh"
# 新学到的内容全部在适配器中。把它设为零，就恢复原来的网络；写回保存的数值，就恢复新的行为。因此多个适配器可以共用一
# 个网络。

# %%
saved = [np.asarray(weight) for weight in adapter]
for weight in adapter:
    weight.assign(np.zeros(weight.shape))
rows["adapter set to zero"] = (0, *accuracies())
for weight, value in zip(adapter, saved, strict=True):
    weight.assign(value)

plt.figure(figsize=(6, 2.8))
plt.plot(history.history["val_accuracy"])
plt.axhline(rows["trained on old images"][2], color="gray", ls="--", label="without adapter")
plt.xlabel("epoch of the adapter")
plt.ylabel("accuracy on pale images")
plt.ylim(0, 1)
plt.legend()
plt.show()
print(f"{'':24}trained weights  old images  pale images")
for name, (count, old, new) in rows.items():
    print(f"{name:24}{count:15}{old:12.3f}{new:13.3f}")
