import keras
import numpy as np
from imblearn.keras import BalancedBatchGenerator, balanced_batch_generator
from imblearn.under_sampling import NearMiss

x = np.random.rand(60, 4)
y = keras.utils.to_categorical([0] * 45 + [1] * 15, 2)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
model.compile("sgd", "categorical_crossentropy")
batches = BalancedBatchGenerator(x, y, sampler=NearMiss(), batch_size=10, random_state=42)
assert len(batches) == 3
model.fit(batches, epochs=2, verbose=0)
generator, steps = balanced_batch_generator(x, y, sampler=NearMiss(), batch_size=10, random_state=42)
model.fit(generator, steps_per_epoch=steps, epochs=2, verbose=0)
