"""Sentiment with a hand-written attention layer, as in many kernels of 2016/17."""
import numpy as np
from keras import backend as K
from keras.engine.topology import Layer
from keras import initializations, regularizers, constraints
from keras.layers import Dense, Input, LSTM, Bidirectional, Embedding, Dropout
from keras.models import Model
from keras.datasets import imdb
from keras.preprocessing import sequence

maxlen = 20
max_features = 100


class Attention(Layer):
    def __init__(self, step_dim,
                 W_regularizer=None, b_regularizer=None,
                 W_constraint=None, b_constraint=None,
                 bias=True, **kwargs):
        self.supports_masking = True
        self.init = initializations.get('glorot_uniform')

        self.W_regularizer = regularizers.get(W_regularizer)
        self.b_regularizer = regularizers.get(b_regularizer)

        self.W_constraint = constraints.get(W_constraint)
        self.b_constraint = constraints.get(b_constraint)

        self.bias = bias
        self.step_dim = step_dim
        self.features_dim = 0
        super(Attention, self).__init__(**kwargs)

    def build(self, input_shape):
        assert len(input_shape) == 3

        self.W = self.add_weight((input_shape[-1],),
                                 initializer=self.init,
                                 name='{}_W'.format(self.name),
                                 regularizer=self.W_regularizer,
                                 constraint=self.W_constraint)
        self.features_dim = input_shape[-1]

        if self.bias:
            self.b = self.add_weight((input_shape[1],),
                                     initializer='zero',
                                     name='{}_b'.format(self.name),
                                     regularizer=self.b_regularizer,
                                     constraint=self.b_constraint)
        else:
            self.b = None
        self.built = True

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        features_dim = self.features_dim
        step_dim = self.step_dim

        eij = K.reshape(K.dot(K.reshape(x, (-1, features_dim)), K.reshape(self.W, (features_dim, 1))), (-1, step_dim))
        if self.bias:
            eij += self.b
        eij = K.tanh(eij)
        a = K.exp(eij)
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        a = K.expand_dims(a)
        weighted_input = x * a
        return K.sum(weighted_input, axis=1)

    def get_output_shape_for(self, input_shape):
        return input_shape[0], self.features_dim


(X_train, y_train), (X_test, y_test) = imdb.load_data(nb_words=max_features)
X_train = sequence.pad_sequences(X_train, maxlen=maxlen)
X_test = sequence.pad_sequences(X_test, maxlen=maxlen)

comment_input = Input(shape=(maxlen,), dtype='int32')
embedded_sequences = Embedding(max_features, 8, input_length=maxlen, mask_zero=True)(comment_input)
x = Bidirectional(LSTM(8, return_sequences=True, dropout_W=0.1, dropout_U=0.1))(embedded_sequences)
x = Dropout(0.1)(x)
merged = Attention(maxlen)(x)
merged = Dense(8, activation='relu')(merged)
preds = Dense(1, activation='sigmoid')(merged)
model = Model(input=[comment_input], output=preds)
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
model.optimizer.lr.set_value(0.02) if hasattr(model.optimizer.lr, 'set_value') else K.set_value(model.optimizer.lr, 0.02)
print(model.summary())
hist = model.fit(X_train, y_train, validation_data=(X_test, y_test), nb_epoch=6, batch_size=20, shuffle=True, verbose=2)
assert hist.history['acc'][-1] > 0.75, hist.history
