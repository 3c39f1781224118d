import keras
import numpy as np
from tf_keras_vis.activation_maximization import ActivationMaximization
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

model = keras.Sequential(
    [
        keras.Input((16, 16, 3)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
images = np.random.rand(2, 16, 16, 3).astype("float32")
score = CategoricalScore([0, 2])
saliency = Saliency(model, model_modifier=ReplaceToLinear(), clone=True)
assert saliency(score, images, smooth_samples=2, smooth_noise=0.2).shape == (2, 16, 16)
for kind in (Gradcam, GradcamPlusPlus, Scorecam):
    assert kind(model, model_modifier=ReplaceToLinear(), clone=True)(score, images, penultimate_layer=-1).shape == (
        2,
        16,
        16,
    )
maximum = ActivationMaximization(model, model_modifier=ReplaceToLinear(), clone=True)
assert np.asarray(maximum(CategoricalScore([1]), steps=2)).shape == (1, 16, 16, 3)
