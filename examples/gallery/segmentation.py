# %% [markdown]
# # Segment an image: a class for each pixel
#
# A small U-Net finds rings and squares in noisy images. The encoder halves the image twice and collects context;
# the decoder doubles it again, and connections between both pass the details.

# %% [markdown] lang="zh"
# # 图像分割：为每个像素分类
#
# 一个小型 U-Net 在带噪声的图像中寻找圆环和方块。编码器两次把图像缩小一半以收集上下文；解码器再放大，两者之间的连接
# 传递细节。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Model, layers, optimizers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
SIZE, CLASSES = 32, ("background", "ring", "square")


def scene():
    """An image with a ring and a square of random size and brightness, and the class of each pixel."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    image, mask = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE), dtype="int32")
    for number in rng.permutation([1, 2]):
        (y, x), radius = rng.uniform(7, SIZE - 7, 2), rng.uniform(4, 7)
        dy, dx = np.abs(rows - y), np.abs(columns - x)
        inside = np.abs(np.hypot(dy, dx) - radius) < 1.5 if number == 1 else np.maximum(dy, dx) < radius * 0.9
        image[inside], mask[inside] = rng.uniform(0.4, 1), number
    return image + rng.normal(0, 0.15, image.shape), mask


images, masks = (np.stack(part) for part in zip(*[scene() for _ in range(700)], strict=True))
images = images[..., None].astype("float32")
x_train, y_train, x_test, y_test = images[:600], masks[:600], images[600:], masks[600:]

# %% [markdown]
# `Conv2DTranspose` with strides of 2 doubles the size. The output has one probability per class and pixel, so that
# the usual loss for classes works here, too.

# %% [markdown] lang="zh"
# 步长为 2 的 `Conv2DTranspose` 把大小加倍。输出是每个像素属于各类别的概率，因此这里也可以使用通常的分类损失。

# %%
inputs = Input((SIZE, SIZE, 1))
x, skips = inputs, []
for filters in (8, 16):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    skips.append(x)
    x = layers.MaxPooling2D()(x)
x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
for filters, skip in zip((16, 8), reversed(skips), strict=True):
    x = layers.Conv2DTranspose(filters, 2, strides=2, activation="relu")(x)
    x = layers.Concatenate()([x, skip])
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
outputs = layers.Conv2D(len(CLASSES), 1, activation="softmax")(x)
model = Model(inputs, outputs)
model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy")
model.fit(x_train, y_train, epochs=14, batch_size=16, verbose=0)

# %% [markdown]
# Most pixels are background, so the accuracy would be high for an empty mask. The intersection over union of each
# class is a better measure: the pixels that are in both masks, divided by those that are in at least one.

# %% [markdown] lang="zh"
# 大多数像素是背景，因此即使掩码为空，准确率也会很高。更好的指标是每个类别的交并比：同时属于两个掩码的像素数，除以至
# 少属于其中一个的像素数。

# %%
predicted = model.predict(x_test, verbose=0).argmax(axis=-1)
figure, axes = plt.subplots(3, 6, figsize=(9, 4.6))
for column, image, truth, found in zip(axes.T, x_test, y_test, predicted, strict=False):
    column[0].imshow(image, cmap="gray")
    column[1].imshow(truth, vmin=0, vmax=2)
    column[2].imshow(found, vmin=0, vmax=2)
for axis, title in zip(axes[:, 0], ("image", "truth", "prediction"), strict=True):
    axis.set_ylabel(title)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
plt.show()

for number, name in enumerate(CLASSES):
    both, either = (
        ((y_test == number) & (predicted == number)).sum(),
        ((y_test == number) | (predicted == number)).sum(),
    )
    print(f"intersection over union, {name:10} {both / either:.3f}")
