'''Image captioning by merge: the picture as a vector, repeated, beside the words so far.'''
from __future__ import print_function
import numpy as np
from keras.layers.core import Dense, RepeatVector, Activation, Flatten, Merge
from keras.layers.embeddings import Embedding
from keras.layers.recurrent import GRU, LSTM
from keras.layers.wrappers import TimeDistributed
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.models import Sequential
from keras import backend as K

max_caption_len = 4
vocab_size = 8
np.random.seed(1337)

images = np.random.rand(60, 12, 12, 3)
kinds = np.arange(60) % 4
for im, kind in zip(images, kinds):
    im[3 * kind: 3 * kind + 3] += 2
partial_captions = np.tile([1, 0, 0, 0], (60, 1))
partial_captions[:, 1] = np.random.randint(2, 4, 60)
next_words = np.zeros((60, vocab_size))
next_words[np.arange(60), kinds + 4] = 1

image_model = Sequential()
image_model.add(Convolution2D(4, 3, 3, border_mode='valid', input_shape=(12, 12, 3)))
image_model.add(Activation('relu'))
image_model.add(MaxPooling2D(pool_size=(2, 2)))
image_model.add(Flatten())
image_model.add(Dense(16))

language_model = Sequential()
language_model.add(Embedding(vocab_size, 8, input_length=max_caption_len))
language_model.add(GRU(output_dim=8, return_sequences=True))
language_model.add(TimeDistributed(Dense(8)))

image_model.add(RepeatVector(max_caption_len))

model = Sequential()
model.add(Merge([image_model, language_model], mode='concat', concat_axis=-1))
model.add(LSTM(12, return_sequences=False))
model.add(Dense(vocab_size))
model.add(Activation('softmax'))
model.compile(loss='categorical_crossentropy', optimizer='rmsprop')
K.set_value(model.optimizer.lr, 0.01)
first = model.evaluate([images, partial_captions], next_words, batch_size=16, verbose=0)
model.fit([images, partial_captions], next_words, batch_size=16, nb_epoch=30, verbose=0)
last = model.evaluate([images, partial_captions], next_words, batch_size=16, verbose=0)
print(first, last)
assert last < 0.6 * first
