'''Train a simple deep CNN on small images, with augmentation in real time (after the CIFAR10 example).'''
from __future__ import print_function
import numpy as np
from keras.preprocessing.image import ImageDataGenerator
from keras.models import Sequential
from keras.layers import Dense, Dropout, Activation, Flatten
from keras.layers import Convolution2D, MaxPooling2D
from keras.optimizers import SGD
from keras.utils import np_utils

batch_size = 16
nb_classes = 3
nb_epoch = 10
data_augmentation = True
img_rows, img_cols = 12, 12
img_channels = 3

rng = np.random.RandomState(0)
y_all = rng.randint(0, nb_classes, (160, 1))
X_all = rng.randint(0, 60, (160, img_channels, img_rows, img_cols)).astype('uint8')
for x, y in zip(X_all, y_all[:, 0]):
    x[y] += 120
X_train, y_train, X_test, y_test = X_all[:128], y_all[:128], X_all[128:], y_all[128:]
print('X_train shape:', X_train.shape)

Y_train = np_utils.to_categorical(y_train, nb_classes)
Y_test = np_utils.to_categorical(y_test, nb_classes)

model = Sequential()
model.add(Convolution2D(8, 3, 3, border_mode='same',
                        input_shape=X_train.shape[1:]))
model.add(Activation('relu'))
model.add(Convolution2D(8, 3, 3))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(16))
model.add(Activation('relu'))
model.add(Dropout(0.1))
model.add(Dense(nb_classes))
model.add(Activation('softmax'))

sgd = SGD(lr=0.05, decay=1e-6, momentum=0.9, nesterov=True)
model.compile(loss='categorical_crossentropy',
              optimizer=sgd,
              metrics=['accuracy'])

X_train = X_train.astype('float32')
X_test = X_test.astype('float32')
X_train /= 255
X_test /= 255

if not data_augmentation:
    model.fit(X_train, Y_train, batch_size=batch_size, nb_epoch=nb_epoch,
              validation_data=(X_test, Y_test), shuffle=True)
else:
    datagen = ImageDataGenerator(
        featurewise_center=False, samplewise_center=False,
        featurewise_std_normalization=False, samplewise_std_normalization=False,
        zca_whitening=False, rotation_range=0,
        width_shift_range=0.1, height_shift_range=0.1,
        horizontal_flip=True, vertical_flip=False)
    datagen.fit(X_train)
    model.fit_generator(datagen.flow(X_train, Y_train, batch_size=batch_size),
                        samples_per_epoch=X_train.shape[0],
                        nb_epoch=nb_epoch,
                        validation_data=(X_test, Y_test))
assert model.layers[0].output_shape == (None, 8, 12, 12)
assert model.evaluate(X_test, Y_test, verbose=0)[1] > 0.8
