import numpy as np
import tensorflow as tf
from tf_explain.callbacks.grad_cam import GradCAMCallback
from tf_explain.core import (
    ExtractActivations,
    GradCAM,
    GradientsInputs,
    IntegratedGradients,
    OcclusionSensitivity,
    SmoothGrad,
    VanillaGradients,
)

model = tf.keras.Sequential(
    [
        tf.keras.layers.Conv2D(4, 3, activation="relu", name="conv", input_shape=(12, 12, 3)),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "categorical_crossentropy")
x, y = np.random.rand(4, 12, 12, 3).astype("float32"), np.eye(2)[[0, 1, 0, 1]]
data = (x, y)
for name, args in (
    (GradCAM, {"class_index": 1, "layer_name": "conv"}),
    (VanillaGradients, {"class_index": 0}),
    (GradientsInputs, {"class_index": 0}),
    (SmoothGrad, {"class_index": 0, "num_samples": 2}),
    (IntegratedGradients, {"class_index": 0, "n_steps": 2}),
    (OcclusionSensitivity, {"class_index": 0, "patch_size": 6}),
    (ExtractActivations, {"layers_name": ["conv"]}),
):
    grid = name().explain(data, model, **args)
    print(name.__name__, grid.shape)
model.fit(
    x, y, epochs=1, verbose=0, callbacks=[GradCAMCallback(data, class_index=0, layer_name="conv", output_dir="maps")]
)
