import neurite as ne
import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(8, 32, 32, 1)).astype("float32")
y = tf.one_hot((x[..., 0] > 0).astype("int32") * 2 + 1, 4).numpy()
model = ne.tf.models.unet(nb_features=8, input_shape=(32, 32, 1), nb_levels=3, conv_size=3, nb_labels=4, batch_norm=-1)
model.compile("adam", loss=ne.losses.Dice().mean_loss, metrics=[ne.metrics.Dice().mean_dice])
history = model.fit(x, y, epochs=3, batch_size=4, verbose=2).history
assert history["loss"][-1] < history["loss"][0]
volume = tf.constant(x[0])
points = tf.constant([[0.0, 0.0], [1.5, 2.5]])
corners = x[0, 1:3, 2:4].mean()
np.testing.assert_allclose(ne.utils.interpn(volume, points)[:, 0], [x[0, 0, 0, 0], corners], rtol=1e-4)
inputs = tf.keras.Input((16, 16, 2))
resized = tf.keras.Model(inputs, ne.layers.Resize(2.0)(inputs))
print(resized.predict(x[:, :16, :16].repeat(2, -1), verbose=0).shape, ne.utils.resize(volume, 2.0).shape)
