"""Text classification with pretrained word embeddings (after the Keras blog)."""
from __future__ import print_function
import os
import sys
import numpy as np
from keras.preprocessing.text import Tokenizer
from keras.preprocessing.sequence import pad_sequences
from keras.utils import to_categorical
from keras.layers import Dense, Input, GlobalMaxPooling1D
from keras.layers import Conv1D, MaxPooling1D, Embedding
from keras.models import Model
from keras.callbacks import EarlyStopping, ModelCheckpoint, TensorBoard

BASE_DIR = ''
GLOVE_DIR = os.path.join(BASE_DIR, 'glove.6B')
MAX_SEQUENCE_LENGTH = 16
MAX_NUM_WORDS = 200
EMBEDDING_DIM = 10
VALIDATION_SPLIT = 0.2

os.makedirs(GLOVE_DIR)
rng = np.random.RandomState(3)
good, bad = ['great', 'fine', 'lovely', 'superb'], ['awful', 'poor', 'boring', 'bad']
rest = ['the', 'film', 'actor', 'was', 'story', 'a', 'and', 'of']
with open(os.path.join(GLOVE_DIR, 'glove.6B.10d.txt'), 'w') as f:
    for w in good + bad + rest:
        v = rng.randn(10) * 0.3 + (2 if w in good else -2 if w in bad else 0) * np.eye(10)[0]
        f.write(' '.join([w] + ['%.4f' % x for x in v]) + '\n')

print('Indexing word vectors.')
embeddings_index = {}
with open(os.path.join(GLOVE_DIR, 'glove.6B.10d.txt')) as f:
    for line in f:
        values = line.split()
        word = values[0]
        coefs = np.asarray(values[1:], dtype='float32')
        embeddings_index[word] = coefs
print('Found %s word vectors.' % len(embeddings_index))

texts, labels = [], []
for i in range(120):
    words = list(rng.choice(rest, 10)) + list(rng.choice(good if i % 2 else bad, 2))
    rng.shuffle(words)
    texts.append(' '.join(words).capitalize() + '.')
    labels.append(i % 2)
print('Found %s texts.' % len(texts))

tokenizer = Tokenizer(num_words=MAX_NUM_WORDS)
tokenizer.fit_on_texts(texts)
sequences = tokenizer.texts_to_sequences(texts)
word_index = tokenizer.word_index
print('Found %s unique tokens.' % len(word_index))
data = pad_sequences(sequences, maxlen=MAX_SEQUENCE_LENGTH)
labels = to_categorical(np.asarray(labels))

indices = np.arange(data.shape[0])
np.random.shuffle(indices)
data = data[indices]
labels = labels[indices]
num_validation_samples = int(VALIDATION_SPLIT * data.shape[0])
x_train = data[:-num_validation_samples]
y_train = labels[:-num_validation_samples]
x_val = data[-num_validation_samples:]
y_val = labels[-num_validation_samples:]

num_words = min(MAX_NUM_WORDS, len(word_index) + 1)
embedding_matrix = np.zeros((num_words, EMBEDDING_DIM))
for word, i in word_index.items():
    if i >= MAX_NUM_WORDS:
        continue
    embedding_vector = embeddings_index.get(word)
    if embedding_vector is not None:
        embedding_matrix[i] = embedding_vector

embedding_layer = Embedding(num_words,
                            EMBEDDING_DIM,
                            weights=[embedding_matrix],
                            input_length=MAX_SEQUENCE_LENGTH,
                            trainable=False)

sequence_input = Input(shape=(MAX_SEQUENCE_LENGTH,), dtype='int32')
embedded_sequences = embedding_layer(sequence_input)
x = Conv1D(16, 3, activation='relu')(embedded_sequences)
x = MaxPooling1D(3)(x)
x = Conv1D(16, 2, activation='relu')(x)
x = GlobalMaxPooling1D()(x)
x = Dense(16, activation='relu')(x)
preds = Dense(2, activation='softmax')(x)

model = Model(sequence_input, preds)
model.compile(loss='categorical_crossentropy', optimizer='rmsprop', metrics=['acc'])
callbacks = [EarlyStopping(monitor='val_loss', patience=5),
             ModelCheckpoint('weights.{epoch:02d}-{val_acc:.2f}.hdf5', monitor='val_acc', save_best_only=True)]
history = model.fit(x_train, y_train, batch_size=16, epochs=12, validation_data=(x_val, y_val), callbacks=callbacks)
assert max(history.history['val_acc']) > 0.8, history.history['val_acc']
assert np.allclose(embedding_layer.get_weights()[0], embedding_matrix, atol=1e-6)
assert any(name.endswith('.hdf5') for name in os.listdir('.'))
print(tokenizer.texts_to_matrix(['a great film'], mode='tfidf').shape)
