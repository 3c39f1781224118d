import json
import os

import numpy as np

os.environ["TF_KERAS"] = "1"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
from bert4keras.backend import keras
from bert4keras.models import build_transformer_model
from bert4keras.optimizers import Adam, extend_with_piecewise_linear_lr, extend_with_weight_decay

config = {
    "vocab_size": 30,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "hidden_act": "gelu",
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
    "attention_probs_dropout_prob": 0.1,
    "hidden_dropout_prob": 0.1,
}
with open("config.json", "w") as file:
    json.dump(config, file)
bert = build_transformer_model("config.json", None, with_pool=True)
model = keras.models.Model(bert.inputs, keras.layers.Dense(2, activation="softmax")(bert.output))
optimizer = extend_with_piecewise_linear_lr(extend_with_weight_decay(Adam, name="AdamW"), name="AdamWLR")
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=optimizer(learning_rate=1e-3, weight_decay_rate=0.01, lr_schedule={10: 1, 20: 0.1}),
    metrics=["accuracy"],
)
model.fit([np.random.randint(0, 30, (8, 10)), np.zeros((8, 10))], np.random.randint(0, 2, 8), verbose=0)

unilm = build_transformer_model("config.json", None, application="unilm", with_mlm="linear")
assert unilm.predict([np.random.randint(0, 30, (2, 7)), np.zeros((2, 7))]).shape == (2, 7, 30)
