import numpy as np
import tensorflow as tf
from mdrnn import MDLSTM, MDRNN, MultiDirectional

x = np.random.RandomState(0).rand(10, 2, 3, 6).astype("float32")
found = []
for kind in (MDRNN, MDLSTM):
    model = tf.keras.Sequential([tf.keras.Input((2, 3, 6)), MultiDirectional(kind(4, input_shape=[2, 3, 6]))])
    for seed, weight in enumerate(model.weights):
        weight.assign(np.random.RandomState(seed).normal(size=weight.shape).astype("float32") * 0.3)
    found.append((len(model.weights), float(tf.reduce_sum(model(x)))))
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(x, np.zeros((10, 16)), verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert sum(changed) == len(changed) * 4 // 5  # all but those of the layer that the four directions are copies of
print(found)
assert [count for count, _ in found] == [20, 95]
np.testing.assert_allclose([total for _, total in found], [5.8902187, -8.3367996], rtol=1e-5)  # of TensorFlow 2.15
