# %% [markdown]
# # Two networks in competition: a GAN
#
# A generator makes points from random numbers; a discriminator separates them from real points on a spiral. Each
# learns from the other: the generator never sees a real point, only what the discriminator thinks of its own.

# %% [markdown] lang="zh"
# # 两个网络的竞争：GAN
#
# 生成器由随机数产生点，判别器把它们与螺旋线上的真实点区分开。两者相互学习：生成器从未见过真实的点，只得到判别器对它
# 所产生的点的评价。

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers, losses, optimizers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)


def real(count):
    """Points on a spiral with a little noise."""
    turn = rng.uniform(0.5, 2, count) * np.pi
    points = np.stack([turn * np.cos(turn), turn * np.sin(turn)], axis=1) / 5
    return (points + rng.normal(0, 0.03, (count, 2))).astype("float32")


def network(inputs, outputs):
    """Two hidden layers of 64 units."""
    hidden = [layers.Dense(64, activation=layers.LeakyReLU(0.2)) for _ in range(2)]
    return Sequential([Input((inputs,)), *hidden, layers.Dense(outputs)])


generator, discriminator = network(4, 2), network(2, 1)


# %% [markdown]
# The two networks have opposite losses, so this training is a loop of its own. `stateless_call` and
# `stateless_apply` are pure functions of arrays: JAX differentiates and compiles them like any other function.

# %% [markdown] lang="zh"
# 两个网络的损失相反，因此这里使用自己的训练循环。`stateless_call` 和 `stateless_apply` 是数组的纯函数：JAX 可以像对
# 待其他函数一样对它们求导和编译。


# %%
def logits(model, weights, x):
    """The outputs of a model with given weights."""
    return model.stateless_call(weights, [], x)[0]


crossentropy = losses.BinaryCrossentropy(from_logits=True)
optimizer = {model: optimizers.Adam(0.001, beta_1=0.5) for model in (generator, discriminator)}
weights = {model: [v.value for v in model.trainable_variables] for model in (generator, discriminator)}
slots = {}
for model, one in optimizer.items():
    one.build(model.trainable_variables)
    slots[model] = [v.value for v in one.variables]


@jax.jit
def step(g, d, g_slots, d_slots, noise, x):
    """One update of both networks."""

    def d_loss(d):
        guesses = logits(discriminator, d, jax.numpy.concatenate([x, logits(generator, g, noise)]))
        truth = jax.numpy.concatenate([jax.numpy.ones((len(x), 1)), jax.numpy.zeros((len(x), 1))])
        return crossentropy(truth, guesses)

    def g_loss(g):
        return crossentropy(jax.numpy.ones((len(x), 1)), logits(discriminator, d, logits(generator, g, noise)))

    d_value, d_gradients = jax.value_and_grad(d_loss)(d)
    g_value, g_gradients = jax.value_and_grad(g_loss)(g)
    d, d_slots = optimizer[discriminator].stateless_apply(d_slots, d_gradients, d)
    g, g_slots = optimizer[generator].stateless_apply(g_slots, g_gradients, g)
    return g, d, g_slots, d_slots, g_value, d_value


g, d, g_slots, d_slots = weights[generator], weights[discriminator], slots[generator], slots[discriminator]
noise, snapshots = rng.normal(size=(1000, 4)).astype("float32"), {}
for number in range(4001):
    if number in (0, 500, 1500, 4000):
        snapshots[number] = np.asarray(logits(generator, g, noise))
    batch = rng.normal(size=(128, 4)).astype("float32"), real(128)
    g, d, g_slots, d_slots, g_value, d_value = step(g, d, g_slots, d_slots, *batch)

# %% [markdown]
# The measure: the mean distance from a generated point to the nearest of 2,000 real ones, and from a real point to
# the nearest generated one. The second is large if the generator leaves out a part of the spiral.

# %% [markdown] lang="zh"
# 衡量标准：从生成的点到 2,000 个真实点中最近一个的平均距离，以及从真实点到最近的生成点的平均距离。如果生成器遗漏了
# 螺旋线的一部分，第二个距离就会很大。

# %%
truth = real(2000)
figure, axes = plt.subplots(1, 4, figsize=(10, 2.7), sharex=True, sharey=True)
for axis, (number, points) in zip(axes, snapshots.items(), strict=True):
    axis.scatter(*truth[::4].T, s=2, color="lightgray")
    axis.scatter(*points.T, s=2)
    axis.set(title=f"after {number} steps", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
    distances = np.sqrt(((points[:, None] - truth[None]) ** 2).sum(axis=-1))
    forward, backward = distances.min(axis=1).mean(), distances.min(axis=0).mean()
    print(f"{number:5} steps: generated to real {forward:.3f}, real to generated {backward:.3f}")
plt.show()
