# %% [markdown]
# # One case in fifty: imbalanced classes
#
# If 2 % of the samples are positive, a model that never finds one has an accuracy of 0.98. Class weights and the
# right measures help. Here the same network is trained with and without weights.

# %% [markdown] lang="zh"
# # 五十分之一：不平衡的类别
#
# 如果只有 2 % 的样本是正例，一个从不报出正例的模型准确率也有 0.98。类别权重和合适的指标可以解决这个问题。这里用同一
# 个网络比较有无权重的训练。

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.metrics import precision_recall_curve

from gazelle import Input, Sequential, layers, metrics
from gazelle.utils import set_random_seed

x, y = make_classification(
    9000, n_features=12, n_informative=6, weights=[0.98], flip_y=0.004, class_sep=1.2, random_state=3
)
x_train, y_train, x_test, y_test = x[:6000], y[:6000], x[6000:], y[6000:]
print(f"{y_train.sum()} of {len(y_train)} training samples are positive")

# %% [markdown]
# `class_weight` multiplies the loss of each positive sample by 20, so that positives count about as much as
# negatives. This shifts the probabilities; the order of the samples changes less.

# %% [markdown] lang="zh"
# `class_weight` 把每个正例的损失乘以 20，使正例的总分量与负例大致相当。这会改变概率的大小，而样本的排序变化较小。


# %%
def train(class_weight):
    """The probabilities of the test samples, and the metrics."""
    set_random_seed(0)
    model = Sequential([Input((12,)), layers.Dense(32, activation="relu"), layers.Dense(1, activation="sigmoid")])
    measures = [
        metrics.BinaryAccuracy(name="accuracy"),
        metrics.Precision(name="precision"),
        metrics.Recall(name="recall"),
    ]
    model.compile("adam", "binary_crossentropy", metrics=[*measures, metrics.AUC(curve="PR", name="area")])
    model.fit(x_train, y_train, epochs=12, class_weight=class_weight, verbose=0)
    return model.predict(x_test, verbose=0)[:, 0], model.evaluate(x_test, y_test, verbose=0, return_dict=True)


runs = {"without weights": train(None), "with weights": train({0: 1.0, 1: 20.0})}

# %% [markdown]
# Each point of a curve belongs to a threshold: recall is the fraction of the positives that are found, precision
# the fraction of the found that are positive. The dots mark the threshold 0.5. Choose the threshold by what a
# missed case and a false alarm cost.

# %% [markdown] lang="zh"
# 曲线上的每个点对应一个阈值：召回率是被找到的正例的比例，精确率是找到的样本中正例的比例。圆点标出阈值 0.5。应根据漏
# 报和误报的代价选择阈值。

# %%
plt.figure(figsize=(5, 3.4))
for name, (probabilities, measured) in runs.items():
    precision, recall, _ = precision_recall_curve(y_test, probabilities)
    (line,) = plt.plot(recall, precision, label=name)
    plt.plot(measured["recall"], measured["precision"], "o", color=line.get_color())
plt.xlabel("recall")
plt.ylabel("precision")
plt.legend()
plt.show()

print(f"{'':16}accuracy  recall  precision  area under the curve")
print(f"{'never positive':16}{1 - y_test.mean():8.3f}{0:8.3f}")
for name, (_, m) in runs.items():
    print(f"{name:16}{m['accuracy']:8.3f}{m['recall']:8.3f}{m['precision']:11.3f}{m['area']:8.3f}")
