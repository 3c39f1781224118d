import numpy as np
from importance_sampling.training import BiasedImportanceTraining, ImportanceTraining
from keras.layers import Activation, Dense
from keras.models import Sequential

x = np.random.RandomState(0).randn(200, 6)
y = np.eye(2)[(x[:, 0] > 0).astype(int)]
for training in (ImportanceTraining, BiasedImportanceTraining):
    model = Sequential([Dense(16, activation="relu", input_shape=(6,)), Dense(2), Activation("softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.RandomState(3)
    model.set_weights([rng.uniform(-0.4, 0.4, w.shape) for w in model.get_weights()])
    history = training(model).fit(x, y, batch_size=16, epochs=8, verbose=0, validation_data=(x, y))
    print(training.__name__, sorted(history.history))
    loss, accuracy = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose([loss, accuracy], [0.52, 0.85], atol=0.04)  # those of Keras 2.2, of several seeds
