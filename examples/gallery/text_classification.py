# %% [markdown]
# # Classify sentences
#
# Reviews are positive or negative. A negation turns the meaning around ("not good"), so single words are not
# enough: a convolution over the sentence sees pairs of them.

# %% [markdown] lang="zh"
# # 句子分类
#
# 评论分为正面和负面。否定词会反转含义（"not good"），因此只看单个词是不够的：沿句子的卷积能看到相邻的词对。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Sequential, layers
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
GOOD, BAD = ["good", "great", "funny", "moving", "clever"], ["bad", "boring", "silly", "flat", "weak"]


def review():
    """A sentence about a film, and 1 if it is positive."""
    positive, negated = rng.integers(0, 2), rng.random() < 0.3
    word = rng.choice(GOOD if positive != negated else BAD)
    strong = rng.choice(["", "really ", "so "])
    start = rng.choice(["the film is", "i found the plot", "my friends call it", "the actors made it"])
    end = rng.choice(["", "at all", "and quite long", "from start to end", "and it is no musical"])
    return " ".join(f"{start} {'not ' if negated else ''}{strong}{word} {end}".split()), positive


texts, labels = (np.array(part) for part in zip(*[review() for _ in range(1200)], strict=True))
print(*[f"{label}  {text}" for text, label in zip(texts[:4], labels[:4], strict=True)], sep="\n")

# %% [markdown]
# `TextVectorization` learns the vocabulary from the training texts and turns each text into numbers of words. Used
# on its own, it prepares the data of any model.

# %% [markdown] lang="zh"
# `TextVectorization` 从训练文本中学习词表，并把每段文本转换成词的编号。单独使用时，它可以为任何模型准备数据。

# %%
vectorize = layers.TextVectorization(output_sequence_length=14)
vectorize.adapt(texts[:1000])
x, vocabulary = np.asarray(vectorize(texts)), vectorize.get_vocabulary()
print(texts[0], "->", x[0])


def train(*middle):
    """The test accuracy of a model with some layers between the word vectors and the average over the sentence."""
    set_random_seed(0)
    model = Sequential([Input((14,)), layers.Embedding(len(vocabulary), 16, name="vectors"), *middle])
    model.add(layers.GlobalAveragePooling1D())
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x[:1000], labels[:1000], epochs=30, verbose=0)
    return model, model.evaluate(x[1000:], labels[1000:], verbose=0)[1]


single, single_accuracy = train()
pairs, pairs_accuracy = train(layers.Conv1D(32, 3, activation="relu"))

# %% [markdown]
# The score of single words shows what the first model has learned. It adds up words, and "not" has no meaning of
# its own.

# %% [markdown] lang="zh"
# 单个词的得分显示第一个模型学到了什么：它只是把各个词相加，而 "not" 本身没有正负之分。

# %%
scores = single.get_layer("vectors").get_weights()[0] @ single.layers[-1].get_weights()[0][:, 0]
shown = [*GOOD, *BAD, "not", "film", "really"]
heights = [scores[vocabulary.index(word)] for word in shown]
plt.figure(figsize=(8, 2.8))
plt.bar(shown, heights, color=["tab:green"] * 5 + ["tab:red"] * 5 + ["gray"] * 3)
plt.axhline(0, color="black", lw=0.8)
plt.xticks(rotation=45)
plt.ylabel("score of the word")
plt.show()
print(f"test accuracy: single words {single_accuracy:.3f}, with a convolution {pairs_accuracy:.3f}")
