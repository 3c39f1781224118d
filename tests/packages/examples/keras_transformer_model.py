import numpy as np
from keras_transformer import decode, get_model

model = get_model(
    token_num=12,
    embed_dim=8,
    encoder_num=1,
    decoder_num=1,
    head_num=2,
    hidden_dim=16,
    attention_activation="relu",
    feed_forward_activation="relu",
    dropout_rate=0.05,
    embed_weights=np.random.random((12, 8)),
)
model.compile("adam", "sparse_categorical_crossentropy")
a, b = np.random.randint(1, 12, (16, 5)), np.random.randint(1, 12, (16, 5))
model.fit([a, b], np.expand_dims(b, -1), epochs=1, batch_size=8, verbose=0)
print(decode(model, a[:2].tolist(), start_token=1, end_token=2, pad_token=0, max_len=6))
