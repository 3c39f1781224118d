import os
import tempfile

import keras
import numpy as np
import tensorflow as tf
from evidential_deep_learning.layers import DenseNormalGamma
from evidential_deep_learning.losses import EvidentialRegression
from k3im.cct_1d import CCT_1DModel
from keras_aug import layers as augmentation
from keras_geometric import GATv2Conv, GCNConv, SAGEConv
from keras_spiking import Alpha, Lowpass, ModelEnergy, SpikingActivation

images = {"images": np.random.rand(2, 32, 32, 3).astype("float32"), "labels": np.eye(3, dtype="float32")[:2]}
for layer in (augmentation.vision.CutMix(num_classes=3), augmentation.vision.MixUp(num_classes=3)):
    assert layer(images)["images"].shape == (2, 32, 32, 3)
for layer in (augmentation.vision.RandAugment(), augmentation.vision.Resize((24, 24))):
    assert layer({"images": images["images"]})["images"].shape[-1] == 3

features, edges = np.random.rand(4, 3).astype("float32"), np.array([[0, 0, 1, 2, 3], [1, 2, 2, 3, 0]])
for kind in (GCNConv, GATv2Conv, SAGEConv):
    assert kind(output_dim=8)([features, edges]).shape == (4, 8)

series = CCT_1DModel(
    input_shape=(500, 1), num_heads=4, projection_dim=16, kernel_size=10, stride=15, padding=5, transformer_units=[16],
    stochastic_depth_rate=0.5, transformer_layers=1, num_classes=4, positional_emb=False,
)  # fmt: skip
series.compile("adam", "mse")
series.fit(np.random.rand(8, 500, 1), np.random.rand(8, 4), verbose=0)
series.save(os.path.join(tempfile.mkdtemp(), "series.keras"))

inputs = tf.keras.Input((10, 4))
spikes = Lowpass(0.1)(SpikingActivation("relu", seed=0)(inputs))
model = tf.keras.Model(inputs, tf.keras.layers.Dense(2)(Alpha(0.1)(spikes)))
model.compile("adam", "mse")
model.fit(np.random.rand(8, 10, 4), np.random.rand(8, 10, 2), verbose=0)
ModelEnergy(model).summary(print_warnings=False)

x = np.random.rand(64, 1).astype("float32")
evidence = keras.Sequential([keras.layers.Dense(16, activation="relu"), DenseNormalGamma(1)])
evidence.compile("adam", lambda y, p: EvidentialRegression(y, p, coeff=1e-2))
assert np.isfinite(evidence.fit(x, x**3, epochs=2, verbose=0).history["loss"]).all()
