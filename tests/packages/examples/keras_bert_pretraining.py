import keras
from keras_bert import Tokenizer, gen_batch_inputs, get_base_dict, get_custom_objects, get_model

pairs = [[["all", "work", "and"], ["no", "play"]], [["makes", "jack"], ["a", "dull", "boy"]]]
tokens = get_base_dict()
for pair in pairs:
    for word in pair[0] + pair[1]:
        tokens.setdefault(word, len(tokens))
words = list(tokens)
model = get_model(len(tokens), head_num=2, transformer_num=1, embed_dim=8, feed_forward_dim=16, seq_len=10, pos_num=10)
model.summary()
model.compile("adam", ["sparse_categorical_crossentropy"] * 2) if not model.optimizer else None


def batches():
    while True:
        yield gen_batch_inputs(pairs, tokens, words, seq_len=10, mask_rate=0.3, swap_sentence_rate=1.0)


model.fit_generator(batches(), steps_per_epoch=2, epochs=1, validation_data=batches(), validation_steps=1, verbose=0)
model.save("bert.h5")
keras.models.load_model("bert.h5", custom_objects=get_custom_objects())
print(Tokenizer(tokens).encode("all work", max_len=6))
