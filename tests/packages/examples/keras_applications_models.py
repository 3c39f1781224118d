import keras
import keras_applications
import numpy as np
from keras_applications import resnet50, vgg16

modules = {"backend": keras.backend, "layers": keras.layers, "models": keras.models, "utils": keras.utils}
model = vgg16.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3), **modules)
assert model.predict(np.random.rand(1, 32, 32, 3)).shape == (1, 1, 1, 512)
model = resnet50.ResNet50(weights=None, input_shape=(32, 32, 3), classes=3, include_top=True, **modules)
assert model.output_shape == (None, 3)
print(keras_applications.__version__)
