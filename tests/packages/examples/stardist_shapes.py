import numpy as np
from csbdeep.models import CARE, Config
from stardist.models import Config2D, StarDist2D

images = [np.random.rand(40, 40).astype("float32") for _ in range(4)]
labels = np.zeros((40, 40), "uint16")
labels[5:15, 5:15], labels[20:30, 22:33] = 1, 2
short = {"unet_n_depth": 1, "train_epochs": 1, "train_steps_per_epoch": 2, "train_batch_size": 2}
config = Config2D(
    n_rays=8, grid=(2, 2), unet_n_filter_base=4, net_conv_after_unet=8, train_patch_size=(32, 32), **short
)
model = StarDist2D(config, "shapes", basedir="models")
model.train(images, [labels] * 4, validation_data=(images[:1], [labels]))
assert model.predict_instances(images[0])[0].shape == (40, 40)

config = Config("YX", n_channel_in=1, n_channel_out=1, unet_kern_size=3, unet_n_first=4, probabilistic=True, **short)
x = np.random.rand(8, 32, 32, 1).astype("float32")
model = CARE(config, "care", basedir="models")
model.train(x, x, (x[:2], x[:2]))
assert model.predict(x[0, ..., 0], "YX").shape == (32, 32)
