"""Names and modules that moved or were removed: what programs for earlier Keras do differently from Keras 3."""

#: row -> (era, lines), as in `test_breaks`
ROWS = {
    "2 np_utils": (
        1,
        """
from keras.utils import np_utils
assert np_utils.to_categorical([1], nb_classes=3).shape == (1, 3)""",
    ),
    "4 modules of layers": (
        1,
        """
from keras.layers.core import Dense, Activation
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.recurrent import LSTM
from keras.layers.embeddings import Embedding
from keras.layers.pooling import GlobalMaxPooling1D
from keras.layers.normalization import BatchNormalization
from keras.layers.advanced_activations import LeakyReLU, PReLU
from keras.layers.wrappers import TimeDistributed
from keras.layers.noise import GaussianNoise
from keras.layers.merge import Add, concatenate
from keras.layers.convolutional_recurrent import ConvLSTM2D
import keras
assert keras.layers.core.Activation is layers.Activation""",
    ),
    "9 modules of utils": (
        1,
        """
from keras.utils.data_utils import get_file
from keras.utils.generic_utils import Progbar, get_custom_objects
from keras.utils.layer_utils import get_source_inputs
from keras.utils.vis_utils import plot_model
from keras.utils.visualize_util import plot
assert plot is plot_model""",
    ),
    "12 objectives, initializations, engine": (
        1,
        """
from keras.objectives import categorical_crossentropy, mse
from keras.initializations import normal, uniform
from keras.engine.topology import Layer, Input, InputSpec
from keras.engine import Model, merge
import keras.engine.training
assert Layer is layers.Layer and normal((2, 3), scale=0.1).shape == (2, 3)""",
    ),
    "19 functions of losses and metrics": (
        2,
        """
from keras.losses import mse, mean_squared_error, binary_crossentropy
from keras.metrics import mean_absolute_error, mae, categorical_accuracy
assert mse is mean_squared_error and mae is mean_absolute_error""",
    ),
    "26 wrappers": (1, "from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor"),
    "several versions of l2": (
        1,
        """
from keras.regularizers import l2, l1l2, activity_l2, WeightRegularizer
assert l2(l=0.1).l2 == WeightRegularizer(l2=0.1).l2""",
    ),
    "lower case and CuDNN": (
        2,
        """
from keras import optimizers
assert optimizers.adam(lr=0.1).lr is not None
layers.CuDNNLSTM(2)(np.ones((1, 2, 3), 'float32'))""",
    ),
    "theano beside": (
        1,
        """
import theano, theano.tensor as T
from theano import tensor
x = T.matrix('x'); w = theano.shared(np.ones(3, 'float32'))
cost = T.mean(T.sqr(T.sum(x * w, axis=1)))
f = theano.function([x], [cost, theano.grad(cost, w)], updates=[(w, w * 2)])
cost, slope = f(X)
assert np.allclose(cost, (X.sum(1) ** 2).mean()) and np.allclose(slope, 2 * X.sum(1) @ X / 16, rtol=1e-5)
assert w.get_value().tolist() == [2, 2, 2] and theano.config.floatX == 'float32' and tensor is T
try:
    T.sqrr
except AttributeError as error:
    assert 'Did you mean theano.tensor.sqr' in str(error)
else:
    raise AssertionError""",
    ),
    "rooms of TensorFlow by way of the backend": (
        2,
        """
from keras import backend as K
assert K.control_flow_ops.while_loop(lambda i: i < 3, lambda i: i + 1, [0])[0] == 3
assert K.nn.relu(np.array([-1., 2.])).numpy().tolist() == [0, 2]""",
    ),
    "modules of optimizers": (
        2,
        """
from keras.optimizers import adam_v2, optimizer_v2, rmsprop_v2
from keras.optimizer_v2 import adam
from keras.optimizer_v2.gradient_descent import SGD
assert adam.Adam is adam_v2.Adam is optimizer_v2.adam.Adam and SGD is keras.optimizers.SGD""",
    ),
    "names of Keras 0": (
        1,
        """
from keras.layers.core import LambdaMerge, MaskedLayer, TimeDistributedMerge
from keras.models import Graph
from keras.optimizers import optimizer_from_config
from keras.datasets.data_utils import get_file
both = LambdaMerge([layers.Dense(2, input_dim=3) for _ in range(2)], lambda tensors: tensors[0] * tensors[1])
assert both.predict([X, X], verbose=0).shape == (16, 2)
assert TimeDistributedMerge("ave")(layers.Input((5, 2))).shape == (None, 2)
g = Graph()
g.add_input("a", (3,)), g.add_input("b", (3,))
g.add_shared_node(layers.Dense(2), "both", inputs=["a", "b"], outputs=["c", "d"])
g.add_shared_node(layers.Dense(1), "sum", inputs=["c", "d"], merge_mode="sum", create_output=True)
g.compile("sgd", {"sum": "mse"}), g.fit({"a": X, "b": X, "sum": Y}, nb_epoch=1, verbose=0)
assert len(g.model.trainable_weights) == 4
assert list(g.nodes) == ["both", "sum"] and list(g.inputs) == ["a", "b"] and list(g.outputs) == ["sum"]
assert g.outputs["sum"].get_weights()[0].shape == (2, 1)
g = Graph()
g.add_input("a", (3,)), g.add_node(layers.Dense(2), "b", input="a"), g.add_node(layers.Dense(2), "c", input="a")
g.add_node(layers.Lambda(lambda of: of["b"] - of["c"]), "d", inputs=["b", "c"], merge_mode="join", create_output=True)
g.compile("sgd", {"d": "mse"})
b, c = (X @ g.nodes[name].get_weights()[0] for name in "bc")
np.testing.assert_allclose(g.predict({"a": X})["d"], b - c, atol=1e-5)
assert optimizer_from_config({"class_name": "SGD", "config": {"learning_rate": 0.5}}).lr == 0.5""",
    ),
    "keras.api": (
        3,
        """
import keras.api
from keras.api import ops
from keras.api.layers import Dense
from keras.api.ops import nn
assert keras.api.ops is ops is keras.ops and Dense is keras.layers.Dense""",
    ),
    "version()": (2, "import keras; assert keras.version() == keras.__version__ and keras.version()[0] == '2'"),
    "17 texts": (
        2,
        "from keras.preprocessing.text import Tokenizer; t = Tokenizer(5); t.fit_on_texts(['a b a'])\n"
        "assert t.word_index == {'a': 1, 'b': 2}",
    ),
}
