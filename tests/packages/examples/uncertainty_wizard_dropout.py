import numpy as np
import tensorflow as tf
import uncertainty_wizard as uwiz

model = uwiz.models.StochasticSequential()
model.add(tf.keras.layers.Dense(16, activation="relu", input_shape=(6,)))
model.add(tf.keras.layers.Dropout(0.5))
model.add(tf.keras.layers.Dense(3, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
x, y = np.random.rand(32, 6), np.eye(3)[np.random.randint(0, 3, 32)]
model.fit(x, y, validation_data=(x, y), batch_size=16, verbose=0)
once, certain, varying = model.predict_quantified(x, ["pcs", "mean_softmax", "var_ratio"], sample_size=8, verbose=0)
assert len(np.unique(varying[1])) > 1  # the network draws other masks in each sample
