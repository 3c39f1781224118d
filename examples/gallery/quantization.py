# %% [markdown]
# # Smaller files: weights in 8 and 4 bits
#
# A trained network needs its weights less exactly than the training did. `quantize` stores them as integers with
# one factor per column: a quarter or an eighth of the size, with almost the same answers.

# %% [markdown] lang="zh"
# # 更小的文件：8 位和 4 位权重
#
# 训练好的网络对权重精度的要求低于训练过程。`quantize` 把权重存为整数，每列一个系数：大小为四分之一或八分之一，而答
# 案几乎相同。

# %%
import os
import tempfile

import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers
from gazelle.datasets import local
from gazelle.models import clone_model, load_model
from gazelle.utils import set_random_seed

set_random_seed(0)
(x_train, y_train), (x_test, y_test) = local("mnist_5k")
x_train, x_test = x_train.reshape(-1, 784) / 255, x_test.reshape(-1, 784) / 255
model = Sequential([Input((784,)), layers.Dense(256, activation="relu"), layers.Dense(128, activation="relu")])
model.add(layers.Dense(10, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=6, batch_size=64, verbose=0)

# %% [markdown]
# A copy of the model is quantized, so that all three can be compared. A saved file stays quantized, and
# `load_model` reads it like any other.

# %% [markdown] lang="zh"
# 对模型的副本进行量化，以便比较三个模型。保存的文件保持量化状态，`load_model` 可以像读取其他文件一样读取它。

# %%
models = {"float32": model}
for mode in ("int8", "int4"):
    models[mode] = clone_model(model)
    models[mode].set_weights(model.get_weights())
    models[mode].quantize(mode)

probabilities, sizes = {}, {}
with tempfile.TemporaryDirectory() as folder:
    for name, one in models.items():
        path = os.path.join(folder, f"{name}.keras")
        one.save(path, include_optimizer=False)
        sizes[name] = os.path.getsize(path)
        probabilities[name] = load_model(path).predict(x_test, verbose=0)

# %% [markdown]
# The difference in the probabilities grows with fewer bits; the predicted class seldom changes.

# %% [markdown] lang="zh"
# 位数越少，概率的差异越大；预测的类别很少改变。

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.8))
for mode in ("int8", "int4"):
    change = np.sort(np.abs(probabilities[mode] - probabilities["float32"]).max(axis=1))
    axes[1].semilogy(np.linspace(0, 100, len(change)), change, label=mode)
axes[1].set(title="largest change of a probability", xlabel="percent of the images")
axes[1].legend()
axes[0].bar(list(sizes), [size / 1024 for size in sizes.values()], color="tab:green")
axes[0].set_title("size of the file in KiB")
plt.show()

classes = {name: values.argmax(axis=1) for name, values in probabilities.items()}
for name, found in classes.items():
    same = (found == classes["float32"]).mean()
    print(
        f"{name:8} {sizes[name] / 1024:6.0f} KiB  test accuracy {(found == y_test).mean():.3f}  same class {same:.3f}"
    )
