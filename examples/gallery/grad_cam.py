# %% [markdown]
# # Where does the network look? Grad-CAM
#
# A network learns which shapes an image contains, without being given their positions. Grad-CAM shows which parts
# of an image raise the score of a class: the network has found the positions by itself.

# %% [markdown] lang="zh"
# # 网络在看哪里？Grad-CAM
#
# 网络学习图像中包含哪些形状，但不知道它们的位置。Grad-CAM 显示图像的哪些部分提高了某个类别的得分：网络自己找到了位
# 置。

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Model, layers, losses, metrics, optimizers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
SIZE, SHAPES = 32, ("cross", "ring", "square")


def scene():
    """A noisy image with up to three shapes in different quarters, which ones, and their centers."""
    image, present, centers = rng.normal(0, 0.3, (SIZE, SIZE)), rng.random(3) < 0.5, np.zeros((3, 2))
    for shape, quarter in enumerate(rng.permutation(4)[:3]):
        y, x = centers[shape] = rng.integers(5, 12, 2) + SIZE // 2 * np.array(divmod(quarter, 2))
        dy, dx = np.abs(np.mgrid[:SIZE, :SIZE] - np.array([y, x])[:, None, None])
        cross, ring = (np.minimum(dy, dx) < 1) & (np.maximum(dy, dx) < 5), np.abs(np.hypot(dy, dx) - 4) < 1
        image += present[shape] * (cross, ring, np.maximum(dy, dx) < 4)[shape]
    return image, present, centers


images, labels, centers = (np.stack(part) for part in zip(*[scene() for _ in range(700)], strict=True))
images = images[..., None].astype("float32")

# %% [markdown]
# An image may contain several shapes or none, so each class has a score of its own, positive if the shape is
# present. The average over all positions discards the position.

# %% [markdown] lang="zh"
# 一张图像可能包含多个形状，也可能一个都没有，因此每个类别有自己的得分，形状存在时为正。对所有位置取平均会丢弃位置信
# 息。

# %%
inputs = Input((SIZE, SIZE, 1))
x = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
x = layers.MaxPooling2D()(x)
x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
maps = layers.Conv2D(32, 3, padding="same", activation="relu", name="maps")(x)
x = layers.GlobalAveragePooling2D()(maps)
outputs = layers.Dense(3)(x)
model = Model(inputs, outputs)
loss, accuracy = losses.BinaryCrossentropy(from_logits=True), metrics.BinaryAccuracy(threshold=0)
model.compile(optimizers.Adam(0.003), loss, metrics=[accuracy])
model.fit(images[:600], labels[:600], epochs=16, batch_size=16, verbose=0)
print(f"test accuracy {model.evaluate(images[600:], labels[600:], verbose=0)[1]:.3f}")

# %% [markdown]
# The model is cut after the layer `maps`. The gradient of the score of a class with respect to the maps, averaged
# over all positions, is a weight for each map. The weighted sum of the maps without negative values is the heat.

# %% [markdown] lang="zh"
# 在 `maps` 层之后把模型分成两部分。某个类别的得分对特征图的梯度在所有位置上的平均值，就是每张图的权重。各图的加权和
# 去掉负值，就是热力图。

# %%
to_maps, to_score = Model(inputs, maps), Model(maps, outputs)
features = to_maps(images[600:])
heat = []
for shape in range(3):
    gradients = jax.grad(lambda maps, shape=shape: to_score(maps)[:, shape].sum())(features)
    heat.append(jax.nn.relu((gradients.mean(axis=(1, 2), keepdims=True) * features).sum(axis=-1)))
heat = np.stack(heat, axis=1)

figure, axes = plt.subplots(4, 6, figsize=(8, 5.4))
for column, image, one, present in zip(axes.T, images[600:, ..., 0], heat, labels[600:], strict=False):
    column[0].imshow(image, cmap="gray")
    for shape in range(3):
        column[shape + 1].imshow(image, cmap="gray")
        if present[shape]:
            column[shape + 1].imshow(one[shape], cmap="inferno", alpha=0.6, extent=(-0.5, 31.5, 31.5, -0.5))
for axis, title in zip(axes[:, 0], ("image", *SHAPES), strict=True):
    axis.set_ylabel(title)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# The centers were not used in the training. They measure how well the heat marks a shape.

# %% [markdown] lang="zh"
# 训练没有使用形状的中心，它们用于衡量热力图标出形状的准确程度。

# %%
peaks = np.stack(np.unravel_index(heat.reshape(100, 3, -1).argmax(axis=-1), heat.shape[2:]), axis=-1) * 2 + 0.5
distances = np.abs(peaks - centers[600:]).max(axis=-1)[labels[600:]]
print(f"hottest position at most 5 pixels from the center: {(distances <= 5).mean():.2f} of the shapes")
