import numpy as np
from keras import Input, Model
from keras.layers import Activation, Flatten
from qkeras import QActivation, QConv2D, QDense, QSeparableConv2D, quantized_bits
from qkeras.utils import load_qmodel

bits = quantized_bits(3)
inputs = Input((12, 12, 1))
x = QConv2D(6, (3, 3), kernel_quantizer="stochastic_ternary", bias_quantizer="ternary")(inputs)
x = QActivation("quantized_relu(3)")(x)
x = QSeparableConv2D(8, (3, 3), depthwise_quantizer=quantized_bits(4, 0, 1), pointwise_quantizer=bits)(x)
x = QActivation("quantized_relu(3)")(x)
x = QDense(3, kernel_quantizer=bits, bias_quantizer=bits)(Flatten()(x))
model = Model(inputs, Activation("softmax")(QActivation("quantized_bits(20, 5)")(x)))
model.compile("adam", "sparse_categorical_crossentropy")
images, labels = np.random.rand(16, 12, 12, 1), np.random.randint(0, 3, 16)
assert len(model.fit(images, labels, epochs=2, verbose=0).history["loss"]) == 2
model.save("quantized.keras")
assert load_qmodel("quantized.keras").predict(images).shape == (16, 3)
