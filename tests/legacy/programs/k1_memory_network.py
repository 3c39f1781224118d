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

# embed the input sequence into a sequence of vectors
input_encoder_m = Sequential()
input_encoder_m.add(Embedding(input_dim=vocab_size, output_dim=16, input_length=story_maxlen))
input_encoder_m.add(Dropout(0.1))
# embed the question into a sequence of vectors
question_encoder = Sequential()
question_encoder.add(Embedding(input_dim=vocab_size, output_dim=16, input_length=query_maxlen))
question_encoder.add(Dropout(0.1))
# compute a 'match' between input sequence elements (which are vectors)
# and the question vector sequence
match = Sequential()
match.add(Merge([input_encoder_m, question_encoder], mode='dot', dot_axes=[2, 2]))
match.add(Activation('softmax'))
# output: (samples, story_maxlen, query_maxlen)
# embed the input into a single vector with size = story_maxlen:
input_encoder_c = Sequential()
input_encoder_c.add(Embedding(input_dim=vocab_size, output_dim=query_maxlen, input_length=story_maxlen))
input_encoder_c.add(Dropout(0.1))
# output: (samples, story_maxlen, query_maxlen)
# sum the match vector with the input vector:
response = Sequential()
response.add(Merge([match, input_encoder_c], mode='sum'))
# output: (samples, story_maxlen, query_maxlen)
response.add(Permute((2, 1)))  # output: (samples, query_maxlen, story_maxlen)

# concatenate the match vector with the question vector,
# and do logistic regression on top
answer = Sequential()
answer.add(Merge([response, question_encoder], mode='concat', concat_axis=-1))
# the original paper uses a matrix multiplication for this reduction step.
# we choose to use a RNN instead.
answer.add(LSTM(16))
answer.add(Dropout(0.1))
answer.add(Dense(vocab_size))
# we output a probability distribution over the vocabulary
answer.add(Activation('softmax'))

answer.compile(optimizer='rmsprop', loss='categorical_crossentropy', metrics=['accuracy'])
# Note: you could use a Graph model to avoid repeat the input twice
history = answer.fit([inputs_train, queries_train, inputs_train], answers_train,
                     batch_size=16,
                     nb_epoch=10)
assert history.history['loss'][-1] < history.history['loss'][0] / 2, history.history['loss']
