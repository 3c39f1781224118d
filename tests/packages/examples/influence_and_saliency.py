import numpy as np
import tensorflow as tf
from cross_domain_saliency_maps.tensorflow_ig.cross_domain_integrated_gradients import FourierIG, TimeIG
from deel.influenciae.common import ExactIHVP, InfluenceModel
from deel.influenciae.influence import FirstOrderInfluenceCalculator
from neural_feature_importance import VarianceImportanceKeras

x = np.random.rand(24, 5).astype("float32")
y = x.sum(1, keepdims=True)
model = tf.keras.Sequential([tf.keras.layers.Dense(4, activation="relu", input_shape=(5,)), tf.keras.layers.Dense(1)])
model.compile("adam", "mse")
importances = VarianceImportanceKeras()
model.fit(x, y, epochs=3, verbose=0, callbacks=[importances])
assert len(importances.feature_importances_) == 5

loss = tf.keras.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.NONE)
influence = InfluenceModel(model, start_layer=-1, loss_function=loss)
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
calculator = FirstOrderInfluenceCalculator(influence, data, ExactIHVP(influence, data))
values = np.concatenate([value for _, value in calculator.compute_influence_values(data)])
assert values.shape == (24, 1)
assert np.isfinite(values).all()

model = tf.keras.Sequential(
    [
        tf.keras.layers.Conv1D(4, 5, activation="relu", input_shape=(64, 1)),
        tf.keras.layers.GlobalAveragePooling1D(),
        tf.keras.layers.Dense(1),
    ]
)
signal = tf.constant(np.random.randn(1, 64, 1).astype("float32"))
for method in (TimeIG, FourierIG):
    saliency = method(model, 8, output_channel=0).run(signal, tf.zeros_like(signal))
    assert np.shape(saliency) == (1, 64)
    assert np.abs(saliency).max() > 0
