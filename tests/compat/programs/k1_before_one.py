"""Keras 0.x: sizes of both sides by position, class_mode, show_accuracy, Graph."""
import numpy as np
from keras.models import Sequential, Graph
from keras.layers.core import Dense, Dropout, Activation
from keras.optimizers import SGD

np.random.seed(0)
X_train = np.random.rand(200, 20)
y_train = np.eye(2)[(X_train[:, 0] > 0.5).astype(int)]

model = Sequential()
model.add(Dense(20, 64, init='uniform'))
model.add(Activation('tanh'))
model.add(Dropout(0.1))
model.add(Dense(64, 2, init='uniform'))
model.add(Activation('softmax'))

sgd = SGD(lr=0.1, decay=1e-6, momentum=0.9, nesterov=True)
model.compile(loss='categorical_crossentropy', optimizer=sgd, class_mode="categorical")
model.fit(X_train, y_train, nb_epoch=15, batch_size=16, show_accuracy=True, verbose=0)
score = model.evaluate(X_train, y_train, batch_size=16, show_accuracy=True, verbose=0)
assert score[1] > 0.9, score
classes = model.predict_classes(X_train, batch_size=32)
assert np.mean(classes == y_train.argmax(1)) > 0.9

graph = Graph()
graph.add_input(name='input1', input_shape=(20,))
graph.add_input(name='input2', input_shape=(4,))
graph.add_node(Dense(16), name='dense1', input='input1')
graph.add_node(Dense(16), name='dense2', input='input2')
graph.add_node(Activation('tanh'), name='act', inputs=['dense1', 'dense2'], merge_mode='concat')
graph.add_node(Dense(2, activation='softmax'), name='dense3', input='act')
graph.add_output(name='output', input='dense3')
graph.compile(optimizer='rmsprop', loss={'output': 'categorical_crossentropy'})
second = np.random.rand(200, 4)
history = graph.fit({'input1': X_train, 'input2': second, 'output': y_train}, nb_epoch=10, verbose=0)
assert history.history['loss'][-1] < history.history['loss'][0]
predictions = graph.predict({'input1': X_train, 'input2': second})
assert predictions['output'].shape == (200, 2)
