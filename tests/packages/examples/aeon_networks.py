import numpy as np
from aeon.classification.deep_learning import FCNClassifier, TimeCNNClassifier
from aeon.regression.deep_learning import MLPRegressor

x, y = np.random.rand(16, 1, 20), np.array([0, 1] * 8)
for classifier in (FCNClassifier(n_epochs=2, batch_size=4), TimeCNNClassifier(n_epochs=2, save_best_model=True)):
    classifier.fit(x, y)
    assert classifier.predict_proba(x).shape == (16, 2)
assert MLPRegressor(n_epochs=2).fit(x, np.random.rand(16)).predict(x).shape == (16,)
