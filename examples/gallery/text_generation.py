# %% [markdown]
# # Generate text with a small transformer
#
# A transformer learns to predict the next word of simple English sentences. Given a start, it writes new ones. The
# grammar that made the training sentences can check each of them.

# %% [markdown] lang="zh"
# # 用小型 Transformer 生成文本
#
# 一个 Transformer 学习预测简单英语句子的下一个词，然后从给定的开头写出新的句子。产生训练句子的语法可以检查每个句子
# 是否正确。

# %%
import re

import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Model, layers, losses, ops
from gazelle.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
NOUNS, VERBS, ADJECTIVES = ["dog", "cat", "boy", "bird", "teacher"], ["see", "like", "follow", "hear"], ["small", "old"]


def phrase():
    """A noun with its article, and the ending of its verb."""
    plural = rng.random() < 0.5
    article = rng.choice(["the", "some"] if plural else ["the", "a", "every"])
    adjective = [rng.choice(ADJECTIVES)] if rng.random() < 0.5 else []
    return [article, *adjective, rng.choice(NOUNS) + "s" * plural], "s" * (not plural)


def sentence():
    """Subject, perhaps with a relative clause, verb that agrees with the subject, and object."""
    (subject, ending), (other, other_ending), (target, _) = phrase(), phrase(), phrase()
    clause = ["that", *other, rng.choice(VERBS) + other_ending] if rng.random() < 0.5 else []
    return [*subject, *clause, rng.choice(VERBS) + ending, *target, "."]


sentences = [sentence() for _ in range(3000)]
print(*[" ".join(one) for one in sentences[:3]], sep="\n")
LENGTH = max(map(len, sentences))
vocabulary = ["", "<start>", *sorted({word for one in sentences for word in one})]
number_of = {word: number for number, word in enumerate(vocabulary)}
tokens = np.zeros((len(sentences), LENGTH + 1), dtype="int32")
for row, one in zip(tokens, sentences, strict=True):
    row[: len(one) + 1] = [1, *(number_of[word] for word in one)]
x, y = tokens[:, :-1], tokens[:, 1:]

# %% [markdown]
# Position t of the output predicts word t + 1. `use_causal_mask=True` hides the words that follow. A second
# embedding gives each position a vector, since attention does not depend on order.

# %% [markdown] lang="zh"
# 输出的位置 t 预测第 t + 1 个词。`use_causal_mask=True` 遮住后面的词。注意力与顺序无关，因此第二个嵌入给每个位置一
# 个向量。

# %%
inputs = Input((LENGTH,), dtype="int32")
h = layers.Embedding(len(vocabulary), 48)(inputs) + layers.Embedding(LENGTH, 48)(ops.arange(LENGTH))
for _ in range(2):
    normed = layers.LayerNormalization()(h)
    h = h + layers.MultiHeadAttention(4, 12)(normed, normed, use_causal_mask=True)
    h = h + layers.Dense(48)(layers.Dense(96, activation="gelu")(layers.LayerNormalization()(h)))
outputs = layers.Dense(len(vocabulary))(layers.LayerNormalization()(h))
model = Model(inputs, outputs)
model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0))

# %% [markdown]
# A sentence is written word by word: the probabilities at the last position are those of the next word, from which
# one is drawn.

# %% [markdown] lang="zh"
# 句子逐词写出：最后位置的概率是下一个词的概率，从中抽取一个词。


# %%
def write(count):
    """Draw sentences from the model."""
    written = np.zeros((count, LENGTH), dtype="int32")
    written[:, 0] = 1
    for position in range(LENGTH - 1):
        logits = model.predict(written, verbose=0)[:, position].astype("float64")
        logits[:, :2] = -np.inf
        noise = rng.gumbel(size=logits.shape)  # the largest logit + noise is a draw from the softmax
        done = (written == number_of["."]).any(axis=1)
        written[:, position + 1] = np.where(done, 0, (logits + noise).argmax(axis=1))
    return [[vocabulary[number] for number in row[1:] if number] for row in written]


verb, adjective = f"({'|'.join(VERBS)})", f"(({'|'.join(ADJECTIVES)}) )?"
one, many = f"(the|a|every) {adjective}({'|'.join(NOUNS)})", f"(the|some) {adjective}({'|'.join(NOUNS)})s"
clause = f"( that ({one} {verb}s|{many} {verb}))?"
GRAMMAR = re.compile(rf"({one}{clause} {verb}s|{many}{clause} {verb}) ({one}|{many}) \.")

known, curve, correct = set(map(" ".join, sentences)), [], []
for _ in range(9):
    curve += model.fit(x, y, batch_size=32, verbose=0).history["loss"]
    written = list(map(" ".join, write(100)))
    correct.append(np.mean([bool(GRAMMAR.fullmatch(text)) for text in written]))
print(*written[:5], sep="\n")

figure, axes = plt.subplots(1, 2, figsize=(8, 2.8))
axes[0].plot(range(1, 10), curve)
axes[1].plot(range(1, 10), correct, color="tab:green")
for axis, title in zip(axes, ("loss per word", "correct sentences"), strict=True):
    axis.set(title=title, xlabel="epoch")
plt.show()
new = [text for text in written if text not in known]
print(f"{correct[-1]:.0%} of the sentences are correct, {len(new)} of {len(written)} are not in the training data")
