import numpy as np
from keras_gpt_2 import get_model

model = get_model(n_vocab=50, n_ctx=10, n_embd=12, n_head=3, n_layer=2, batch_size=None, fixed_input_shape=False)
model.compile("adam", "sparse_categorical_crossentropy")
tokens = np.random.randint(0, 50, (8, 10))
model.fit(tokens, tokens, verbose=0)
