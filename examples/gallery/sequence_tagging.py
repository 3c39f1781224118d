# %% [markdown]
# # Tag each word of a sentence
#
# Which words are persons, towns or companies? "Jordan" or "Paris" may be several of them; only the context decides.
# A bidirectional LSTM reads the words before and after.

# %% [markdown] lang="zh"
# # 为句子中的每个词打标签
#
# 哪些词是人名、地名或公司名？"jordan" 或 "paris" 可能属于多类，只有上下文能够决定。双向 LSTM 读取前面和后面的词。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Model, layers
from gazelle.utils import pad_sequences, set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
TAGS = ["-", "person", "town", "company"]
NAMES = ["jordan", "paris", "chelsea", "austin", "ford", "virginia", "amazon", "victoria"]  # each may have any tag
PATTERNS = [  # 1: person, 2: town, 3: company
    "1 lives in 2", "we travelled from 2 to 2", "the profits of 3 fell", "my friend 1 works for 3 in 2",
    "3 opened an office in 2", "1 and 1 met in 2", "the weather in 2 is fine", "3 hired 1", "he met 1 near 2",
    "3 sold its part of 3", "in 2 it rained , wrote 1", "1 bought stock of 3", "is 1 at home", "is 2 a large city",
]  # fmt: skip
POSITIONS = ["today", "yesterday", "again", "of course"]


def sentence():
    """Words and the tag of each."""
    parts = rng.choice(PATTERNS).split()
    if rng.random() < 0.5:
        extra = rng.choice(POSITIONS).split()
        parts = [*extra, *parts] if rng.random() < 0.5 else [*parts, *extra]
    tags = [int(part) if part.isdigit() else 0 for part in parts]
    return [rng.choice(NAMES) if tag else part for part, tag in zip(parts, tags, strict=True)], tags


sentences, tags = zip(*[sentence() for _ in range(1500)], strict=True)
vocabulary = sorted({word for one in sentences for word in one})
x = pad_sequences([[vocabulary.index(word) + 1 for word in one] for one in sentences], padding="post")
y = pad_sequences(tags, padding="post")
print(*[f"{word}/{TAGS[tag]}" for word, tag in zip(sentences[0], tags[0], strict=True)])

# %% [markdown]
# `mask_zero=True` marks the zeros that fill short sentences. The mask travels through the model: the LSTM skips
# these positions, and neither loss nor accuracy counts them.

# %% [markdown] lang="zh"
# `mask_zero=True` 标记用于填充短句的零。掩码随数据传过整个模型：LSTM 跳过这些位置，损失和准确率也不计算它们。


# %%
def train(middle):
    """A tagger with a layer between the word vectors and the output."""
    set_random_seed(0)
    inputs = Input((x.shape[1],), dtype="int32")
    h = layers.Embedding(len(vocabulary) + 1, 16, mask_zero=True)(inputs)
    outputs = layers.Dense(len(TAGS), activation="softmax")(middle(h))
    model = Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:1200], y[:1200], epochs=12, verbose=0)
    return model.predict(x[1200:], verbose=0).argmax(axis=-1)


alone = train(layers.Dense(32, activation="relu"))
forward = train(layers.LSTM(32, return_sequences=True))
both = train(layers.Bidirectional(layers.LSTM(32, return_sequences=True)))

# %% [markdown]
# A network that sees one word at a time can only guess. One that reads from left to right fails where the decisive
# word follows, as in "Ford hired ...".

# %% [markdown] lang="zh"
# 每次只看一个词的网络只能猜测。从左到右阅读的网络在关键词位于后面时会出错，例如 "ford hired ..."。

# %%
results = {"word alone": alone, "LSTM": forward, "both ways": both}
is_name, truth = y[1200:] > 0, y[1200:]
plt.figure(figsize=(7, 2.8))
for number, (name, found) in enumerate(results.items()):
    heights = [(found == truth)[truth == tag].mean() for tag in (1, 2, 3)]
    plt.bar(np.arange(3) + 0.25 * number, heights, width=0.22, label=name)
plt.xticks(np.arange(3) + 0.25, TAGS[1:])
plt.ylabel("fraction found")
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
plt.show()
for text, tag in zip(sentences[1200:1204], both, strict=False):
    print(*[f"{word}/{TAGS[number]}" if number else word for word, number in zip(text, tag, strict=False)])
for name, found in results.items():
    print(f"names with the right tag, {name:10} {(found == truth)[is_name].mean():.3f}")
