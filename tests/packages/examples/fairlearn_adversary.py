import numpy as np
import tensorflow as tf
from fairlearn.adversarial import AdversarialFairnessClassifier

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 6)).astype("float32")
group = (rng.random(256) > 0.5).astype(int)
y = (x[:, 0] + 0.3 * group > 0).astype(int)
model = AdversarialFairnessClassifier(
    backend="tensorflow",
    predictor_model=[16, "leaky_relu"],
    adversary_model=[4, "leaky_relu"],
    batch_size=32,
    epochs=8,
    learning_rate=0.01,
    random_state=1,
)
model.fit(x, y, sensitive_features=group)
assert (model.predict(x) == y).mean() > 0.7


def network(size):
    layers = [tf.keras.layers.Dense(size, activation="relu"), tf.keras.layers.Dense(1, activation="sigmoid")]
    return tf.keras.Sequential(layers)


model = AdversarialFairnessClassifier(
    predictor_model=network(8), adversary_model=network(3), epochs=2, batch_size=64, random_state=0
)
assert set(model.fit(x, y, sensitive_features=group).predict(x)) <= {0, 1}
