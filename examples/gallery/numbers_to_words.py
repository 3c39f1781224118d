# %% [markdown]
# # Translate numbers into words
#
# A sequence-to-sequence model translates "347" to "three hundred forty seven". The encoder reads the digits; the
# decoder writes one word after the other and looks back at the digits with attention.

# %% [markdown] lang="zh"
# # 把数字翻译成单词
#
# 序列到序列模型把 "347" 翻译成 "three hundred forty seven"。编码器读取各位数字；解码器逐个写出单词，并通过注意力回
# 看这些数字。

# %%
import matplotlib.pyplot as plt
import numpy as np

from gazelle import Input, Model, layers, losses, optimizers
from gazelle.utils import pad_sequences, set_random_seed

set_random_seed(0)
SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number):
    """The number below a million as a list of words."""
    if number < 20:
        return [SMALL[number]]
    if number < 100:
        return [TENS[number // 10 - 2], *(in_words(number % 10) if number % 10 else [])]
    size, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    return [*in_words(number // size), name, *(in_words(number % size) if number % size else [])]


numbers = np.random.default_rng(0).permutation(100_000)[:6000]
vocabulary = ["", "<start>", "<end>", *SMALL, *TENS, "hundred", "thousand"]
digits = pad_sequences([[int(digit) + 1 for digit in str(number)] for number in numbers])
targets = pad_sequences(
    [[1, *(vocabulary.index(word) for word in in_words(number)), 2] for number in numbers], padding="post"
)
print(numbers[0], "->", " ".join(in_words(numbers[0])))

# %% [markdown]
# In training, the decoder receives the correct words and predicts the next one at each position. Its query is its
# own state; attention returns a mixture of the encoder's states.

# %% [markdown] lang="zh"
# 训练时，解码器接收正确的单词，并在每个位置预测下一个单词。查询是解码器自己的状态；注意力返回编码器各状态的加权组
# 合。

# %%
source, target = Input((5,), dtype="int32"), Input((None,), dtype="int32")
encoded = layers.Bidirectional(layers.GRU(32, return_sequences=True))(layers.Embedding(11, 16)(source))
states = layers.GRU(64, return_sequences=True)(layers.Embedding(len(vocabulary), 32)(target))
context, weights = layers.MultiHeadAttention(1, 32)(states, encoded, return_attention_scores=True)
hidden = layers.Dense(64, activation="relu")(layers.Concatenate()([states, context]))
outputs = layers.Dense(len(vocabulary))(hidden)
model, looking = Model([source, target], outputs), Model([source, target], weights)
model.compile(optimizers.Adam(0.003), losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0))
history = model.fit([digits[:5000], targets[:5000, :-1]], targets[:5000, 1:], epochs=12, batch_size=50, verbose=0)
print(f"loss per word: {history.history['loss'][0]:.3f} -> {history.history['loss'][-1]:.4f}")

# %% [markdown]
# To translate, the decoder receives its own words: it starts with `<start>` alone and adds the most probable word
# at each step.

# %% [markdown] lang="zh"
# 翻译时，解码器接收自己写出的单词：从 `<start>` 开始，每一步加上概率最大的单词。


# %%
def translate(digits):
    """The most probable words."""
    written = np.zeros((len(digits), targets.shape[1] - 1), dtype="int32")
    written[:, 0] = 1
    for position in range(written.shape[1] - 1):
        best = model.predict([digits, written], verbose=0)[:, position].argmax(axis=-1)
        written[:, position + 1] = np.where(np.isin(written[:, position], (0, 2)), 0, best)
    return written


written = translate(digits[5000:])
texts = [" ".join(vocabulary[word] for word in row if word > 2) for row in written]
correct = [text == " ".join(in_words(number)) for text, number in zip(texts, numbers[5000:], strict=True)]

row = int(np.argmax(numbers[5000:] > 20_000))
names = [vocabulary[word] for word in written[row] if word != 0]
scores = looking.predict([digits[5000:][row : row + 1], written[row : row + 1]], verbose=0)[0, 0]
plt.figure(figsize=(5, 3))
plt.imshow(scores[: len(names) - 1].T, cmap="Blues", aspect="auto")
plt.xticks(range(len(names) - 1), names[1:], rotation=45)
plt.yticks(range(5), str(numbers[5000:][row]).rjust(5))
plt.ylabel("digits")
plt.title("what the decoder looks at")
plt.show()
for number, text in zip(numbers[5000:5004], texts, strict=False):
    print(number, "->", text)
print(f"translated without a mistake: {np.mean(correct):.3f} of 1,000 numbers that are not in the training data")
