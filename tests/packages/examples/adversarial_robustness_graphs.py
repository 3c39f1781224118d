import numpy as np
import tensorflow as tf
from art.attacks.evasion import FastGradientMethod
from art.estimators.classification import KerasClassifier

tf.compat.v1.disable_eager_execution()
x = np.random.rand(64, 8).astype("float32")
y = np.eye(3)[np.arange(64) % 3].astype("float32")
model = tf.keras.Sequential(
    [tf.keras.layers.Dense(16, activation="relu", input_shape=(8,)), tf.keras.layers.Dense(3, activation="softmax")]
)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
classifier = KerasClassifier(model=model, clip_values=(0, 1), use_logits=False)
classifier.fit(x, y, batch_size=16, nb_epochs=2)
print(np.abs(FastGradientMethod(classifier, eps=0.2).generate(x[:8]) - x[:8]).max())
print(classifier.class_gradient(x[:4]).shape)
