import numpy as np
from extra_keras_metrics import get_complete_binary_metrics, get_minimal_multiclass_metrics
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

x, y = np.random.rand(64, 3), np.random.randint(0, 2, 64)
model = Sequential([Dense(1, activation="sigmoid")])
model.compile("nadam", "binary_crossentropy", metrics=get_complete_binary_metrics())
history = model.fit(x, y, verbose=0).history
assert len(history) > 20
model = Sequential([Dense(2, activation="softmax")])
model.compile("nadam", "categorical_crossentropy", metrics=get_minimal_multiclass_metrics())
model.fit(x, np.eye(2)[y], verbose=0)
