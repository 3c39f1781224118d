import datetime
import os
import time

import tensorflow as tf
from matplotlib import pyplot as plt

IMG = 16
OUTPUT_CHANNELS = 3
LAMBDA = 10


def load_image(i):
  real_image = tf.random.uniform((IMG + 4, IMG + 4, 3), seed=3)
  input_image = real_image[:IMG, :IMG, :1] * tf.ones((1, 1, 3))
  return tf.cast(input_image, tf.float32), tf.cast(real_image[:IMG, :IMG], tf.float32)


def resize(input_image, real_image, height, width):
  input_image = tf.image.resize(input_image, [height, width], method=tf.image.ResizeMethod.NEAREST_NEIGHBOR)
  real_image = tf.image.resize(real_image, [height, width], method=tf.image.ResizeMethod.NEAREST_NEIGHBOR)
  return input_image, real_image


def random_crop(input_image, real_image):
  stacked_image = tf.stack([input_image, real_image], axis=0)
  cropped_image = tf.image.random_crop(stacked_image, size=[2, IMG, IMG, 3])
  return cropped_image[0], cropped_image[1]


@tf.function()
def random_jitter(input_image, real_image):
  input_image, real_image = resize(input_image, real_image, IMG + 2, IMG + 2)
  input_image, real_image = random_crop(input_image, real_image)
  if tf.random.uniform(()) > 0.5:
    input_image = tf.image.flip_left_right(input_image)
    real_image = tf.image.flip_left_right(real_image)
  return input_image, real_image


def load_image_train(i):
  input_image, real_image = load_image(i)
  input_image, real_image = random_jitter(input_image, real_image)
  return (input_image * 2) - 1, (real_image * 2) - 1


train_dataset = tf.data.Dataset.range(8).map(load_image_train, num_parallel_calls=tf.data.AUTOTUNE)
train_dataset = train_dataset.shuffle(400).batch(1)


def downsample(filters, size, apply_batchnorm=True):
  initializer = tf.random_normal_initializer(0., 0.02)
  result = tf.keras.Sequential()
  result.add(tf.keras.layers.Conv2D(filters, size, strides=2, padding='same', kernel_initializer=initializer,
                                    use_bias=False))
  if apply_batchnorm:
    result.add(tf.keras.layers.BatchNormalization())
  result.add(tf.keras.layers.LeakyReLU())
  return result


def upsample(filters, size, apply_dropout=False):
  initializer = tf.random_normal_initializer(0., 0.02)
  result = tf.keras.Sequential()
  result.add(tf.keras.layers.Conv2DTranspose(filters, size, strides=2, padding='same', kernel_initializer=initializer,
                                             use_bias=False))
  result.add(tf.keras.layers.BatchNormalization())
  if apply_dropout:
    result.add(tf.keras.layers.Dropout(0.5))
  result.add(tf.keras.layers.ReLU())
  return result


down_model = downsample(3, 4)
inp, re = load_image(0)
down_result = down_model(tf.expand_dims(inp, 0))
print(down_result.shape)


def Generator():
  inputs = tf.keras.layers.Input(shape=[IMG, IMG, 3])
  down_stack = [downsample(4, 4, apply_batchnorm=False), downsample(8, 4)]
  up_stack = [upsample(8, 4, apply_dropout=True)]
  initializer = tf.random_normal_initializer(0., 0.02)
  last = tf.keras.layers.Conv2DTranspose(OUTPUT_CHANNELS, 4, strides=2, padding='same',
                                         kernel_initializer=initializer, activation='tanh')
  x = inputs
  skips = []
  for down in down_stack:
    x = down(x)
    skips.append(x)
  skips = reversed(skips[:-1])
  for up, skip in zip(up_stack, skips):
    x = up(x)
    x = tf.keras.layers.Concatenate()([x, skip])
  x = last(x)
  return tf.keras.Model(inputs=inputs, outputs=x)


def Discriminator():
  initializer = tf.random_normal_initializer(0., 0.02)
  inp = tf.keras.layers.Input(shape=[IMG, IMG, 3], name='input_image')
  tar = tf.keras.layers.Input(shape=[IMG, IMG, 3], name='target_image')
  x = tf.keras.layers.concatenate([inp, tar])
  down1 = downsample(4, 4, False)(x)
  zero_pad1 = tf.keras.layers.ZeroPadding2D()(down1)
  conv = tf.keras.layers.Conv2D(4, 4, strides=1, kernel_initializer=initializer, use_bias=False)(zero_pad1)
  batchnorm1 = tf.keras.layers.BatchNormalization()(conv)
  leaky_relu = tf.keras.layers.LeakyReLU()(batchnorm1)
  last = tf.keras.layers.Conv2D(1, 4, strides=1, kernel_initializer=initializer)(leaky_relu)
  return tf.keras.Model(inputs=[inp, tar], outputs=last)


