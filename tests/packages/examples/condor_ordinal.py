import condor_tensorflow as condor
import numpy as np
import tensorflow as tf

draw = np.random.RandomState(0)
x, labels = draw.rand(100, 7).astype("float32"), draw.randint(0, 5, 100)
encoded = condor.CondorOrdinalEncoder(nclasses=5).fit_transform(labels).astype("float32")
model = tf.keras.Sequential([tf.keras.Input((7,)), tf.keras.layers.Dense(4)])
model.set_weights([draw.normal(size=(7, 4)).astype("float32"), np.zeros(4, "float32")])
logits = model.predict(x, verbose=0)
losses = [condor.CondorOrdinalCrossEntropy(), condor.OrdinalEarthMoversDistance()]
metric = condor.OrdinalMeanAbsoluteError()
metric.update_state(tf.constant(encoded), tf.constant(logits))
found = [float(loss(tf.constant(encoded), tf.constant(logits))) for loss in losses] + [float(metric.result())]
model.compile("adam", condor.SparseCondorOrdinalCrossEntropy(), metrics=[condor.SparseOrdinalMeanAbsoluteError()])
history = model.fit(x, labels, epochs=2, batch_size=50, shuffle=False, verbose=0).history
found += history["loss"]
print(found)
wanted = [2.83369, 1.66303, 1.43, 2.83147, 2.82414]  # of TensorFlow 2.15
np.testing.assert_allclose(found, wanted, rtol=1e-4)
