import keras
import numpy as np
from classification_models.keras import Classifiers

ResNet18, preprocess_input = Classifiers.get("resnet18")
base = ResNet18(input_shape=(64, 64, 3), weights=None, include_top=False)
x = keras.layers.GlobalAveragePooling2D()(base.output)
model = keras.models.Model(inputs=[base.input], outputs=[keras.layers.Dense(3, activation="softmax")(x)])
model.compile(optimizer="SGD", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(preprocess_input(np.random.rand(4, 64, 64, 3)), np.eye(3)[[0, 1, 2, 0]], verbose=0)
for name in ("seresnet18", "mobilenetv2"):
    net, _ = Classifiers.get(name)
    assert net(input_shape=(64, 64, 3), weights=None, classes=4).output_shape == (None, 4)
print(len(Classifiers.models_names()))
