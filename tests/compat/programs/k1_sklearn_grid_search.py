import numpy
from sklearn.model_selection import GridSearchCV, cross_val_score, StratifiedKFold, KFold
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.pipeline import Pipeline
from keras.models import Sequential
from keras.layers import Dense
from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor


def create_model(optimizer='adam', init='glorot_uniform'):
    model = Sequential()
    model.add(Dense(8, input_dim=8, init=init, activation='relu'))
    model.add(Dense(1, init=init, activation='sigmoid'))
    model.compile(loss='binary_crossentropy', optimizer=optimizer, metrics=['accuracy'])
    return model

seed = 7
numpy.random.seed(seed)
X = numpy.random.randn(90, 8)
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
model = KerasClassifier(build_fn=create_model, verbose=0)
param_grid = dict(batch_size=[4], nb_epoch=[1, 40], optimizer=['adam'])
grid = GridSearchCV(estimator=model, param_grid=param_grid, n_jobs=1, cv=2)
grid_result = grid.fit(X, Y)
print("Best: %f using %s" % (grid_result.best_score_, grid_result.best_params_))
means = grid_result.cv_results_['mean_test_score']
for mean, param in zip(means, grid_result.cv_results_['params']):
    print("%f with: %r" % (mean, param))
assert grid_result.best_params_['nb_epoch'] == 40
assert grid_result.best_score_ > 0.7
assert grid_result.best_estimator_.model.layers


def baseline_model():
    model = Sequential()
    model.add(Dense(8, input_dim=2, init='normal', activation='relu'))
    model.add(Dense(3, init='normal', activation='sigmoid'))
    model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
    return model

names = numpy.array(['setosa', 'versicolor', 'virginica'])[numpy.arange(60) % 3]
points = numpy.random.randn(60, 2) * 0.2 + numpy.array([[0, 0], [2, 0], [0, 2]])[numpy.arange(60) % 3]
encoder = LabelEncoder()
encoded_Y = encoder.fit_transform(names)
estimator = KerasClassifier(build_fn=baseline_model, nb_epoch=40, batch_size=3, verbose=0)
kfold = KFold(n_splits=2, shuffle=True, random_state=seed)
results = cross_val_score(estimator, points, encoded_Y, cv=kfold)
print("Accuracy: %.2f%% (%.2f%%)" % (results.mean() * 100, results.std() * 100))
assert results.mean() > 0.6


def regression_model():
    model = Sequential()
    model.add(Dense(6, input_dim=8, init='normal', activation='relu'))
    model.add(Dense(1, init='normal'))
    model.compile(loss='mean_squared_error', optimizer='adam')
    return model

estimators = []
estimators.append(('standardize', StandardScaler()))
estimators.append(('mlp', KerasRegressor(build_fn=regression_model, nb_epoch=10, batch_size=5, verbose=0)))
pipeline = Pipeline(estimators)
pipeline.fit(X, X[:, 0])
assert pipeline.predict(X).shape == (90,)
