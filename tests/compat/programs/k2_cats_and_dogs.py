"""Two classes of images from folders, from scratch and on features of a trained network."""
import os
import numpy as np
from PIL import Image
from keras.preprocessing.image import ImageDataGenerator, array_to_img, img_to_array, load_img
from keras.models import Sequential, Model
from keras.layers import Conv2D, MaxPooling2D, GlobalAveragePooling2D
from keras.layers import Activation, Dropout, Flatten, Dense
from keras import applications, optimizers
from keras import backend as K

img_width, img_height = 20, 20

train_data_dir = 'data/train'
validation_data_dir = 'data/validation'
nb_train_samples = 32
nb_validation_samples = 16
epochs = 6
batch_size = 8
rng = np.random.RandomState(0)
for folder, n in ((train_data_dir, 16), (validation_data_dir, 8)):
    for kind, colour in (('cats', 0), ('dogs', 2)):
        os.makedirs(os.path.join(folder, kind))
        for i in range(n):
            im = rng.randint(0, 90, (24, 24, 3))
            im[4:20, 4:20, colour] += 150
            Image.fromarray(im.astype('uint8')).save(os.path.join(folder, kind, '%s.%d.jpg' % (kind[:-1], i)))

if K.image_data_format() == 'channels_first':
    input_shape = (3, img_width, img_height)
else:
    input_shape = (img_width, img_height, 3)

model = Sequential()
model.add(Conv2D(8, (3, 3), input_shape=input_shape))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(16))
model.add(Activation('relu'))
model.add(Dropout(0.2))
model.add(Dense(1))
model.add(Activation('sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='rmsprop', metrics=['accuracy'])

train_datagen = ImageDataGenerator(
    rescale=1. / 255,
    shear_range=0.2,
    zoom_range=0.2,
    rotation_range=20,
    width_shift_range=0.1,
    height_shift_range=0.1,
    fill_mode='nearest',
    horizontal_flip=True)
test_datagen = ImageDataGenerator(rescale=1. / 255)

train_generator = train_datagen.flow_from_directory(
    train_data_dir,
    target_size=(img_width, img_height),
    batch_size=batch_size,
    class_mode='binary')
validation_generator = test_datagen.flow_from_directory(
    validation_data_dir,
    target_size=(img_width, img_height),
    batch_size=batch_size,
    class_mode='binary')
print(train_generator.class_indices)
assert train_generator.class_indices == {'cats': 0, 'dogs': 1}

history = model.fit_generator(
    train_generator,
    steps_per_epoch=nb_train_samples // batch_size,
    epochs=epochs,
    validation_data=validation_generator,
    validation_steps=nb_validation_samples // batch_size)
model.save_weights('first_try.h5')
key = 'val_acc' if 'val_acc' in history.history else 'val_accuracy'
assert history.history[key][-1] > 0.8, history.history

img = load_img('data/train/cats/cat.0.jpg')
x = img_to_array(img)
x = x.reshape((1,) + x.shape)
os.mkdir('preview')
i = 0
for batch in train_datagen.flow(x, batch_size=1, save_to_dir='preview', save_prefix='cat', save_format='jpeg'):
    i += 1
    if i > 4:
        break
assert os.listdir('preview')

datagen = ImageDataGenerator(rescale=1. / 255)
base = Sequential(model.layers[:4])
generator = datagen.flow_from_directory(train_data_dir, target_size=(img_width, img_height), batch_size=batch_size,
                                        class_mode=None, shuffle=False)
bottleneck_features_train = base.predict_generator(generator, nb_train_samples // batch_size)
np.save(open('bottleneck_features_train.npy', 'wb'), bottleneck_features_train)
train_data = np.load(open('bottleneck_features_train.npy', 'rb'))
train_labels = np.array([0] * (nb_train_samples // 2) + [1] * (nb_train_samples // 2))
top_model = Sequential()
top_model.add(Dense(8, activation='relu', input_shape=train_data.shape[1:]))
top_model.add(Dense(1, activation='sigmoid'))
top_model.compile(optimizer='rmsprop', loss='binary_crossentropy', metrics=['accuracy'])
h = top_model.fit(train_data, train_labels, epochs=15, batch_size=batch_size, verbose=0)
assert h.history['loss'][-1] < h.history['loss'][0]

for layer in model.layers[:3]:
    layer.trainable = False
model.compile(loss='binary_crossentropy', optimizer=optimizers.SGD(lr=1e-4, momentum=0.9), metrics=['accuracy'])
before = model.layers[0].get_weights()[0]
model.fit_generator(train_generator, steps_per_epoch=2, epochs=1, workers=2, max_queue_size=4)
assert np.array_equal(before, model.layers[0].get_weights()[0])
print(model.evaluate_generator(validation_generator, 2))
