import os

import tensorflow as tf
from tensorflow import keras
import numpy as np

(train_images, train_labels), (test_images, test_labels) = tf.keras.datasets.mnist.load_data()
train_labels = train_labels[:300]
test_labels = test_labels[:100]
train_images = train_images[:300].reshape(-1, 28 * 28) / 255.0
test_images = test_images[:100].reshape(-1, 28 * 28) / 255.0


def create_model():
  model = tf.keras.Sequential([
      keras.layers.Dense(64, activation='relu', input_shape=(784,)),
      keras.layers.Dropout(0.2),
      keras.layers.Dense(10)
  ])
  model.compile(optimizer='adam', loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=[tf.keras.metrics.SparseCategoricalAccuracy()])
  return model


model = create_model()
model.summary()
checkpoint_path = "training_1/cp.ckpt.weights.h5"
checkpoint_dir = os.path.dirname(checkpoint_path)
cp_callback = tf.keras.callbacks.ModelCheckpoint(filepath=checkpoint_path, save_weights_only=True, verbose=1)
model.fit(train_images, train_labels, epochs=4, validation_data=(test_images, test_labels), callbacks=[cp_callback])
os.listdir(checkpoint_dir)
trained, trained_acc = model.evaluate(test_images, test_labels, verbose=2)
model = create_model()
loss, acc = model.evaluate(test_images, test_labels, verbose=2)
print("Untrained model, accuracy: {:5.2f}%".format(100 * acc))
model.load_weights(checkpoint_path)
loss, acc = model.evaluate(test_images, test_labels, verbose=2)
print("Restored model, accuracy: {:5.2f}%".format(100 * acc))
assert abs(loss - trained) < 1e-5
checkpoint_path = "training_2/cp-{epoch:04d}.weights.h5"
batch_size = 32
n_batches = len(train_images) // batch_size
cp_callback = tf.keras.callbacks.ModelCheckpoint(filepath=checkpoint_path, verbose=1, save_weights_only=True,
                                                 save_freq=2*n_batches)
os.makedirs(os.path.dirname(checkpoint_path), exist_ok=True)
model.save_weights(checkpoint_path.format(epoch=0))
model.fit(train_images, train_labels, epochs=4, batch_size=batch_size, callbacks=[cp_callback], verbose=0)
assert len(os.listdir("training_2")) >= 2
os.makedirs('checkpoints', exist_ok=True)
model.save_weights('./checkpoints/my_checkpoint')
fresh = create_model()
fresh.load_weights('./checkpoints/my_checkpoint')
np.testing.assert_allclose(fresh.predict(test_images), model.predict(test_images), rtol=1e-5)
model.save('my_model.keras')
new_model = tf.keras.models.load_model('my_model.keras')
new_model.summary()
loss, acc = new_model.evaluate(test_images, test_labels, verbose=2)
print(new_model.predict(test_images).shape)
model.save('my_model.h5')
new_model = tf.keras.models.load_model('my_model.h5')
np.testing.assert_allclose(new_model.predict(test_images), model.predict(test_images), rtol=1e-5)
os.makedirs('saved_model', exist_ok=True)
model.save('saved_model/my_model')
new_model = tf.keras.models.load_model('saved_model/my_model')
assert acc > 0.8

opt = tf.keras.optimizers.Adam(0.1)
net = tf.keras.Sequential([tf.keras.layers.Dense(5, input_shape=(1,))])
dataset = tf.data.Dataset.from_tensor_slices(dict(x=tf.range(10.)[:, tf.newaxis], y=tf.range(50.)[:, tf.newaxis][:10]))
dataset = dataset.repeat().batch(2)
iterator = iter(dataset)
ckpt = tf.train.Checkpoint(step=tf.Variable(1), optimizer=opt, net=net)
manager = tf.train.CheckpointManager(ckpt, './tf_ckpts', max_to_keep=3)


def train_step(net, example, optimizer):
  with tf.GradientTape() as tape:
    output = net(example['x'])
    loss = tf.reduce_mean(tf.abs(output - example['y']))
  variables = net.trainable_variables
  gradients = tape.gradient(loss, variables)
  optimizer.apply_gradients(zip(gradients, variables))
  return loss


def train_and_checkpoint(net, manager):
  ckpt.restore(manager.latest_checkpoint)
  if manager.latest_checkpoint:
    print("Restored from {}".format(manager.latest_checkpoint))
  else:
    print("Initializing from scratch.")
  for _ in range(12):
    example = next(iterator)
    loss = train_step(net, example, opt)
    ckpt.step.assign_add(1)
    if int(ckpt.step) % 4 == 0:
      save_path = manager.save()
      print("Saved checkpoint for step {}: {}".format(int(ckpt.step), save_path))
      print("loss {:1.2f}".format(loss.numpy()))
  return float(loss)


first = train_and_checkpoint(net, manager)
opt = tf.keras.optimizers.Adam(0.1)
net = tf.keras.Sequential([tf.keras.layers.Dense(5, input_shape=(1,))])
ckpt = tf.train.Checkpoint(step=tf.Variable(1), optimizer=opt, net=net)
manager = tf.train.CheckpointManager(ckpt, './tf_ckpts', max_to_keep=3)
second = train_and_checkpoint(net, manager)
assert int(ckpt.step) == 24, int(ckpt.step)
assert int(opt.iterations) == 23
