# %% [markdown]
# # Distill a large network into a small one
#
# A large teacher is accurate, a small student is cheap. The student has labels for 150 images only, but the teacher
# can classify images without labels, and its probabilities also show that a 1 looks more like a 7 than like a 6.

# %% [markdown] lang="zh"
# # 把大网络蒸馏成小网络
#
# 大的教师网络准确，小的学生网络成本低。学生只有 150 张图像的标签，但教师可以评价没有标签的图像：它的概率还表明 1 更
# 像 7 而不像 6。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers, losses, optimizers
from gazelle.datasets import local
from gazelle.distillation import Distiller, LogitsDistillation
from gazelle.utils import set_random_seed

(x_train, y_train), (x_test, y_test) = local("digits")
x_train, x_test = x_train.reshape(-1, 64) / 16, x_test.reshape(-1, 64) / 16
x_teacher, y_teacher = x_train[:700], y_train[:700]
x_student, y_student = x_train[700:], y_train[700:850]  # 738 images, labels for the first 150
crossentropy = losses.SparseCategoricalCrossentropy(from_logits=True)


def network(units, seed):
    """A network with one hidden layer; its outputs are logits."""
    set_random_seed(seed)
    return Sequential([Input((64,)), layers.Dense(units, activation="relu"), layers.Dense(10)])


def accuracy(model):
    """The fraction of test images that are recognized."""
    return np.mean(model.predict(x_test, verbose=0).argmax(axis=1) == y_test)


teacher = network(512, seed=0)
teacher.compile("adam", crossentropy)
teacher.fit(x_teacher, y_teacher, epochs=30, verbose=0)
print(f"teacher: {teacher.count_params()} weights, test accuracy {accuracy(teacher):.3f}")

# %% [markdown]
# `Distiller` trains the student to have the logits of the teacher, divided by a temperature. A high temperature
# emphasizes the small probabilities. The classes that the teacher predicts serve as labels.

# %% [markdown] lang="zh"
# `Distiller` 训练学生输出与教师相同的 logits（除以温度）。较高的温度强调较小的概率。教师预测的类别用作标签。

# %%
guessed = teacher.predict(x_student, verbose=0).argmax(axis=1)
sizes, results = (2, 4, 16), {"150 labels": [], "teacher": []}
for units in sizes:
    alone = network(units, seed=1)
    alone.compile(optimizers.Adam(0.01), crossentropy)
    alone.fit(x_student[:150], y_student, epochs=80, verbose=0)
    results["150 labels"].append(accuracy(alone))

    student = network(units, seed=1)
    distiller = Distiller(teacher, student, LogitsDistillation(temperature=3.0), student_loss_weight=0.1)
    distiller.compile(optimizers.Adam(0.01), crossentropy)
    distiller.fit(x_student, guessed, epochs=20, verbose=0)
    results["teacher"].append(accuracy(student))

# %% [markdown]
# Both students of a size have the same first weights and about the same number of steps. Two hidden units are too
# few for either.

# %% [markdown] lang="zh"
# 同样大小的两个学生初始权重相同，训练步数也大致相同。两个隐藏单元对哪种方法都太少。

# %%
plt.figure(figsize=(6, 3))
for name, values in results.items():
    plt.plot(sizes, values, "o-", label=f"student of {'the ' * (name == 'teacher')}{name}")
plt.axhline(accuracy(teacher), color="gray", ls="--", label="teacher")
plt.xscale("log", base=2)
plt.xlabel("hidden units")
plt.ylabel("test accuracy")
plt.legend()
plt.show()
for units, alone, taught in zip(sizes, *results.values(), strict=True):
    print(f"student, {units:2} hidden units, {75 * units + 10:4} weights: 150 labels {alone:.3f}, teacher {taught:.3f}")
