import keras
import numpy as np
from keras_preprocessing.image import ImageDataGenerator
from keras_preprocessing.sequence import pad_sequences
from keras_preprocessing.text import Tokenizer

tokenizer = Tokenizer(num_words=10)
tokenizer.fit_on_texts(["one two", "two three"])
print(pad_sequences(tokenizer.texts_to_sequences(["one three"]), 4))
flow = ImageDataGenerator(horizontal_flip=True).flow(np.random.rand(8, 8, 8, 3), np.eye(8), batch_size=4)
model = keras.models.Sequential(
    [keras.layers.Flatten(input_shape=(8, 8, 3)), keras.layers.Dense(8, activation="softmax")]
)
model.compile("sgd", "categorical_crossentropy")
model.fit_generator(flow, steps_per_epoch=2, verbose=0)
