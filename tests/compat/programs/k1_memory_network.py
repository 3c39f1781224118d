'''A memory network on made-up stories (after the bAbI example): nested merges of Sequentials.'''
from __future__ import print_function
from keras.models import Sequential
from keras.layers.embeddings import Embedding
from keras.layers import Activation, Dense, Merge, Permute, Dropout
from keras.layers import LSTM
import numpy as np

np.random.seed(0)
vocab_size, story_maxlen, query_maxlen = 12, 10, 3
n = 120
inputs_train = np.random.randint(3, vocab_size, (n, story_maxlen))
queries_train = np.random.randint(1, 3, (n, query_maxlen))
answers_train = np.zeros((n, vocab_size))
answers_train[np.arange(n), queries_train[:, 0]] = 1

input_encoder_m = Sequential()
input_encoder_m.add(Embedding(input_dim=vocab_size, output_dim=16, input_length=story_maxlen))
input_encoder_m.add(Dropout(0.1))
question_encoder = Sequential()
question_encoder.add(Embedding(input_dim=vocab_size, output_dim=16, input_length=query_maxlen))
question_encoder.add(Dropout(0.1))
match = Sequential()
match.add(Merge([input_encoder_m, question_encoder], mode='dot', dot_axes=[2, 2]))
match.add(Activation('softmax'))
input_encoder_c = Sequential()
input_encoder_c.add(Embedding(input_dim=vocab_size, output_dim=query_maxlen, input_length=story_maxlen))
input_encoder_c.add(Dropout(0.1))
response = Sequential()
response.add(Merge([match, input_encoder_c], mode='sum'))
response.add(Permute((2, 1)))

answer = Sequential()
answer.add(Merge([response, question_encoder], mode='concat', concat_axis=-1))
answer.add(LSTM(16))
answer.add(Dropout(0.1))
answer.add(Dense(vocab_size))
answer.add(Activation('softmax'))

answer.compile(optimizer='rmsprop', loss='categorical_crossentropy', metrics=['accuracy'])
history = answer.fit([inputs_train, queries_train, inputs_train], answers_train,
                     batch_size=16,
                     nb_epoch=10)
assert history.history['loss'][-1] < history.history['loss'][0] / 2, history.history['loss']
