# %% [markdown]
# # Remove noise with an autoencoder
#
# An autoencoder squeezes an image into a few numbers and rebuilds it. Trained with noisy digits as inputs and clean
# ones as targets, it removes noise that it has not seen before.

# %% [markdown] lang="zh"
# # 用自编码器去除噪声
#
# 自编码器把图像压缩成几个数，再重建图像。用带噪声的数字作为输入、干净的数字作为目标来训练，它就能去除未见过的噪声。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers
from gazelle.datasets import local
from gazelle.utils import set_random_seed

set_random_seed(0)
(x_train, _), (x_test, y_test) = local("digits")
x_train, x_test = x_train.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16
noisy_test = x_test + np.random.default_rng(0).normal(0, 0.4, x_test.shape)

# %% [markdown]
# `GaussianNoise` adds new noise in each step of the training and none later. The narrowest layer has 12 numbers:
# enough for the shape of a digit, not for 64 random values.

# %% [markdown] lang="zh"
# `GaussianNoise` 在训练的每一步加入新的噪声，训练之外不加。最窄的层只有 12 个数：足以描述数字的形状，但不足以描述
# 64 个随机值。

# %%
model = Sequential(
    [
        Input((64,)),
        layers.GaussianNoise(0.4),
        layers.Dense(96, activation="relu"),
        layers.Dense(12, name="code"),
        layers.Dense(96, activation="relu"),
        layers.Dense(64, activation="sigmoid"),
    ]
)
model.compile("adam", "mse")
history = model.fit(x_train, x_train, epochs=80, batch_size=32, validation_data=(noisy_test, x_test), verbose=0)
print(
    f"validation loss: {history.history['val_loss'][0]:.4f} at first, {history.history['val_loss'][-1]:.4f} at the end"
)

# %% [markdown]
# The mean squared error compares with the clean images, which the network does not receive.

# %% [markdown] lang="zh"
# 均方误差是与干净图像比较得到的，网络并没有接收到这些图像。

# %%
cleaned = model.predict(noisy_test, verbose=0)
figure, axes = plt.subplots(3, 10, figsize=(9, 3))
for row, name, images in zip(axes, ("noisy", "cleaned", "original"), (noisy_test, cleaned, x_test), strict=True):
    row[0].set_ylabel(name)
    for axis, image in zip(row, images, strict=False):
        axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
plt.show()

before, after = np.mean((noisy_test - x_test) ** 2), np.mean((cleaned - x_test) ** 2)
print(f"mean squared error: noisy {before:.3f}, cleaned {after:.3f}: {before / after:.1f} times smaller")
