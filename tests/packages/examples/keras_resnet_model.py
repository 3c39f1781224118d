import keras
import keras_resnet.models
import numpy as np

inputs = keras.layers.Input((32, 32, 3))
model = keras_resnet.models.ResNet18(inputs, classes=4)
model.compile("adam", "categorical_crossentropy", ["accuracy"])
model.fit(np.random.rand(2, 32, 32, 3), np.eye(4)[:2], verbose=0)
print(keras_resnet.models.ResNet50(inputs, include_top=False, freeze_bn=True).outputs)
