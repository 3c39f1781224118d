import innvestigate
import innvestigate.utils
import numpy as np
from keras import layers, models

network = [layers.Conv2D(4, 3, activation="relu", input_shape=(10, 10, 1)), layers.MaxPooling2D(), layers.Flatten()]
model = models.Sequential([*network, layers.Dense(3, activation="softmax")])
logits = innvestigate.utils.model_wo_softmax(model)
x = np.random.rand(2, 10, 10, 1)
names = "gradient input_t_gradient deconvnet guided_backprop smoothgrad lrp.z lrp.epsilon deep_taylor"
for name in names.split():
    assert innvestigate.create_analyzer(name, logits).analyze(x).shape == x.shape, name
chosen = innvestigate.create_analyzer("gradient", logits, neuron_selection_mode="index")
assert chosen.analyze(x, 1).shape == x.shape
