"""RegNet and ResNet-RS; the numbers of parameters are those of TensorFlow 2.15."""

import numpy as np
import pytest

from gazelle.compat.namespaces import root
from tests.compat.test_breaks import of_era

COUNTS = {"RegNetX002": 2338485, "RegNetY002": 2816689, "RegNetY016": 10370547, "ResNetRS50": 33706533}


@pytest.mark.parametrize("name", COUNTS)
def test_numbers_of_parameters(name):
    with of_era(2):
        keras = root("tensorflow.keras")
        model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=5)
    assert (model.count_params(), model.output_shape) == (COUNTS[name], (None, 5))


def test_without_the_classifier():
    with of_era(2):
        keras = root("tensorflow.keras")
        model = keras.applications.regnet.RegNetX002(
            weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
        )
        assert model.name == "regnetx002"
        assert model.predict(np.ones((1, 32, 32, 3)), verbose=0).shape == (1, 368)
        assert keras.applications.resnet_rs.preprocess_input(3) == 3
