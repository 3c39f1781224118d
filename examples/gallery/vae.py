# %% [markdown]
# # Invent digits with a variational autoencoder
#
# The encoder of a VAE describes an image by a distribution over two numbers instead of a point. A second loss keeps
# these distributions close to the standard normal one, so that the decoder makes an image from any two random
# numbers.

# %% [markdown] lang="zh"
# # 用变分自编码器生成数字
#
# VAE 的编码器用两个数的分布（而不是一个点）来描述图像。第二个损失使这些分布接近标准正态分布，于是解码器可以由任意两
# 个随机数生成图像。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Model, Sequential, layers, ops, random
from gazelle.datasets import local
from gazelle.utils import set_random_seed

set_random_seed(0)
(x_train, y_train), (x_test, y_test) = local("digits")
x_train, x_test = x_train.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16


# %% [markdown]
# A layer may add a loss of its own with `add_loss`. Here it is the Kullback-Leibler divergence between the
# distribution of an image and the standard normal distribution. The random numbers follow from the seed of the
# layer.

# %% [markdown] lang="zh"
# 层可以用 `add_loss` 加入自己的损失。这里是图像的分布与标准正态分布之间的 KL 散度。随机数由该层的种子决定。


# %%
class Sample(layers.Layer):
    """Draws z from a normal distribution with the given mean and the logarithm of its variance."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = random.SeedGenerator(1)

    def call(self, inputs):
        mean, log_variance = inputs
        divergence = 0.5 * ops.sum(ops.exp(log_variance) + mean**2 - 1 - log_variance, axis=-1)
        self.add_loss(ops.mean(divergence))
        return mean + ops.exp(0.5 * log_variance) * random.normal(ops.shape(mean), seed=self.seed_generator)


images = Input((64,))
hidden = layers.Dense(128, activation="relu")(images)
mean, log_variance = layers.Dense(2)(hidden), layers.Dense(2)(hidden)
encoder = Model(images, mean)
decoder = Sequential([Input((2,)), layers.Dense(128, activation="relu"), layers.Dense(64, activation="sigmoid")])
vae = Model(images, decoder(Sample()([mean, log_variance])))


def reconstruction(y_true, y_pred):
    """The squared error of the whole image: a normal distribution with a variance of 1/20 per pixel."""
    return 10 * ops.sum((y_true - y_pred) ** 2, axis=-1)


vae.compile("adam", reconstruction)
history = vae.fit(x_train, x_train, epochs=100, batch_size=32, verbose=0)
print(f"loss per image: {history.history['loss'][0]:.1f} at first, {history.history['loss'][-1]:.1f} at the end")

# %% [markdown]
# Left: where the encoder puts the test images. No labels were used, yet digits of one kind are close to each other.
# Right: what the decoder makes from a grid of points in the same area.

# %% [markdown] lang="zh"
# 左图：编码器把测试图像放在哪里。训练没有使用标签，但同一种数字彼此靠近。右图：解码器由同一区域的网格点生成的图像。

# %%
codes = encoder.predict(x_test, verbose=0)
steps = np.linspace(-2.2, 2.2, 12)
grid = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)
tiles = np.pad(decoder.predict(grid, verbose=0).reshape(12, 12, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
tiles = tiles.swapaxes(1, 2).reshape(120, 120)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
points = left.scatter(*codes.T, c=y_test, cmap="tab10", s=14, vmin=-0.5, vmax=9.5)
left.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
figure.colorbar(points, ax=left, ticks=range(10))
right.imshow(tiles, cmap="gray_r")
right.axis("off")
plt.show()

distances = ((codes[:, None] - codes[None]) ** 2).sum(axis=-1) + 1e9 * np.eye(len(codes))
same = (y_test[distances.argmin(axis=1)] == y_test).mean()
print(f"the nearest neighbour of a code has the same label: {same:.2f} (by accident: 0.10)")
