from textgenrnn import textgenrnn

model = textgenrnn()  # with the weights of the package, which are those of CuDNNLSTM
(text,) = model.generate(1, return_as_list=True, temperature=0.2, max_gen_length=60)
assert len(text.split()) > 3
model.save("texts.weights.h5")
