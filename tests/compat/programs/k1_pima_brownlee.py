from keras.models import Sequential, model_from_json, model_from_yaml
from keras.layers import Dense
from keras.constraints import maxnorm
from keras.regularizers import l2
import numpy
import os
seed = 7
numpy.random.seed(seed)
X = numpy.random.rand(200, 8)
Y = (X[:, 1] + X[:, 5] > 1).astype(int)
model = Sequential()
model.add(Dense(12, input_dim=8, init='uniform', activation='relu', W_constraint=maxnorm(3)))
model.add(Dense(8, init='uniform', activation='relu', W_regularizer=l2(0.0001)))
model.add(Dense(1, init='uniform', activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
history = model.fit(X, Y, validation_split=0.2, nb_epoch=60, batch_size=10, verbose=0)
print(history.history.keys())
scores = model.evaluate(X, Y)
print("%s: %.2f%%" % (model.metrics_names[1], scores[1]*100))
assert scores[1] > 0.85, scores
model_json = model.to_json()
with open("model.json", "w") as json_file:
    json_file.write(model_json)
with open("model.yaml", "w") as yaml_file:
    yaml_file.write(model.to_yaml())
model.save_weights("model.h5")
print("Saved model to disk")

for name, reader in (('model.json', model_from_json), ('model.yaml', model_from_yaml)):
    loaded_model = reader(open(name, 'r').read())
    loaded_model.load_weights("model.h5")
    loaded_model.compile(loss='binary_crossentropy', optimizer='rmsprop', metrics=['accuracy'])
    score = loaded_model.evaluate(X, Y, verbose=0)
    assert abs(score[1] - scores[1]) < 1e-6
predictions = model.predict(X)
rounded = [round(x[0]) for x in predictions]
assert numpy.mean(rounded == Y) > 0.85
