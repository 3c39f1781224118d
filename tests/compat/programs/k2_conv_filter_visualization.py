"""What makes a filter answer most: gradient ascent on the input."""
from __future__ import print_function

import time
import numpy as np
from PIL import Image as pil_image
from keras.preprocessing.image import save_img
from keras import layers
from keras.models import Sequential
from keras import backend as K

img_width = 16
img_height = 16
layer_name = 'block1_conv2'


def deprocess_image(x):
    x -= x.mean()
    x /= (x.std() + K.epsilon())
    x *= 0.25
    x += 0.5
    x = np.clip(x, 0, 1)
    x *= 255
    if K.image_data_format() == 'channels_first':
        x = x.transpose((1, 2, 0))
    x = np.clip(x, 0, 255).astype('uint8')
    return x

model = Sequential()
model.add(layers.Conv2D(4, (3, 3), activation='relu', name='block1_conv1', input_shape=(None, None, 3)))
model.add(layers.Conv2D(4, (3, 3), activation='relu', name='block1_conv2'))
model.add(layers.GlobalMaxPooling2D())
model.summary()

input_img = model.input
layer_dict = dict([(layer.name, layer) for layer in model.layers[0:]])


def normalize(x):
    return x / (K.sqrt(K.mean(K.square(x))) + K.epsilon())

kept_filters = []
gains = []
for filter_index in range(4):
    print('Processing filter %d' % filter_index)
    start_time = time.time()

    layer_output = layer_dict[layer_name].output
    if K.image_data_format() == 'channels_first':
        loss = K.mean(layer_output[:, filter_index, :, :])
    else:
        loss = K.mean(layer_output[:, :, :, filter_index])

    grads = K.gradients(loss, input_img)[0]
    grads = normalize(grads)
    iterate = K.function([input_img], [loss, grads])

    step = 1.
    input_img_data = np.random.random((1, img_width, img_height, 3))
    input_img_data = (input_img_data - 0.5) * 20 + 128
    first = None
    for i in range(10):
        loss_value, grads_value = iterate([input_img_data])
        first = loss_value if first is None else first
        input_img_data += grads_value * step
        if loss_value <= 0.:
            break
    if loss_value > 0:
        img = deprocess_image(input_img_data[0])
        kept_filters.append((img, loss_value))
        gains.append(loss_value - first)
    end_time = time.time()
    print('Filter %d processed in %ds' % (filter_index, end_time - start_time))

kept_filters.sort(key=lambda x: x[1], reverse=True)
assert kept_filters and min(gains) > 0
save_img('stitched_filters_1x%d.png' % len(kept_filters), np.hstack([img for img, _ in kept_filters]))
