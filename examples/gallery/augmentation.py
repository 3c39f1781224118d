# %% [markdown]
# # More from few images: augmentation
#
# Random shifts, rotations and zooms make new training images from 200 digits. The same network is trained with and
# without them and tested on 1,000 other digits.

# %% [markdown] lang="zh"
# # 用少量图像训练：数据增强
#
# 随机平移、旋转和缩放从 200 张数字图像产生新的训练图像。同一个网络分别在使用和不使用增强的情况下训练，并在另外
# 1,000 张数字上测试。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Sequential, layers, optimizers
from gazelle.datasets import local
from gazelle.utils import set_random_seed

(x_train, y_train), (x_test, y_test) = local("mnist_5k")
x_train, x_test = x_train[..., None].astype("float32") / 255, x_test[..., None].astype("float32") / 255
x_train, y_train = x_train[:200], y_train[:200]

# %% [markdown]
# Augmentation consists of layers. They are part of the model but change images during training only: `predict` and
# `evaluate` receive the images as they are. Choose changes that keep the label: a flipped 2 is not a 2.

# %% [markdown] lang="zh"
# 增强由若干层组成。它们是模型的一部分，但只在训练时改变图像：`predict` 和 `evaluate` 使用原始图像。应选择不改变标签
# 的变换：左右翻转的 2 不再是 2。

# %%
set_random_seed(0)
augment = Sequential(
    [
        layers.Input((28, 28, 1)),
        layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
        layers.RandomRotation(0.04, fill_mode="constant"),
        layers.RandomZoom(0.1, fill_mode="constant"),
    ]
)
figure, axes = plt.subplots(3, 8, figsize=(8, 3.2))
for row, image in zip(axes, x_train, strict=False):
    variants = [image, *np.asarray(augment(np.stack([image] * 7), training=True))]
    for axis, variant in zip(row, variants, strict=True):
        axis.imshow(variant, cmap="gray_r", vmin=0, vmax=1)
        axis.axis("off")
axes[0, 0].set_title("original", fontsize=9)
plt.show()


# %% [markdown]
# Both trainings make the same number of steps.

# %% [markdown] lang="zh"
# 两次训练的步数相同。


# %%
def train(first_layers):
    """The test accuracy after each epoch, and the final training accuracy."""
    set_random_seed(0)
    model = Sequential(
        [
            layers.Input((28, 28, 1)),
            *first_layers,
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.fit(x_train, y_train, validation_data=(x_test, y_test), epochs=60, batch_size=20, verbose=0).history


plain, augmented = train([]), train(augment.layers)
plt.figure(figsize=(7, 3))
for name, history in (("without", plain), ("with", augmented)):
    plt.plot(history["val_accuracy"], label=f"{name} augmentation")
plt.ylim(0.6, 1)
plt.xlabel("epoch")
plt.ylabel("test accuracy")
plt.legend()
plt.show()
for name, history in (("without", plain), ("with", augmented)):
    last = np.mean(history["val_accuracy"][-10:])
    print(f"{name:8} augmentation: training loss {history['loss'][-1]:.3f}, test accuracy {last:.3f}")
