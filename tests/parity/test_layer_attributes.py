"""`supports_masking` and `built` of new layers, for all classes, compared with Keras."""

import inspect

import keras
import pytest

import gazelle
from gazelle.core.registry import REGISTRY

#: arguments of the classes that need some
ARGUMENTS = {
    "Activation": ("relu",),
    "AdaptiveAveragePooling": (2,),
    "AdaptiveMaxPooling": (2,),
    "AlphaDropout": (0.1,),
    "CategoryEncoding": (3,),
    "Conv": (2, 2),
    "Dense": (2,),
    "DepthwiseConv": (2,),
    "Dot": (1,),
    "Dropout": (0.1,),
    "Embedding": (2, 2),
    "Gaussian": (0.1,),
    "GRU": (2,),
    "Hash": (2,),
    "LSTM": (2,),
    "MultiHeadAttention": (2, 3),
    "Permute": ((1,),),
    "RepeatVector": (2,),
    "Reshape": ((2,),),
    "ReversibleEmbedding": (2, 2),
    "SeparableConv": (2, 2),
    "SimpleRNN": (2,),
    "SpatialDropout": (0.1,),
}


def arguments(name):
    longest = max((start for start in ARGUMENTS if name.startswith(start)), key=len, default="")
    return ARGUMENTS.get(longest, ())


def comparable(name):
    cls = getattr(keras.layers, name, None)
    if not inspect.isclass(cls):
        return False
    try:
        inspect.signature(cls.__init__).bind(None, *arguments(name))
    except TypeError:
        return False
    return True


#: where the values differ on purpose
OTHER = {"RMSNormalization"}
NAMES = sorted(name for name in REGISTRY["layers"] if comparable(name) and name not in OTHER)


@pytest.mark.parametrize("name", NAMES)
def test_attributes_of_new_layers(name):
    try:
        theirs = getattr(keras.layers, name)(*arguments(name))
    except (TypeError, ValueError, ImportError):
        pytest.skip("needs other arguments")
    ours = getattr(gazelle.layers, name)(*arguments(name))
    assert (ours.supports_masking, ours.built) == (theirs.supports_masking, theirs.built)


def test_a_subclass_that_overrides_build_is_not_built():
    class Own(gazelle.layers.Identity):
        def build(self, input_shape):
            self.shape = input_shape

    layer = Own()
    assert not layer.built
    layer(gazelle.ops.ones((2, 3)))
    assert layer.shape == (2, 3)
