import numpy as np
from sktime.classification.deep_learning import CNNClassifier, FCNClassifier, LSTMFCNClassifier, MLPClassifier
from sktime.datasets import load_unit_test
from sktime.regression.deep_learning import CNNRegressor

x, y = load_unit_test(split="train", return_type="numpy3d")
others, labels = load_unit_test(split="test", return_type="numpy3d")
x, others = x / x.max(), others / x.max()  # else the probabilities are 0 / 0, also with Keras
for kind in (CNNClassifier, FCNClassifier, MLPClassifier, LSTMFCNClassifier):
    classifier = kind(n_epochs=2, batch_size=4).fit(x, y)
    probabilities = classifier.predict_proba(others)
    assert probabilities.shape == (len(labels), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)
    assert set(classifier.predict(others)) <= set(y)
assert CNNRegressor(n_epochs=2, batch_size=4).fit(x, y.astype(float)).predict(others).shape == (len(labels),)
