"""Layers that Keras removed, and variants of current layers that only earlier arguments select.

Input: current arguments. Output: layers. Must not depend on the era, except for the default data format of Keras 1.
"""

from gazelle import layers as _layers
from gazelle.compat.layers import convolution, crf, experimental, merge, removed, variants
from gazelle.compat.tables import defined, pairs

#: current layers under names of earlier versions
RENAMED = pairs("""AtrousConvolution1D=Conv1D AtrousConvolution2D=Conv2D CuDNNGRU=GRU CuDNNLSTM=LSTM
    Deconvolution2D=Conv2DTranspose Deconvolution3D=Conv3DTranspose TimeDistributedDense=Dense""")

globals().update(defined(convolution, crf, experimental, merge, removed, variants))
for _name, _current in RENAMED.items():
    _base = getattr(_layers, _current)
    _members = {"__module__": __name__, "__doc__": f"`{_current}`, which had this name in an earlier version."}
    globals()[_name] = type(_base)(_name, (_base,), _members)
