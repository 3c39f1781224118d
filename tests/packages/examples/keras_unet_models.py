import numpy as np
import tensorflow as tf
from keras_unet.losses import jaccard_distance
from keras_unet.metrics import iou, iou_thresholded
from keras_unet.models import custom_unet
from keras_unet.utils import get_augmented

x = np.random.rand(8, 32, 32, 3).astype("float32")
y = (x.mean(-1, keepdims=True) > 0.5).astype("float32")
model = custom_unet((32, 32, 3), use_batch_norm=False, filters=4, dropout=0.2, num_layers=2)
model.compile(tf.keras.optimizers.SGD(learning_rate=0.01), "binary_crossentropy", metrics=[iou, iou_thresholded])
history = model.fit(get_augmented(x, y, batch_size=4), steps_per_epoch=2, validation_data=(x, y), verbose=0).history
assert {"iou", "iou_thresholded", "val_iou"} <= history.keys()
model.compile("adam", jaccard_distance)
model.fit(x, y, verbose=0)
