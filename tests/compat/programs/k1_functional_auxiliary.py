"""The functional API guide of Keras 1: two inputs, two outputs, loss weights, dicts."""
import numpy as np
from keras.layers import Input, Embedding, LSTM, Dense, merge, TimeDistributed, Bidirectional
from keras.models import Model

np.random.seed(0)
main_input = Input(shape=(12,), dtype='int32', name='main_input')
x = Embedding(output_dim=8, input_dim=30, input_length=12)(main_input)
lstm_out = Bidirectional(LSTM(8, return_sequences=False), merge_mode='concat')(x)
auxiliary_loss = Dense(1, activation='sigmoid', name='aux_output')(lstm_out)

auxiliary_input = Input(shape=(5,), name='aux_input')
x = merge([lstm_out, auxiliary_input], mode='concat')

x = Dense(16, activation='relu')(x)
x = Dense(16, activation='relu')(x)
main_loss = Dense(1, activation='sigmoid', name='main_output')(x)

model = Model(input=[main_input, auxiliary_input], output=[main_loss, auxiliary_loss])
model.compile(optimizer='rmsprop', loss={'main_output': 'binary_crossentropy', 'aux_output': 'binary_crossentropy'},
              loss_weights={'main_output': 1., 'aux_output': 0.2})

headline_data = np.random.randint(1, 30, (128, 12))
additional_data = np.random.rand(128, 5)
labels = (additional_data.sum(axis=1) > 2.5).astype('float32')[:, None]
history = model.fit({'main_input': headline_data, 'aux_input': additional_data},
                    {'main_output': labels, 'aux_output': labels},
                    nb_epoch=40, batch_size=16, verbose=0)
assert history.history['main_output_loss'][-1] < history.history['main_output_loss'][0]
out = model.predict([headline_data, additional_data])
assert len(out) == 2 and np.mean((out[0] > 0.5) == labels) > 0.8

tweet_a = Input(shape=(10, 6))
tweet_b = Input(shape=(10, 6))
shared_lstm = LSTM(8)
encoded_a = shared_lstm(tweet_a)
encoded_b = shared_lstm(tweet_b)
assert shared_lstm.get_output_at(0) is encoded_a and shared_lstm.get_output_at(1) is encoded_b
assert shared_lstm.get_input_shape_at(0) == (None, 10, 6)
merged_vector = merge([encoded_a, encoded_b], mode='concat', concat_axis=-1)
predictions = Dense(1, activation='sigmoid')(merged_vector)
model = Model(input=[tweet_a, tweet_b], output=predictions)
model.compile(optimizer='rmsprop', loss='binary_crossentropy', metrics=['accuracy'])
data = [np.random.rand(32, 10, 6) for _ in range(2)]
h = model.fit(data, np.ones(32), nb_epoch=3, verbose=0)
assert h.history['loss'][-1] < h.history['loss'][0]
