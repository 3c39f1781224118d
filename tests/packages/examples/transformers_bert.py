import numpy as np
import tensorflow as tf
from transformers import BertConfig, GPT2Config, TFBertForSequenceClassification, TFGPT2LMHeadModel

ids = np.random.default_rng(0).integers(1, 99, (8, 10))
config = BertConfig(
    vocab_size=100,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    num_labels=3,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
model = TFBertForSequenceClassification(config)
model.compile(tf.keras.optimizers.Adam(3e-3), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
data = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
losses = model.fit(data, np.arange(8) % 3, epochs=15, verbose=0).history["loss"]
assert losses[-1] < losses[0]
names = [weight.name.partition("/")[2] for weight in model.weights[:2]]
assert names == ["bert/embeddings/word_embeddings/weight:0", "bert/embeddings/token_type_embeddings/embeddings:0"]
model.save_pretrained("saved")
loaded = TFBertForSequenceClassification.from_pretrained("saved")
np.testing.assert_allclose(loaded(ids).logits, model(ids).logits, atol=1e-5)

writer = TFGPT2LMHeadModel(
    GPT2Config(vocab_size=50, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2)
)
text = writer.generate(tf.constant([[3, 4, 5]]), max_length=10, do_sample=False)
assert text.numpy()[0, :3].tolist() == [3, 4, 5]
assert text.shape[1] <= 10
