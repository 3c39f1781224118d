import dalex
import numpy as np
import pandas as pd
import tensorflow as tf

tf.keras.utils.set_random_seed(0)
x = pd.DataFrame(np.random.rand(40, 3), columns=list("abc"))
y = (x.a > 0.5).astype(int)
model = tf.keras.Sequential(
    [
        tf.keras.layers.Dense(4, activation="relu", input_shape=(3,)),
        tf.keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy")
model.fit(x, y, epochs=30, verbose=0)
explainer = dalex.Explainer(model, x, y, model_type="classification", verbose=False)
assert 0 <= explainer.model_performance().result.accuracy.iloc[0] <= 1
assert set("abc") <= set(explainer.model_parts(B=1, N=20).result.variable)
assert len(explainer.predict_parts(x.iloc[:1], B=1).result) > 3
