# %% [markdown]
# # A network in a scikit-learn pipeline
#
# `SKLearnClassifier` turns a model into an estimator: it can be used with scalers, pipelines, cross-validation and
# grid search of scikit-learn like any other.

# %% [markdown] lang="zh"
# # scikit-learn 流水线中的网络
#
# `SKLearnClassifier` 把模型变成估计器：它可以像其他估计器一样与 scikit-learn 的缩放器、流水线、交叉验证和网格搜索一
# 起使用。

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gazelle import Input, Sequential, layers
from gazelle.utils import set_random_seed
from gazelle.wrappers import SKLearnClassifier

set_random_seed(0)
wine = load_wine()  # 178 wines of three cultivars, 13 chemical measurements
x, y = wine.data, wine.target

# %% [markdown]
# The estimator receives a function that makes a compiled model. It is called for each training, with the data, so
# that the sizes of inputs and outputs need not be written down.

# %% [markdown] lang="zh"
# 估计器接收一个创建已编译模型的函数。每次训练都用数据调用它，因此不必写出输入和输出的大小。


# %%
def network(X, y, units=16, dropout=0.0):
    """A model for the given data; scikit-learn's targets are one-hot here."""
    model = Sequential([Input(X.shape[1:]), layers.Dense(units, activation="relu"), layers.Dropout(dropout)])
    model.add(layers.Dense(y.shape[1], activation="softmax"))
    model.compile("adam", "categorical_crossentropy")
    return model


estimator = SKLearnClassifier(network, model_kwargs={"units": 16}, fit_kwargs={"epochs": 40, "verbose": 0})
pipeline = make_pipeline(StandardScaler(), estimator)
scores = {
    "network, not scaled": cross_val_score(estimator, x, y, cv=3),
    "network in a pipeline": cross_val_score(pipeline, x, y, cv=3),
    "logistic regression": cross_val_score(make_pipeline(StandardScaler(), LogisticRegression()), x, y, cv=3),
}
for name, values in scores.items():
    print(f"{name:22} accuracy {values.mean():.3f} +- {values.std():.3f}")

# %% [markdown]
# With so few samples, the linear model is better than a network of 16 units. The parameters of each part of a
# pipeline are set by its name, also in a search.

# %% [markdown] lang="zh"
# 样本这么少时，线性模型比 16 个单元的网络更好。流水线各部分的参数通过名称设置，在搜索中也是如此。

# %%
grid = {"sklearnclassifier__model_kwargs": [{"units": 4}, {"units": 32}]}
search = GridSearchCV(pipeline, grid, cv=3).fit(x, y)
for parameters, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(parameters["sklearnclassifier__model_kwargs"], f"accuracy {score:.3f}")

# %% [markdown]
# `cross_val_predict` predicts each wine by a model that was trained without it.

# %% [markdown] lang="zh"
# `cross_val_predict` 用没有见过某种酒的模型来预测这种酒。

# %%
predicted = cross_val_predict(search.best_estimator_, x, y, cv=3)
confusion = np.array([[np.sum((y == a) & (predicted == b)) for b in range(3)] for a in range(3)])
plt.figure(figsize=(3.4, 3))
plt.imshow(confusion, cmap="Blues")
for a, b in np.ndindex(3, 3):
    plt.text(b, a, confusion[a, b], ha="center", va="center", color="white" if confusion[a, b] > 30 else "black")
plt.xticks(range(3), wine.target_names)
plt.yticks(range(3), wine.target_names)
plt.xlabel("predicted")
plt.ylabel("true")
plt.show()
print(f"{(predicted == y).mean():.3f} of the wines are recognized")
