import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras_batchflow.keras.batch_generators import BatchGenerator
from skkeras.scikit_learn import KerasClassifier, KerasRegressor
from sklearn.preprocessing import LabelBinarizer, LabelEncoder
from squid import mave, mutagenizer, predictor
from tensorcross.model_selection import GridSearch

frame = pd.DataFrame({"color": ["red", "green", "blue", "red"] * 4, "part": ["leaf", "bud", "leaf", "root"] * 4})
color, part = LabelEncoder().fit(frame["color"]), LabelBinarizer().fit(frame["part"])
batches = BatchGenerator(frame, x_structure=("color", color), y_structure=("part", part), batch_size=4, train_mode=True)
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "categorical_crossentropy")
assert len(model.fit(batches, epochs=2, verbose=0).history["loss"]) == 2

x = np.random.rand(40, 2).astype("float32")
y = x.sum(1, keepdims=True)
assert KerasRegressor(epochs=2, verbose=0).fit(x, y).epoch == [0, 1]
classifier = KerasClassifier(epochs=2, verbose=0)
classifier.fit(x, (x.sum(1) > 1).astype(int))
assert np.shape(classifier.predict(x))[0] == 40


def build_model(optimizer, learning_rate, num_features, num_targets):
    model = tf.keras.Sequential([tf.keras.layers.Dense(num_targets, input_shape=(num_features,))])
    model.compile(optimizer=optimizer(learning_rate=learning_rate), loss="mse", metrics=["mse"])
    return model


data = tf.data.Dataset.from_tensor_slices((x, y))
grid = {"optimizer": [tf.keras.optimizers.Adam], "learning_rate": [1e-3, 1e-4]}
search = GridSearch(model_fn=build_model, param_grid=grid, num_features=2, num_targets=1, verbose=0)
search.fit(train_dataset=data.skip(10).batch(8), val_dataset=data.take(10).batch(8), epochs=1, verbose=0)
search.summary()

scores = keras.Sequential(
    [keras.Input((20, 4)), keras.layers.Conv1D(4, 5), keras.layers.Flatten(), keras.layers.Dense(1)]
)
assay = mave.InSilicoMAVE(
    mutagenizer.RandomMutagenesis(mut_rate=0.1),
    predictor.ScalarPredictor(pred_fun=scores.predict_on_batch, task_idx=0, batch_size=32),
    20,
    mut_window=[0, 20],
)
mutants, values = assay.generate(np.eye(4)[np.random.randint(0, 4, 20)], num_sim=32)
assert (mutants.shape, values.shape) == ((32, 20, 4), (32, 1))
