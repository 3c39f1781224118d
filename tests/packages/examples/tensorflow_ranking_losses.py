import numpy as np
import tensorflow as tf
import tensorflow_ranking as tfr

labels = tf.constant([[0.0, 1.0, 0.0, 2.0], [1.0, 0.0, 0.0, 1.0]])
scores = tf.constant([[0.1, 0.5, 0.3, 0.9], [0.2, 0.4, 0.1, 0.3]])
#: the values on TensorFlow 2.15
LOSSES = {
    "SoftmaxLoss": 3.064788,
    "PairwiseHingeLoss": 0.825,
    "PairwiseLogisticLoss": 0.652229,
    "ListMLELoss": 2.930676,
    "ApproxNDCGLoss": -0.834458,
    "ApproxMRRLoss": -0.609939,
    "MeanSquaredLoss": 0.3575,
    "SigmoidCrossEntropyLoss": 0.540486,
    "UniqueSoftmaxLoss": 3.034578,
}
METRICS = {
    "MRRMetric": 0.75,
    "NDCGMetric": 0.846713,
    "PrecisionMetric": 0.5,
    "MeanAveragePrecisionMetric": 0.791667,
    "DCGMetric": 2.38093,
    "ARPMetric": 1.8,
    "OPAMetric": 0.777778,
}
for name, expected in LOSSES.items():
    np.testing.assert_allclose(float(getattr(tfr.keras.losses, name)()(labels, scores)), expected, rtol=1e-5)
for name, expected in METRICS.items():
    metric = getattr(tfr.keras.metrics, name)(name=name)
    metric.update_state(labels, scores)
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-5)
layers = tf.keras.layers
squeeze = layers.Lambda(lambda x: tf.squeeze(x, -1))
model = tf.keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1), squeeze])
model.compile("adam", tfr.keras.losses.get("softmax_loss"), metrics=[tfr.keras.metrics.NDCGMetric(topn=3)])
x, y = np.random.rand(16, 4, 5).astype("float32"), np.random.randint(0, 3, (16, 4)).astype("float32")
print(model.fit(x, y, epochs=2, verbose=2).history)
