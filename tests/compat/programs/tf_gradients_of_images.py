"""Deep dream, style transfer, FGSM, Grad-CAM and integrated gradients on one small network."""
import numpy as np
import tensorflow as tf
from tensorflow import keras

(x_train, y_train), _ = keras.datasets.mnist.load_data()
x_train = (x_train[:256, :, :, None] / 255.).astype('float32')
y_train = y_train[:256]
inputs = keras.Input((28, 28, 1))
h = keras.layers.Conv2D(8, 3, activation='relu', name='mixed1')(inputs)
h = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='mixed2')(h)
h = keras.layers.Flatten()(h)
model = keras.Model(inputs, keras.layers.Dense(10, name='predictions')(h))
model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
model.fit(x_train, y_train, epochs=5, verbose=0)
assert model.evaluate(x_train, y_train, verbose=0)[1] > 0.9

names = ['mixed1', 'mixed2']
layers = [model.get_layer(name).output for name in names]
dream_model = tf.keras.Model(inputs=model.input, outputs=layers)


def calc_loss(img, model):
  img_batch = tf.expand_dims(img, axis=0)
  layer_activations = model(img_batch)
  if len(layer_activations) == 1:
    layer_activations = [layer_activations]
  losses = []
  for act in layer_activations:
    loss = tf.math.reduce_mean(act)
    losses.append(loss)
  return tf.reduce_sum(losses)


class DeepDream(tf.Module):
  def __init__(self, model):
    self.model = model

  @tf.function(
      input_signature=(
          tf.TensorSpec(shape=[None, None, 1], dtype=tf.float32),
          tf.TensorSpec(shape=[], dtype=tf.int32),
          tf.TensorSpec(shape=[], dtype=tf.float32),)
  )
  def __call__(self, img, steps, step_size):
    print("Tracing")
    loss = tf.constant(0.0)
    for n in tf.range(steps):
      with tf.GradientTape() as tape:
        tape.watch(img)
        loss = calc_loss(img, self.model)
      gradients = tape.gradient(loss, img)
      gradients /= tf.math.reduce_std(gradients) + 1e-8
      img = img + gradients*step_size
      img = tf.clip_by_value(img, -1, 1)
    return loss, img


deepdream = DeepDream(dream_model)
img = tf.convert_to_tensor(x_train[0])
first, _ = deepdream(img, tf.constant(1), tf.constant(0.05))
last, dreamt = deepdream(img, tf.constant(8), tf.constant(0.05))
assert last > first and dreamt.shape == (28, 28, 1)


def gram_matrix(input_tensor):
  result = tf.linalg.einsum('bijc,bijd->bcd', input_tensor, input_tensor)
  input_shape = tf.shape(input_tensor)
  num_locations = tf.cast(input_shape[1]*input_shape[2], tf.float32)
  return result/(num_locations)


style_targets = [gram_matrix(a) for a in dream_model(x_train[1:2])]
content_target = dream_model(x_train[0:1])[1]
image = tf.Variable(x_train[0:1])
opt = tf.keras.optimizers.Adam(learning_rate=0.02, beta_1=0.99, epsilon=1e-1)


def clip_0_1(image):
  return tf.clip_by_value(image, clip_value_min=0.0, clip_value_max=1.0)


@tf.function()
def style_step(image):
  with tf.GradientTape() as tape:
    outputs = dream_model(image)
    loss = tf.add_n([tf.reduce_mean((gram_matrix(a) - s)**2) for a, s in zip(outputs, style_targets)])
    loss += 0.1 * tf.reduce_mean((outputs[1] - content_target)**2)
    loss += 1e-4 * tf.reduce_sum(tf.image.total_variation(image))
  grad = tape.gradient(loss, image)
  opt.apply_gradients([(grad, image)])
  image.assign(clip_0_1(image))
  return loss


losses = [float(style_step(image)) for _ in range(20)]
assert losses[-1] < losses[0], losses

loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def create_adversarial_pattern(input_image, input_label):
  with tf.GradientTape() as tape:
    tape.watch(input_image)
    prediction = model(input_image)
    loss = loss_object(input_label, prediction)
  gradient = tape.gradient(loss, input_image)
  return tf.sign(gradient)


batch, labels = tf.constant(x_train[:64]), y_train[:64]
perturbations = create_adversarial_pattern(batch, labels)
adv_x = tf.clip_by_value(batch + 0.3*perturbations, -1, 1)
before = np.mean(np.argmax(model(batch), -1) == labels)
after = np.mean(np.argmax(model(adv_x), -1) == labels)
assert after < before, (before, after)

grad_model = tf.keras.models.Model([model.inputs], [model.get_layer('mixed2').output, model.output])
with tf.GradientTape() as tape:
  last_conv_layer_output, preds = grad_model(x_train[:1])
  pred_index = tf.argmax(preds[0])
  class_channel = preds[:, pred_index]
grads = tape.gradient(class_channel, last_conv_layer_output)
pooled_grads = tf.reduce_mean(grads, axis=(0, 1, 2))
heatmap = last_conv_layer_output[0] @ pooled_grads[..., tf.newaxis]
heatmap = tf.squeeze(heatmap)
heatmap = tf.maximum(heatmap, 0) / tf.math.reduce_max(heatmap)
assert heatmap.numpy().shape == (12, 12) and pooled_grads.shape == (8,)

alphas = tf.linspace(start=0.0, stop=1.0, num=51)
baseline = tf.zeros(shape=(28, 28, 1))
target = int(pred_index)
image0 = tf.constant(x_train[0])
alphas_x = alphas[:, tf.newaxis, tf.newaxis, tf.newaxis]
interpolated = tf.expand_dims(baseline, 0) + alphas_x * (tf.expand_dims(image0, 0) - tf.expand_dims(baseline, 0))
with tf.GradientTape() as tape:
  tape.watch(interpolated)
  logits = model(interpolated)[:, target]
path_gradients = tape.gradient(logits, interpolated)
grads = (path_gradients[:-1] + path_gradients[1:]) / tf.constant(2.0)
attributions = (image0 - baseline) * tf.math.reduce_mean(grads, axis=0)
difference = model(image0[None])[0, target] - model(baseline[None])[0, target]
assert abs(tf.reduce_sum(attributions) - difference) < 0.05 * abs(difference) + 0.05
