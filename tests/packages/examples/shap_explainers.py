import numpy as np
import shap
from tensorflow import keras

x = np.random.rand(64, 5).astype("float32")
model = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, np.arange(64) % 2, verbose=0)
kernel = shap.KernelExplainer(lambda data: model.predict(data, verbose=0), x[:8])
print(np.asarray(kernel.shap_values(x[:2], nsamples=30)).shape)
gradient = shap.GradientExplainer(model, x[:16])
print(np.asarray(gradient.shap_values(x[:2], nsamples=10)).shape)
