"""All the callbacks of Keras 1 in one training."""
import glob
import numpy as np
import keras
from keras.callbacks import (Callback, CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint,
                             ReduceLROnPlateau)
from keras.layers import Dense
from keras.models import Sequential, load_model
from keras.optimizers import SGD

np.random.seed(1)
X = np.random.rand(100, 6)
Y = np.eye(2)[(X[:, 0] > X[:, 1]).astype(int)]


class LossHistory(Callback):
    def on_train_begin(self, logs={}):
        self.losses = []
        self.lr = []

    def on_batch_end(self, batch, logs={}):
        self.losses.append(logs.get('loss'))

    def on_epoch_end(self, epoch, logs={}):
        self.lr.append(float(self.model.optimizer.lr.get_value()))


def step_decay(epoch):
    initial_lrate = 0.5
    return initial_lrate * 0.5 ** (epoch // 4)


model = Sequential()
model.add(Dense(16, input_dim=6, init='normal', activation='relu'))
model.add(Dense(2, init='normal', activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer=SGD(lr=0.0, momentum=0.9, decay=0.0), metrics=['accuracy'])
filepath = "weights-improvement-{epoch:02d}-{val_acc:.2f}.hdf5"
checkpoint = ModelCheckpoint(filepath, monitor='val_acc', verbose=1, save_best_only=True, mode='max')
history = LossHistory()
model.fit(X, Y, validation_split=0.33, nb_epoch=8, batch_size=10, verbose=2,
          callbacks=[checkpoint, history, LearningRateScheduler(step_decay), CSVLogger('training.log'),
                     EarlyStopping(monitor='val_loss', patience=10), LambdaCallback(on_epoch_end=lambda e, l: None)])
assert history.lr == [0.5] * 4 + [0.25] * 4, history.lr
assert len(history.losses) == 8 * 7 and min(history.losses) < history.losses[0]
files = sorted(glob.glob('weights-improvement-*.hdf5'))
assert files
best = load_model(files[-1])
assert best.evaluate(X, Y, verbose=0)[1] > 0.7

plateau = ReduceLROnPlateau(monitor='loss', factor=0.1, patience=1, epsilon=100.0, min_lr=0.001)
model.compile(loss='categorical_crossentropy', optimizer=SGD(lr=0.1), metrics=['accuracy'])
model.fit(X, Y, nb_epoch=4, verbose=0, callbacks=[plateau, ModelCheckpoint('w.{epoch:02d}.h5', period=2, save_weights_only=True)])
assert float(model.optimizer.lr.get_value()) < 0.1
assert sorted(glob.glob('w.*.h5')) == ['w.02.h5', 'w.04.h5'], glob.glob('w.*.h5')
model.load_weights('w.04.h5')
