# %% [markdown]
# # A training step of your own: adversarial training
#
# A tiny change of the pixels, chosen with the gradient, misleads a network. A custom `train_step` trains on such
# images; `fit` with its history, validation and checkpoints stays the same.

# %% [markdown] lang="zh"
# # 自定义训练步骤：对抗训练
#
# 沿梯度方向对像素作微小的改动就能误导网络。自定义的 `train_step` 用这样的图像训练；`fit` 及其历史、验证和检查点保持
# 不变。

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers, ops
from gazelle.datasets import local
from gazelle.utils import set_random_seed

(x_train, y_train), (x_test, y_test) = local("digits")
x_train, x_test = (x.reshape(-1, 64).astype("float32") / 16 for x in (x_train, x_test))
EPSILON = 0.15  # the largest change of a pixel


def attacked(model, weights, others, x, y):
    """Images that are changed by EPSILON in the direction in which the loss rises fastest."""

    def loss(x):
        return model.compute_loss(y=y, y_pred=model.stateless_call(weights, others, x)[0])

    return ops.clip(x + EPSILON * ops.sign(jax.grad(loss)(x)), 0, 1)


# %% [markdown]
# In the stateless form, a step receives all state as arrays and returns the new state. `jax.value_and_grad`
# differentiates the loss with respect to the weights, and the optimizer updates them.

# %% [markdown] lang="zh"
# 在无状态形式中，训练步骤以数组的形式接收全部状态并返回新的状态。`jax.value_and_grad` 求损失对权重的导数，优化器更
# 新权重。


# %%
class Robust(Sequential):
    """A Sequential model that is trained on attacked images."""

    def train_step(self, state, data):
        weights, others, slots, metrics = state
        x, y = data
        x = attacked(self, weights, others, x, y)

        def loss_of(weights):
            y_pred, after = self.stateless_call(weights, others, x, training=True)
            return self.compute_loss(y=y, y_pred=y_pred), after

        (loss, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
        weights, slots = self.optimizer.stateless_apply(slots, gradients, weights)
        return {"loss": loss}, (weights, others, slots, metrics)


def train(kind):
    """A trained model of a class."""
    set_random_seed(0)
    model = kind([Input((64,)), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=40, verbose=0)
    return model


models = {"usual step": train(Sequential), "adversarial step": train(Robust)}

# %% [markdown]
# Each model is attacked with its own gradient. The robust one needs larger changes to be misled.

# %% [markdown] lang="zh"
# 每个模型都用自己的梯度攻击。稳健的模型需要更大的改动才会被误导。

# %%
figure, axes = plt.subplots(2, 8, figsize=(9, 2.9))
for row, (name, model) in zip(axes, models.items(), strict=True):
    weights = [variable.value for variable in model.trainable_variables]
    changed = np.asarray(attacked(model, weights, [], x_test, y_test))
    predicted = model.predict(changed, verbose=0).argmax(axis=1)
    for axis, image, label, found in zip(row, changed, y_test, predicted, strict=False):
        axis.imshow(image.reshape(8, 8), cmap="gray_r")
        axis.set_title(f"{label}: {found}", color="tab:red" if label != found else "black", fontsize=9)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name.replace(" ", "\n"))
    clean = np.mean(model.predict(x_test, verbose=0).argmax(axis=1) == y_test)
    print(f"{name:17} test accuracy {clean:.3f}, attacked {np.mean(predicted == y_test):.3f}")
plt.show()
