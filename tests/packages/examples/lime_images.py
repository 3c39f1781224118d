import keras
import numpy as np
from lime import lime_image, lime_tabular

x = np.random.rand(64, 4)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
explainer = lime_tabular.LimeTabularExplainer(x, feature_names=list("abcd"), class_names=["no", "yes"])
print(explainer.explain_instance(x[0], lambda v: model.predict(v, verbose=0), num_features=2).as_list())
net = keras.Sequential(
    [keras.Input((24, 24, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
)
found = lime_image.LimeImageExplainer().explain_instance(
    np.random.rand(24, 24, 3), lambda v: net.predict(v, verbose=0), top_labels=1, num_samples=20
)
found.get_image_and_mask(found.top_labels[0], num_features=2)
