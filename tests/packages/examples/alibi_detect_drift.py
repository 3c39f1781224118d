from functools import partial

import numpy as np
import tensorflow as tf
from alibi_detect.cd import ClassifierDrift, MMDDrift
from alibi_detect.cd.tensorflow import HiddenOutput, preprocess_drift
from alibi_detect.od import OutlierAE, OutlierVAE
from alibi_detect.saving import load_detector, save_detector
from tensorflow.keras.layers import Dense, InputLayer

rng = np.random.default_rng(0)
x = rng.normal(size=(200, 8)).astype("float32")
other = x[:50] + 4


def network(size, *layers):
    return tf.keras.Sequential([InputLayer(input_shape=(size,)), *layers])


detector = OutlierVAE(
    threshold=1.0,
    encoder_net=network(8, Dense(16, activation="relu")),
    decoder_net=network(2, Dense(16, activation="relu"), Dense(8)),
    latent_dim=2,
    samples=2,
)
detector.fit(x, epochs=5, verbose=False)
detector.infer_threshold(x, threshold_perc=95)
assert detector.predict(other)["data"]["is_outlier"].mean() > 0.9

detector = OutlierAE(threshold=0.1, encoder_net=network(8, Dense(4)), decoder_net=network(4, Dense(8)))
detector.fit(x, epochs=3, verbose=False)
save_detector(detector, "detector")
np.testing.assert_allclose(load_detector("detector").score(x)[1], detector.score(x)[1], atol=1e-5)

drift = MMDDrift(x, backend="tensorflow", p_val=0.05, n_permutations=50)
assert drift.predict(other)["data"]["is_drift"] == 1
hidden = HiddenOutput(network(8, Dense(4, activation="relu"), Dense(2)), layer=-1)
drift = MMDDrift(x, backend="tensorflow", preprocess_fn=partial(preprocess_drift, model=hidden, batch_size=64))
assert drift.predict(other)["data"]["is_drift"] == 1
classifier = network(8, Dense(8, activation="relu"), Dense(2))
drift = ClassifierDrift(x, classifier, preds_type="logits", epochs=10, learning_rate=1e-2)
assert drift.predict(other)["data"]["is_drift"] == 1
