import numpy as np
import tensorflow as tf
from xplique import attributions
from xplique.metrics import Deletion, Insertion, MuFidelity

layers = tf.keras.layers
model = tf.keras.Sequential(
    [
        layers.Input((16, 16, 3)),
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPool2D(),
        layers.Flatten(),
        layers.Dense(5),
        layers.Activation("softmax"),
    ]
)
x, y = np.random.rand(3, 16, 16, 3).astype("float32"), np.eye(5, dtype="float32")[[0, 1, 2]]
names = "Saliency GradientInput IntegratedGradients SmoothGrad VarGrad SquareGrad GradCAM GradCAMPP GuidedBackprop"
for name in [*names.split(), "DeconvNet"]:
    assert np.shape(getattr(attributions, name)(model).explain(x, y)) == (3, 16, 16, 1), name
sampled = {"Occlusion": {"patch_size": 4, "patch_stride": 4}, "Rise": {"nb_samples": 20}, "Lime": {"nb_samples": 20}}
sampled |= {"KernelShap": {"nb_samples": 20}, "SobolAttributionMethod": {"grid_size": 4, "nb_design": 4}}
for name, options in sampled.items():
    assert np.shape(getattr(attributions, name)(model, **options)(x, y))[:3] == (3, 16, 16), name
explained = attributions.Saliency(model)(x, y)
for metric in (Deletion(model, x, y, steps=5), Insertion(model, x, y, steps=5), MuFidelity(model, x, y, nb_samples=10)):
    print(metric(explained))
