import numpy as np
import tensorflow as tf
import tensorsketch as ts


class MLP(ts.Module):
    def __init__(self):
        super().__init__()
        self.a, self.f, self.b = ts.Conv2d(4, 3, 2), ts.Flatten(), ts.Dense(2)

    def forward(self, x):
        return self.b(self.f(ts.ReLU()(self.a(x))))


model = MLP()
model.build((3, 8, 8, 2))
model.read(2)  # a text with the shapes of the variables
x = np.sin(np.arange(3 * 8 * 8 * 2) * 0.7).reshape(3, 8, 8, 2).astype("float32")
optimizer, losses = tf.keras.optimizers.SGD(0.05), []
for _ in range(5):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - 1.0) ** 2)
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    losses.append(float(loss))
print(losses)
assert losses[-1] < losses[0]
