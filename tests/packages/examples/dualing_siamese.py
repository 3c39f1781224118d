import dualing
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
samples, labels = rng.normal(size=(100, 16)), np.repeat([0, 1], 50)
samples[50:] += 2
pairs = dualing.balanced_pair_dataset(samples, labels, n_pairs=100, batch_size=16)
model = dualing.ContrastiveSiamese(dualing.MLP((32, 8)))
model.compile(optimizer="adam")
losses = model.fit(pairs, epochs=5, verbose=0).history["loss"]
print(losses)
assert losses[-1] < losses[0]
model.save("model.keras")
loaded = tf.keras.models.load_model("model.keras")
pair = next(iter(pairs))[0]
np.testing.assert_allclose(loaded.predict(pair), model.predict(pair), atol=1e-6)
assert type(loaded.loss) is type(model.loss)  # an object, which is no loss of Keras
loaded.fit(pairs, epochs=1, verbose=0)
triplets = dualing.TripletSiamese(dualing.MLP((16, 8)), loss="hard")
triplets.compile(optimizer="adam")
batches = dualing.batch_dataset(samples, labels, batch_size=20)
assert len(triplets.fit(batches, epochs=2, verbose=0).history["loss"]) == 2
