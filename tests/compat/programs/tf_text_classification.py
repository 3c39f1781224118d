import os
import re
import shutil
import string
import tempfile

import tensorflow as tf
from tensorflow.keras import layers
from tensorflow.keras import losses

dataset_dir = tempfile.mkdtemp()
good = ["a great <br /> film", "what a wonderful story", "great and wonderful!", "I loved it, great"]
bad = ["a terrible <br /> film", "what a boring story", "boring and terrible!", "I hated it, terrible"]
for kind, texts in (('pos', good), ('neg', bad)):
  os.makedirs(os.path.join(dataset_dir, kind))
  for i in range(32):
    with open(os.path.join(dataset_dir, kind, '%d.txt' % i), 'w') as f:
      f.write(texts[i % 4] + ' number %d' % i)

batch_size = 8
seed = 42
raw_train_ds = tf.keras.utils.text_dataset_from_directory(
    dataset_dir, batch_size=batch_size, validation_split=0.2, subset='training', seed=seed)
for text_batch, label_batch in raw_train_ds.take(1):
  for i in range(3):
    print("Review", text_batch.numpy()[i])
    print("Label", label_batch.numpy()[i])
print("Label 0 corresponds to", raw_train_ds.class_names[0])
raw_val_ds = tf.keras.utils.text_dataset_from_directory(
    dataset_dir, batch_size=batch_size, validation_split=0.2, subset='validation', seed=seed)


def custom_standardization(input_data):
  lowercase = tf.strings.lower(input_data)
  stripped_html = tf.strings.regex_replace(lowercase, '<br />', ' ')
  return tf.strings.regex_replace(stripped_html, '[%s]' % re.escape(string.punctuation), '')


max_features = 100
sequence_length = 10
vectorize_layer = layers.TextVectorization(
    standardize=custom_standardization, max_tokens=max_features, output_mode='int',
    output_sequence_length=sequence_length)
train_text = raw_train_ds.map(lambda x, y: x)
vectorize_layer.adapt(train_text)


def vectorize_text(text, label):
  text = tf.expand_dims(text, -1)
  return vectorize_layer(text), label


text_batch, label_batch = next(iter(raw_train_ds))
first_review, first_label = text_batch[0], label_batch[0]
print("Review", first_review)
print("Label", raw_train_ds.class_names[first_label])
print("Vectorized review", vectorize_text(first_review, first_label))
print("2 ---> ", vectorize_layer.get_vocabulary()[2])
print('Vocabulary size: {}'.format(len(vectorize_layer.get_vocabulary())))

train_ds = raw_train_ds.map(vectorize_text)
val_ds = raw_val_ds.map(vectorize_text)
AUTOTUNE = tf.data.AUTOTUNE
train_ds = train_ds.cache().prefetch(buffer_size=AUTOTUNE)
val_ds = val_ds.cache().prefetch(buffer_size=AUTOTUNE)

embedding_dim = 16
model = tf.keras.Sequential([
    layers.Embedding(max_features, embedding_dim),
    layers.Dropout(0.2),
    layers.GlobalAveragePooling1D(),
    layers.Dropout(0.2),
    layers.Dense(1, activation='sigmoid')])
model.summary()
model.compile(loss=losses.BinaryCrossentropy(), optimizer=tf.keras.optimizers.Adam(0.05),
              metrics=[tf.metrics.BinaryAccuracy(threshold=0.5)])
history = model.fit(train_ds, validation_data=val_ds, epochs=10)
loss, accuracy = model.evaluate(val_ds)
history_dict = history.history
print(history_dict.keys())
acc = history_dict['binary_accuracy']
val_acc = history_dict['val_binary_accuracy']

export_model = tf.keras.Sequential([vectorize_layer, model, layers.Activation('sigmoid')])
export_model.compile(loss=losses.BinaryCrossentropy(from_logits=False), optimizer="adam", metrics=['accuracy'])
examples = tf.constant(["The movie was great!", "The movie was terrible..."])
out = export_model(examples).numpy()
print(out)
assert accuracy > 0.9
assert out[0][0] != out[1][0]
shutil.rmtree(dataset_dir)
