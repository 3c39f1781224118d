from __future__ import print_function
import os
import numpy as np
from keras.models import Model
from keras.layers import Input, concatenate, Conv2D, MaxPooling2D, Conv2DTranspose, UpSampling2D, BatchNormalization
from keras.optimizers import Adam
from keras.callbacks import ModelCheckpoint, ReduceLROnPlateau, LearningRateScheduler
from keras import backend as K

K.set_image_data_format('channels_last')

img_rows = 16
img_cols = 16
smooth = 1.


def dice_coef(y_true, y_pred):
    y_true_f = K.flatten(y_true)
    y_pred_f = K.flatten(y_pred)
    intersection = K.sum(y_true_f * y_pred_f)
    return (2. * intersection + smooth) / (K.sum(y_true_f) + K.sum(y_pred_f) + smooth)


def dice_coef_loss(y_true, y_pred):
    return -dice_coef(y_true, y_pred)


def jaccard_distance(y_true, y_pred):
    intersection = K.sum(K.abs(y_true * y_pred), axis=-1)
    sum_ = K.sum(K.abs(y_true) + K.abs(y_pred), axis=-1)
    jac = (intersection + 100) / (sum_ - intersection + 100)
    return (1 - jac) * 100


def recall_m(y_true, y_pred):
    true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    possible_positives = K.sum(K.round(K.clip(y_true, 0, 1)))
    return true_positives / (possible_positives + K.epsilon())


def precision_m(y_true, y_pred):
    true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    predicted_positives = K.sum(K.round(K.clip(y_pred, 0, 1)))
    return true_positives / (predicted_positives + K.epsilon())


def f1_m(y_true, y_pred):
    precision = precision_m(y_true, y_pred)
    recall = recall_m(y_true, y_pred)
    return 2 * ((precision * recall) / (precision + recall + K.epsilon()))


def get_unet():
    inputs = Input((img_rows, img_cols, 1))
    conv1 = Conv2D(4, (3, 3), activation='relu', padding='same')(inputs)
    conv1 = Conv2D(4, (3, 3), activation='relu', padding='same')(conv1)
    pool1 = MaxPooling2D(pool_size=(2, 2))(conv1)
    conv2 = Conv2D(8, (3, 3), activation='relu', padding='same')(pool1)
    conv2 = BatchNormalization()(conv2)
    up1 = concatenate([Conv2DTranspose(4, (2, 2), strides=(2, 2), padding='same')(conv2), conv1], axis=3)
    conv3 = Conv2D(4, (3, 3), activation='relu', padding='same')(up1)
    conv4 = Conv2D(1, (1, 1), activation='sigmoid')(conv3)
    model = Model(inputs=[inputs], outputs=[conv4])
    model.compile(optimizer=Adam(lr=1e-2), loss=dice_coef_loss,
                  metrics=[dice_coef, f1_m, precision_m, recall_m, jaccard_distance])
    return model

rng = np.random.RandomState(1)
imgs_train = rng.rand(48, img_rows, img_cols, 1).astype('float32')
imgs_mask_train = np.zeros_like(imgs_train)
for im, mask in zip(imgs_train, imgs_mask_train):
    i, j = rng.randint(0, 10, 2)
    im[i:i + 6, j:j + 6] += 2
    mask[i:i + 6, j:j + 6] = 1
mean, std = np.mean(imgs_train), np.std(imgs_train)
imgs_train -= mean
imgs_train /= std

model = get_unet()
model_checkpoint = ModelCheckpoint('weights.h5', monitor='val_loss', save_best_only=True)
history = model.fit(imgs_train, imgs_mask_train, batch_size=8, epochs=8, verbose=1, shuffle=True,
                    validation_split=0.2,
                    callbacks=[model_checkpoint, ReduceLROnPlateau(monitor='val_loss', factor=0.5, patience=2)])
assert history.history['dice_coef'][-1] > 0.6, history.history['dice_coef']
model.load_weights('weights.h5')
imgs_mask_test = model.predict(imgs_train[:2], verbose=1)
np.save('imgs_mask_test.npy', imgs_mask_test)
from keras.models import load_model
model.save('unet.h5')
again = load_model('unet.h5', custom_objects={'dice_coef_loss': dice_coef_loss, 'dice_coef': dice_coef, 'f1_m': f1_m,
                                              'precision_m': precision_m, 'recall_m': recall_m,
                                              'jaccard_distance': jaccard_distance})
assert np.allclose(again.predict(imgs_train[:2]), imgs_mask_test, atol=1e-5)
