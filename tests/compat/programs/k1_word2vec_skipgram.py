'''Skip-gram word embeddings with negative sampling.'''
from __future__ import print_function
import numpy as np
from keras.preprocessing import sequence, text
from keras.preprocessing.sequence import skipgrams, make_sampling_table
from keras.models import Sequential
from keras.layers import Embedding, Reshape, Merge, Dense, Activation
from keras.utils.generic_utils import Progbar
from keras.utils import np_utils

np.random.seed(1)
corpus = ['king queen palace crown', 'dog cat bone milk', 'queen king crown throne', 'cat dog milk mouse'] * 12
tokenizer = text.Tokenizer(nb_words=50)
tokenizer.fit_on_texts(corpus)
V = len(tokenizer.word_index) + 1
dim_embedddings = 6

model1 = Sequential()
model1.add(Embedding(V, dim_embedddings, init='uniform', input_length=1))
model1.add(Reshape((dim_embedddings, 1)))
model2 = Sequential()
model2.add(Embedding(V, dim_embedddings, input_length=1))
model2.add(Reshape((dim_embedddings, 1)))
model = Sequential()
model.add(Merge([model1, model2], mode='dot', dot_axes=(1, 1)))
model.add(Reshape((1,)))
model.add(Activation('sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam')
model.optimizer.lr = 0.05

history = []
for epoch in range(4):
    progbar = Progbar(len(corpus))
    total = 0.
    for i, doc in enumerate(tokenizer.texts_to_sequences(corpus)):
        couples, labels = skipgrams(doc, V, window_size=3, negative_samples=1., seed=epoch)
        if couples:
            first, second = [np.array(side, dtype='int32') for side in zip(*couples)]
            loss = model.train_on_batch([first, second], np.array(labels, dtype='int32'))
            total += float(loss)
            progbar.update(i, values=[('train loss', float(loss))])
    history.append(total)
print(history)
assert history[-1] < history[0]
weights = model1.layers[0].get_weights()[0]


def embed(word):
    v = weights[tokenizer.word_index[word]]
    return v / np.linalg.norm(v)

print(make_sampling_table(10))
assert weights.shape == (V, dim_embedddings)
assert np.all(np.isfinite(embed('king')))
assert sequence.pad_sequences([[1, 2]], maxlen=3).tolist() == [[0, 1, 2]]
