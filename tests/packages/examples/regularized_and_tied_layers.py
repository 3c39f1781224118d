import keras
import keras_bcr
import numpy as np
from keras_adabound import AdaBound
from sparsely_connected_keras import Sparse
from tied_autoencoder_keras import DenseLayerAutoencoder

x = np.random.RandomState(0).rand(128, 6)
links = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0]])
model = keras.models.Sequential(
    [Sparse(adjacency_mat=links, activation="tanh", input_shape=(6,)), keras.layers.Dense(1)]
)
model.compile(AdaBound(lr=1e-2, final_lr=0.1), "mse")
losses = model.fit(x, x.sum(1), epochs=30, verbose=0).history["loss"]
assert losses[-1] < losses[0] / 2
kernel, _, _, mask = model.layers[0].get_weights()
assert mask.tolist() == links.tolist()
assert not kernel[links == 0].any()

inputs = keras.layers.Input((6,))
coder = keras.models.Model(inputs, DenseLayerAutoencoder([4, 2], activation="tanh")(inputs))
coder.compile("adam", "mse")
losses = coder.fit(x, x, epochs=5, verbose=0).history["loss"]
assert losses[-1] < losses[0]
assert 0 <= float(keras_bcr.batch_corr(x[:, :3].astype("float32"), x[:, 3:].astype("float32"))) <= 1
