"""Optical character recognition with CTC: a Lambda layer holds the loss, compile is given a dummy."""
import itertools
import numpy as np
from keras import backend as K
from keras.layers import Input, Dense, Activation, Reshape, Lambda, Conv2D, MaxPooling2D, GRU
from keras.layers.merge import add, concatenate
from keras.models import Model
from keras.optimizers import SGD, Adam
import keras.callbacks

alphabet = 'abcd'
img_w, img_h, absolute_max_string_len, downsample_factor = 32, 8, 3, 2
rng = np.random.RandomState(0)


def labels_to_text(labels):
    return ''.join('' if c == len(alphabet) else alphabet[c] for c in labels)


def paint(text):
    im = rng.rand(img_w, img_h) * 0.1
    for n, c in enumerate(text):
        im[3 + n * 9: 8 + n * 9, 2 * c: 2 * c + 2] += 1
    return im[..., None]


class TextImageGenerator(keras.callbacks.Callback):
    def __init__(self, minibatch_size):
        self.minibatch_size = minibatch_size

    def get_output_size(self):
        return len(alphabet) + 1

    def get_batch(self, size):
        labels = rng.randint(0, 4, (size, absolute_max_string_len))
        X_data = np.array([paint(row) for row in labels])
        inputs = {'the_input': X_data,
                  'the_labels': labels,
                  'input_length': np.full((size, 1), img_w // downsample_factor - 2),
                  'label_length': np.full((size, 1), absolute_max_string_len)}
        outputs = {'ctc': np.zeros([size])}
        return (inputs, outputs)

    def next_train(self):
        while 1:
            yield self.get_batch(self.minibatch_size)


def ctc_lambda_func(args):
    y_pred, labels, input_length, label_length = args
    y_pred = y_pred[:, 2:, :]
    return K.ctc_batch_cost(labels, y_pred, input_length, label_length)


def decode_batch(test_func, word_batch):
    out = test_func([word_batch])[0]
    ret = []
    for j in range(out.shape[0]):
        out_best = list(np.argmax(out[j, 2:], 1))
        out_best = [k for k, g in itertools.groupby(out_best)]
        ret.append(labels_to_text(out_best))
    return ret

img_gen = TextImageGenerator(16)
input_data = Input(name='the_input', shape=(img_w, img_h, 1), dtype='float32')
inner = Conv2D(8, (3, 3), padding='same', activation='relu', kernel_initializer='he_normal', name='conv1')(input_data)
inner = MaxPooling2D(pool_size=(2, 2), name='max1')(inner)
inner = Reshape(target_shape=(img_w // 2, img_h // 2 * 8), name='reshape')(inner)
inner = Dense(16, activation='relu', name='dense1')(inner)
gru_1 = GRU(16, return_sequences=True, kernel_initializer='he_normal', name='gru1')(inner)
gru_1b = GRU(16, return_sequences=True, go_backwards=True, kernel_initializer='he_normal', name='gru1_b')(inner)
gru1_merged = add([gru_1, gru_1b])
inner = Dense(img_gen.get_output_size(), kernel_initializer='he_normal', name='dense2')(concatenate([gru1_merged, inner]))
y_pred = Activation('softmax', name='softmax')(inner)
Model(inputs=input_data, outputs=y_pred).summary()

labels = Input(name='the_labels', shape=[absolute_max_string_len], dtype='float32')
input_length = Input(name='input_length', shape=[1], dtype='int64')
label_length = Input(name='label_length', shape=[1], dtype='int64')
loss_out = Lambda(ctc_lambda_func, output_shape=(1,), name='ctc')([y_pred, labels, input_length, label_length])

adam = Adam(lr=0.02, clipnorm=5)
model = Model(inputs=[input_data, labels, input_length, label_length], outputs=loss_out)
model.compile(loss={'ctc': lambda y_true, y_pred: y_pred}, optimizer=adam)
test_func = K.function([input_data], [y_pred])
h = model.fit_generator(generator=img_gen.next_train(), steps_per_epoch=15, epochs=4, callbacks=[img_gen], verbose=2)
print(h.history['loss'])
assert h.history['loss'][-1] < 0.6 * h.history['loss'][0]
batch = img_gen.get_batch(4)[0]
print(decode_batch(test_func, batch['the_input']), batch['the_labels'])
soft = test_func([batch['the_input']])[0]
decoded = K.get_value(K.ctc_decode(soft[:, 2:], input_length=np.ones(4) * (img_w // 2 - 2), greedy=True)[0][0])
assert [labels_to_text(int(c) for c in row if c >= 0) for row in decoded] == decode_batch(test_func, batch['the_input'])
