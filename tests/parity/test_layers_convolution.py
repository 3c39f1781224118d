"""Convolutions against Keras 3.15: values, gradients, weights, config and traced shapes."""

import itertools

import pytest

ACTIVATIONS = (None, "relu", "tanh")
SPACE = {1: (9,), 2: (7, 6), 3: (5, 4, 6)}


def shape(rank, data_format, channels=4):
    space = SPACE[rank]
    return (2, channels, *space) if data_format == "channels_first" else (2, *space, channels)


CONV = [
    (rank, {"padding": padding, "strides": strides, "dilation_rate": dilation, "groups": groups, "data_format": where})
    for rank, padding, (strides, dilation), groups, where in itertools.product(
        (1, 2, 3), ("valid", "same"), ((1, 1), (2, 1), (3, 1), (1, 2)), (1, 2), ("channels_last", "channels_first")
    )
    if not (rank == 3 and (groups == 2 or strides == 3))
    and not (where == "channels_first" and (groups, strides) not in ((1, 2), (2, 1)))
]
CONV += [
    (1, {"padding": "causal", "strides": strides, "dilation_rate": dilation, "data_format": where})
    for (strides, dilation), where in itertools.product(((1, 1), (2, 1), (1, 3)), ("channels_last", "channels_first"))
]
CONV += [
    (2, {"kernel_size": (2, 3), "strides": (2, 1)}),
    (2, {"kernel_size": (1, 1), "use_bias": False, "activation": "relu"}),
    (2, {"kernel_size": (7, 6)}),
    (2, {"kernel_size": (9, 8), "padding": "same"}),
    (2, {"kernel_size": [2, 2], "padding": "SAME", "dilation_rate": [1, 2]}),
    (2, {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2"}),
    (2, {"kernel_initializer": "he_normal", "bias_initializer": "ones", "kernel_constraint": "max_norm"}),
    (1, {"kernel_size": (3,), "activation": "tanh", "use_bias": False, "trainable": False}),
    (3, {"kernel_size": (1, 2, 3), "strides": (1, 2, 1), "activation": "softmax"}),
]


@pytest.mark.parametrize(("rank", "kwargs"), CONV)
def test_conv(same_layer, rank, kwargs):
    kwargs = {"filters": 6, "kernel_size": 2 if rank == 3 else 3, **kwargs}
    kwargs.setdefault("activation", ACTIVATIONS[len(str(kwargs)) % 3])
    same_layer(f"Conv{rank}D", kwargs, shape(rank, kwargs.get("data_format")))


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_conv_of_whole_numbers(same_layer, dtype):
    same_layer("Conv2D", {"filters": 3, "kernel_size": 3}, (2, 5, 5, 2), dtype=dtype)


TRANSPOSED = [
    (rank, {"padding": padding, "strides": strides, "kernel_size": size, "data_format": where})
    for rank, padding, strides, size, where in itertools.product(
        (1, 2), ("valid", "same"), (1, 2, 3), (1, 2, 3, 4), ("channels_last", "channels_first")
    )
    if rank == 1 or where == "channels_last" or (strides, size) in ((2, 3), (3, 2))
]
TRANSPOSED += [
    (rank, {"padding": padding, "strides": strides, "kernel_size": size, "output_padding": extra})
    for rank, padding, (strides, extra), size in itertools.product(
        (1, 2), ("valid", "same"), ((2, 0), (2, 1), (3, 2)), (3, 4)
    )
]
TRANSPOSED += [
    (1, {"padding": "valid", "kernel_size": 3, "dilation_rate": 2}),
    (2, {"padding": "same", "kernel_size": 3, "dilation_rate": 2}),
    (2, {"kernel_size": (2, 3), "strides": (3, 1), "use_bias": False, "activation": "relu"}),
    (3, {"kernel_size": 2, "strides": 2}),
    (3, {"kernel_size": (1, 2, 3), "strides": (2, 1, 2), "padding": "same", "data_format": "channels_first"}),
]


@pytest.mark.parametrize(("rank", "kwargs"), TRANSPOSED)
def test_transposed(same_layer, rank, kwargs):
    kwargs = {"filters": 3, **kwargs}
    space = (4, 3, 2)[:rank]
    first = kwargs.get("data_format") == "channels_first"
    same_layer(f"Conv{rank}DTranspose", kwargs, (2, 4, *space) if first else (2, *space, 4))


APART = [
    (rank, {"padding": padding, "strides": strides, "dilation_rate": dilation, "depth_multiplier": m, "data_format": w})
    for rank, padding, (strides, dilation), m, w in itertools.product(
        (1, 2), ("valid", "same"), ((1, 1), (2, 1), (1, 2)), (1, 2), ("channels_last", "channels_first")
    )
    if (w == "channels_first") == (m == 2)
]


@pytest.mark.parametrize(("rank", "kwargs"), [*APART, (2, {"use_bias": False, "activation": "relu"})])
@pytest.mark.parametrize("family", ["DepthwiseConv", "SeparableConv"])
def test_channels_apart(same_layer, family, rank, kwargs):
    kwargs = {"kernel_size": 3, **kwargs, **({"filters": 5} if family == "SeparableConv" else {})}
    kwargs.setdefault("depthwise_regularizer", "l2")
    same_layer(f"{family}{rank}D", kwargs, shape(rank, kwargs.get("data_format"), 3))
