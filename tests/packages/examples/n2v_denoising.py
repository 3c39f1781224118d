import numpy as np
from n2v.internals.N2V_DataGenerator import N2V_DataGenerator
from n2v.models import N2V, N2VConfig

rng = np.random.default_rng(0)
images = [rng.normal(size=(1, 128, 128, 1)).astype("float32")]
patches = N2V_DataGenerator().generate_patches_from_list(images, shape=(64, 64))
config = N2VConfig(
    patches[:24],
    unet_kern_size=3,
    unet_n_first=8,
    unet_n_depth=2,
    train_steps_per_epoch=3,
    train_epochs=2,
    train_loss="mse",
    train_batch_size=4,
    n2v_perc_pix=0.198,
    n2v_patch_shape=(64, 64),
    n2v_manipulator="uniform_withCP",
    n2v_neighborhood_radius=5,
)
model = N2V(config, "n2v_2D", basedir="models")
print(model.train(patches[:24], patches[24:]).history)
predicted = model.predict(images[0][0, ..., 0], axes="YX")
assert predicted.shape == (128, 128)
print(N2V(config=None, name="n2v_2D", basedir="models").predict(images[0][0, ..., 0], axes="YX", n_tiles=(2, 1)).shape)
