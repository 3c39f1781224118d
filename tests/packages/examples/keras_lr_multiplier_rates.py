import numpy as np
from keras.layers import Dense
from keras.models import Sequential, load_model
from keras_lr_multiplier import LRMultiplier

model = Sequential()
model.add(Dense(units=5, input_shape=(5,), activation="tanh", name="Dense"))
model.add(Dense(units=2, activation="softmax", name="Output"))
model.compile(LRMultiplier("adam", {"Dense": 0.0, "Output": 1.5}), "sparse_categorical_crossentropy")
before = model.get_weights()
x, y = np.random.rand(64, 5), np.random.randint(0, 2, 64)
model.fit(x, y, epochs=2, verbose=0)
changed = [np.abs(a - b).max() > 0 for a, b in zip(model.get_weights(), before, strict=True)]
assert changed == [False, False, True, True]
model.save("rates.h5")
again = load_model("rates.h5", custom_objects={"LRMultiplier": LRMultiplier})
np.testing.assert_allclose(again.predict(x), model.predict(x), atol=1e-6)
