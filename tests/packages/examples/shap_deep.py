import numpy as np
import shap
from tensorflow import keras

x = np.random.rand(64, 5).astype("float32")
model = keras.Sequential(
    [keras.Input((5,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, np.arange(64) % 2, verbose=0)
deep = shap.DeepExplainer(model, x[:16])
values = np.asarray(deep.shap_values(x[:2], check_additivity=True))
total = values.sum(axis=1) + np.asarray(deep.expected_value)
np.testing.assert_allclose(total, model.predict(x[:2], verbose=0), atol=1e-3)
