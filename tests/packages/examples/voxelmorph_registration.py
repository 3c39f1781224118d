import os

os.environ["VXM_BACKEND"] = os.environ["NEURITE_BACKEND"] = "tensorflow"
import numpy as np
import tensorflow as tf
import voxelmorph as vxm

tf.keras.utils.set_random_seed(0)
rows, columns = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
fixed, moving = (np.exp(-((rows - c) ** 2 + (columns - 16) ** 2) / 40)[None, ..., None] for c in (16, 18))
model = vxm.networks.VxmDense((32, 32), [[8, 8], [8, 8, 8]], int_steps=4)
losses = [vxm.losses.MSE().loss, vxm.losses.Grad("l2").loss]
model.compile(tf.keras.optimizers.Adam(1e-2), loss=losses, loss_weights=[1, 0.01])
labels = [fixed, np.zeros((1, *model.outputs[1].shape[1:]))]
history = model.fit([moving, fixed], labels, epochs=40, verbose=0).history["loss"]
print(history[0], history[-1])
assert history[-1] < 0.5 * history[0]
