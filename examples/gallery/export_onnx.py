# %% [markdown]
# # Export to ONNX
#
# An ONNX file contains the computation of a network. Many programs and devices can run it without gazelle, here
# ONNX Runtime. Needs two packages: `pip install onnx onnxruntime`.

# %% [markdown] lang="zh"
# # 导出为 ONNX
#
# ONNX 文件包含网络的计算过程。许多程序和设备不需要 gazelle 就能运行它，这里使用 ONNX Runtime。需要两个软件包：
# `pip install onnx onnxruntime`。

# %%
import os
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

from gazelle import Input, Sequential, layers
from gazelle.datasets import local
from gazelle.utils import set_random_seed

set_random_seed(0)
(x_train, y_train), (x_test, y_test) = local("digits")
x_train, x_test = (x[..., None].astype("float32") for x in (x_train, x_test))

# %% [markdown]
# Preparation that is part of the model is part of the file: `Rescaling` divides the pixels by 16, so that users of
# the file need not know the range.

# %% [markdown] lang="zh"
# 属于模型的预处理也包含在文件中：`Rescaling` 把像素除以 16，因此文件的使用者不需要了解取值范围。

# %%
model = Sequential(
    [
        Input((8, 8, 1), name="image"),
        layers.Rescaling(1 / 16),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x_train, y_train, epochs=10, verbose=0)

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "digits.onnx")
    model.export(path, format="onnx", verbose=False)
    print(f"{os.path.getsize(path) / 1024:.0f} KiB")
    session = onnxruntime.InferenceSession(path)
for part in (*session.get_inputs(), *session.get_outputs()):
    print(part.name, part.shape, part.type)

# %% [markdown]
# The number of images is not fixed. The results differ by rounding only.

# %% [markdown] lang="zh"
# 图像的数量不固定。结果只有舍入误差。

# %%
name = session.get_inputs()[0].name
(probabilities,) = session.run(None, {name: x_test})
difference = np.abs(probabilities - model.predict(x_test, verbose=0)).max()
(one,) = session.run(None, {name: x_test[:1]})
print(f"one image: {one.argmax()}, correct: {y_test[0]}")

figure, axes = plt.subplots(2, 5, figsize=(9, 3), height_ratios=(2, 1))
for column, image, values in zip(axes.T, x_test, probabilities, strict=False):
    column[0].imshow(image, cmap="gray_r")
    column[0].axis("off")
    column[1].bar(range(10), values)
    column[1].set(xticks=range(10), yticks=[], ylim=(0, 1))
    column[1].tick_params(labelsize=7)
plt.show()
correct = (probabilities.argmax(axis=1) == y_test).mean()
print(f"ONNX Runtime: test accuracy {correct:.3f}, largest difference from predict {difference:.1e}")
