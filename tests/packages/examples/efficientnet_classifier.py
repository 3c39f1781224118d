import efficientnet.keras as keras_net
import efficientnet.tfkeras as tf_net
import numpy as np
from efficientnet.keras import preprocess_input

for package in (keras_net, tf_net):
    model = package.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=5)
    assert model.predict(preprocess_input(np.random.rand(1, 32, 32, 3) * 255)).shape == (1, 5)
print(model.count_params())
