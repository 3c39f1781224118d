import numpy as np
import tensorflow as tf
from art.attacks.evasion import DeepFool, FastGradientMethod, ProjectedGradientDescent
from art.estimators.classification import TensorFlowV2Classifier

x = np.random.rand(64, 8).astype("float32")
y = np.eye(3)[np.arange(64) % 3].astype("float32")
model = tf.keras.Sequential([tf.keras.layers.Dense(16, activation="relu", input_shape=(8,)), tf.keras.layers.Dense(3)])
optimizer = tf.keras.optimizers.Adam(0.01)
loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True)


def train_step(model, images, labels):
    with tf.GradientTape() as tape:
        value = loss(labels, model(images, training=True))
    optimizer.apply_gradients(zip(tape.gradient(value, model.trainable_variables), model.trainable_variables))


classifier = TensorFlowV2Classifier(
    model=model, loss_object=loss, train_step=train_step, nb_classes=3, input_shape=(8,), clip_values=(0, 1)
)
classifier.fit(x, y, batch_size=16, nb_epochs=2)
for attack in (
    FastGradientMethod(classifier, eps=0.2),
    ProjectedGradientDescent(classifier, eps=0.2, max_iter=3, verbose=False),
    DeepFool(classifier, max_iter=3, verbose=False),
):
    print(type(attack).__name__, np.abs(attack.generate(x[:8]) - x[:8]).max())
print(classifier.loss_gradient(x[:4], y[:4]).shape, classifier.class_gradient(x[:4]).shape)
