# %% [markdown]
# # Classify images of digits
#
# A small convolutional network learns to read handwritten digits of 8 x 8 pixels. The images are part of
# scikit-learn: 1,438 of them train the network, 359 test it.

# %% [markdown] lang="zh"
# # 识别数字图像
#
# 一个小型卷积网络学习识别 8 x 8 像素的手写数字。图像来自 scikit-learn：1,438 张用于训练，359 张用于测试。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Sequential, layers
from gazelle.datasets import local
from gazelle.utils import set_random_seed

set_random_seed(1)
(x_train, y_train), (x_test, y_test) = local("digits")
x_train, x_test = x_train[..., None] / 16, x_test[..., None] / 16  # values from 0 to 1, one channel
print(x_train.shape, x_test.shape)

# %% [markdown]
# A convolution looks for the same patterns at every position. Pooling keeps the strongest response of each 2 x 2
# square, so that the next convolution covers a larger part of the image. `padding="same"` keeps the size of the
# image.

# %% [markdown] lang="zh"
# 卷积在每个位置寻找相同的图案。池化保留每个 2 x 2 方格中最强的响应，使下一个卷积覆盖图像的更大部分。
# `padding="same"` 保持图像的大小不变。

# %%
model = Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=15, validation_split=0.1, verbose=0)

figure, axes = plt.subplots(1, 2, figsize=(8, 2.8))
for axis, key in zip(axes, ("loss", "accuracy"), strict=True):
    axis.plot(history.history[key], label="train")
    axis.plot(history.history["val_" + key], label="validation")
    axis.set(xlabel="epoch", title=key)
axes[0].legend()
plt.show()

# %% [markdown]
# The mistakes show where the network is unsure. Above each image: the true digit, and the prediction with its
# probability.

# %% [markdown] lang="zh"
# 从错误中可以看出网络在哪里没有把握。每张图像上方是真实的数字，以及预测结果及其概率。

# %%
probabilities = model.predict(x_test, verbose=0)
predicted = probabilities.argmax(axis=1)
wrong = np.flatnonzero(predicted != y_test)
least_sure = np.argsort(probabilities.max(axis=1))
shown = [*wrong, *least_sure[~np.isin(least_sure, wrong)]][:8]

figure, axes = plt.subplots(2, 4, figsize=(6, 3.4))
for axis, row in zip(axes.flat, shown, strict=True):
    axis.imshow(x_test[row], cmap="gray_r")
    axis.set_title(f"{y_test[row]}: {predicted[row]} ({probabilities[row].max():.0%})", fontsize=8)
    axis.axis("off")
plt.show()
print(f"{len(wrong)} of {len(x_test)} test images are wrong, accuracy {1 - len(wrong) / len(x_test):.3f}")
