import numpy as np
import matplotlib.pyplot as plt
import keras
from keras import backend as K
from keras.datasets import mnist
from keras.models import Model, load_model
from keras.layers import Input, Conv2D, MaxPooling2D, Flatten, Dense, Dropout
from keras.utils import np_utils

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = np.expand_dims(x_train, -1).astype('float32') / 255.
x_test = np.expand_dims(x_test, -1).astype('float32') / 255.
Y_train = np_utils.to_categorical(y_train, 10)
Y_test = np_utils.to_categorical(y_test, 10)

inputs = Input(shape=(28, 28, 1))
x = Conv2D(8, (3, 3), activation='relu', padding='same', name='conv1')(inputs)
x = MaxPooling2D((2, 2))(x)
x = Conv2D(8, (3, 3), activation='relu', name='last_conv')(x)
x = MaxPooling2D(pool_size=(2, 2))(x)
x = Flatten()(x)
x = Dropout(0.25)(x)
preds = Dense(10, activation='softmax', name='predictions')(x)
model = Model(inputs=inputs, outputs=preds)
model.compile(loss='categorical_crossentropy', optimizer=keras.optimizers.Adam(lr=0.01), metrics=['accuracy'])
hist = model.fit(x_train, Y_train, batch_size=32, epochs=3, verbose=2, validation_data=(x_test, Y_test))
assert hist.history['val_acc'][-1] > 0.6 if 'val_acc' in hist.history else hist.history['val_accuracy'][-1] > 0.6
model.save('model.h5')
model = load_model('model.h5')


def grad_cam(model, image, category_index, layer_name):
    y_c = model.output[0, category_index]
    conv_output = model.get_layer(layer_name).output
    grads = K.gradients(y_c, conv_output)[0]
    gradient_function = K.function([model.input, K.learning_phase()], [conv_output, grads])
    output, grads_val = gradient_function([image, 0])
    output, grads_val = output[0, :], grads_val[0, :, :, :]
    weights = np.mean(grads_val, axis=(0, 1))
    cam = np.dot(output, weights)
    cam = np.maximum(cam, 0)
    return cam / (cam.max() + 1e-8)


def saliency(model, image, idx):
    input_tensors = [model.layers[0].input, K.learning_phase()]
    gradients = model.optimizer.get_gradients(model.output[0][idx], model.layers[0].input) \
        if hasattr(model.optimizer, 'get_gradients') else K.gradients(model.output[0][idx], model.layers[0].input)
    compute_gradients = K.function(inputs=input_tensors, outputs=gradients)
    return compute_gradients([image, 0])[0][0, ..., 0]

sample = x_test[:1]
pred_class = np.argmax(model.predict(sample)[0])
heatmap = grad_cam(model, sample, pred_class, 'last_conv')
print(heatmap.shape)
assert heatmap.shape == (12, 12) and np.isfinite(heatmap).all()
sal = np.abs(saliency(model, sample, pred_class))
assert sal.shape == (28, 28) and sal.max() > 0

layer_outputs = [layer.output for layer in model.layers[1:3]]
functors = [K.function([model.input, K.learning_phase()], [out]) for out in layer_outputs]
layer_outs = [func([sample, 1.]) for func in functors]
assert layer_outs[0][0].shape == (1, 28, 28, 8)
activation_model = Model(inputs=model.input, outputs=layer_outputs)
assert np.allclose(activation_model.predict(sample)[0], layer_outs[0][0], atol=1e-5)
plt.matshow(heatmap)
plt.savefig('cam.png')
K.clear_session()