generator = Generator()
discriminator = Discriminator()
gen_output = generator(inp[tf.newaxis, ...], training=False)
disc_out = discriminator([inp[tf.newaxis, ...], gen_output], training=False)
loss_object = tf.keras.losses.BinaryCrossentropy(from_logits=True)


def generator_loss(disc_generated_output, gen_output, target):
  gan_loss = loss_object(tf.ones_like(disc_generated_output), disc_generated_output)
  l1_loss = tf.reduce_mean(tf.abs(target - gen_output))
  total_gen_loss = gan_loss + (LAMBDA * l1_loss)
  return total_gen_loss, gan_loss, l1_loss


def discriminator_loss(disc_real_output, disc_generated_output):
  real_loss = loss_object(tf.ones_like(disc_real_output), disc_real_output)
  generated_loss = loss_object(tf.zeros_like(disc_generated_output), disc_generated_output)
  return real_loss + generated_loss


generator_optimizer = tf.keras.optimizers.Adam(2e-3, beta_1=0.5)
discriminator_optimizer = tf.keras.optimizers.Adam(2e-4, beta_1=0.5)
log_dir = "logs/"
summary_writer = tf.summary.create_file_writer(log_dir + "fit/" + datetime.datetime.now().strftime("%Y%m%d-%H%M%S"))


@tf.function
def train_step(input_image, target, step):
  with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
    gen_output = generator(input_image, training=True)
    disc_real_output = discriminator([input_image, target], training=True)
    disc_generated_output = discriminator([input_image, gen_output], training=True)
    gen_total_loss, gen_gan_loss, gen_l1_loss = generator_loss(disc_generated_output, gen_output, target)
    disc_loss = discriminator_loss(disc_real_output, disc_generated_output)
  generator_gradients = gen_tape.gradient(gen_total_loss, generator.trainable_variables)
  discriminator_gradients = disc_tape.gradient(disc_loss, discriminator.trainable_variables)
  generator_optimizer.apply_gradients(zip(generator_gradients, generator.trainable_variables))
  discriminator_optimizer.apply_gradients(zip(discriminator_gradients, discriminator.trainable_variables))
  with summary_writer.as_default():
    tf.summary.scalar('gen_l1_loss', gen_l1_loss, step=step//1000)
  return gen_l1_loss


def fit(train_ds, steps):
  seen = []
  start = time.time()
  for step, (input_image, target) in train_ds.repeat().take(steps).enumerate():
    if (step) % 10 == 0:
      print(f"Step: {step//10}k", time.time() - start)
    seen.append(float(train_step(input_image, target, step)))
    if (step+1) % 10 == 0:
      print('.', end='', flush=True)
  return seen


seen = fit(train_dataset, 40)
assert sum(seen[-8:]) < sum(seen[:8]), seen


generator_g, generator_f = Generator(), Generator()
g_optimizer, f_optimizer = tf.keras.optimizers.Adam(2e-3), tf.keras.optimizers.Adam(2e-3)


@tf.function
def cycle_step(real_x, real_y):
  with tf.GradientTape(persistent=True) as tape:
    fake_y = generator_g(real_x, training=True)
    cycled_x = generator_f(fake_y, training=True)
    fake_x = generator_f(real_y, training=True)
    cycled_y = generator_g(fake_x, training=True)
    loss = tf.reduce_mean(tf.abs(real_x - cycled_x)) + tf.reduce_mean(tf.abs(real_y - cycled_y))
  g_gradients = tape.gradient(loss, generator_g.trainable_variables)
  f_gradients = tape.gradient(loss, generator_f.trainable_variables)
  g_optimizer.apply_gradients(zip(g_gradients, generator_g.trainable_variables))
  f_optimizer.apply_gradients(zip(f_gradients, generator_f.trainable_variables))
  return loss


losses = [cycle_step(x, y).numpy() for x, y in tf.data.Dataset.zip((train_dataset.map(lambda a, b: a),
                                                                   train_dataset.map(lambda a, b: b))).repeat(2)]
assert losses[-1] < losses[0], losses
