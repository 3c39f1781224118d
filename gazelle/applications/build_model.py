"""Shared by all architectures: arguments, input, pretrained weights, and the construction of the model."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from gazelle import activations
from gazelle.applications.apply_layers import channels_first
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.layers.input import Input
from gazelle.models.functional import Functional

#: defaults of all arguments
DEFAULTS: dict[str, Any] = {
    "include_top": True,
    "weights": "imagenet",
    "input_tensor": None,
    "input_shape": None,
    "pooling": None,
    "classes": 1000,
    "classifier_activation": "softmax",
    "include_preprocessing": True,
    "alpha": 1.0,
    "depth_multiplier": 1,
    "dropout": 0.001,
    "dropout_rate": 0.2,
    "minimalistic": False,
    "name": None,
}
USUAL = "include_top weights input_tensor input_shape pooling classes classifier_activation name"
SITE = "https://storage.googleapis.com/tensorflow/keras-applications/"

#: annotation and description of each argument
ARGUMENTS: dict[str, tuple[Any, str]] = {
    "include_top": (bool, "Whether to include the classifier."),
    "weights": (
        str | os.PathLike[str] | None,
        "'imagenet' for the weights of Keras (downloaded and cached), None for random values, or the path of a file.",
    ),
    "input_tensor": (KerasTensor | None, "Symbolic tensor to use as the input."),
    "input_shape": (
        Sequence[int | None] | None,
        "(rows, columns, channels), or (channels, rows, columns) with the image data format 'channels_first'; "
        "None for the default size.",
    ),
    "pooling": (
        str | None,
        "Without the classifier: 'avg' or 'max' for global pooling of the output, None for the feature map.",
    ),
    "classes": (int, "Number of classes of the classifier."),
    "classifier_activation": (str | Callable[..., Any] | None, "Activation of the classifier; None for logits."),
    "include_preprocessing": (bool, "Whether the model starts with a layer that rescales pixels from 0 to 255."),
    "alpha": (float, "Factor of the number of channels of each layer."),
    "depth_multiplier": (int, "Number of depthwise channels per input channel."),
    "dropout": (float, "Dropout rate before the classifier."),
    "dropout_rate": (float, "Dropout rate before the classifier."),
    "minimalistic": (bool, "Whether to use the variant with ReLU, 3 x 3 kernels and no squeeze-and-excitation."),
    "name": (str | None, "Name of the model."),
}


class File(NamedTuple):
    """A file of weights: its name in the cache, its address, and its MD5 or SHA-256."""

    name: str
    url: str
    digest: str | None = None


def application(
    title: str,
    body: Callable[[Any, Any], Any],
    file: Callable[[Any], File],
    about: str,
    source: str,
    *,
    name: str | None = None,
    arguments: str = USUAL,
    size: int = 224,
    least: int = 32,
    prepare: Callable[[SimpleNamespace], None] | None = None,
    **more: object,
) -> Callable[..., Functional]:
    """Return the public function that builds one architecture.

    Args:
        title: Name of the function.
        body: Function (input, a) -> output; the attributes of `a` are the arguments and `more`.
        file: Function a -> file of the ImageNet weights.
        about: What is built, for the docstring.
        source: The paper.
        name: Default name of the model.
        arguments: Names of the arguments, in order.
        size: Default number of rows and columns.
        least: Smallest number of rows and columns.
        prepare: Function that checks or completes `a` before the model is built.
        **more: Further attributes of `a`.

    Returns:
        The function, with a signature and a docstring of its own.
    """
    defaults = {key: DEFAULTS[key] for key in arguments.split()} | {"name": name or DEFAULTS["name"]}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(key, kind, default=defaults[key], annotation=ARGUMENTS[key][0]) for key in arguments.split()
    ]
    signature = inspect.Signature(parameters, return_annotation=Functional)

    def build(*args: Any, **kwargs: Any) -> Functional:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{title}{signature}: {error}.") from None
        given.apply_defaults()
        a = SimpleNamespace(**{"size": size, "least": least, "fixed": True, "title": title, **more, **given.arguments})
        a.input_shape = as_channels_last(a.input_shape) if a.input_shape else None
        _check(a)
        if prepare is not None:
            prepare(a)
        x = _input(a)
        y = body(x, a)  # it may set the name
        model = Functional(_sources(x), y, name=a.name)
        if a.weights is not None:
            model.load_weights(_fetched(file(a)) if a.weights == "imagenet" else a.weights)
        return model

    build.__name__ = build.__qualname__ = title
    build.__doc__ = _docstring(title, about, source, arguments.split())
    build.__signature__ = signature  # type: ignore[attr-defined]
    return build


def _docstring(title: str, about: str, source: str, arguments: list[str]) -> str:
    entries = "\n".join(f"        {name}: {ARGUMENTS[name][1]}" for name in arguments)
    return f"""Build {about}.

    The input is an image, or a batch of images, as returned by `preprocess_input` of the same module.

    Args:
{entries}

    Returns:
        A `Functional` model.

    Raises:
        ArgumentError: The arguments do not fit the pretrained weights, or the file of weights does not exist.
        ShapeError: `input_shape` is malformed, too small, or does not fit the pretrained weights.

    References:
        {source}

    Example:
        >>> {title}(weights=None, classes=10).output_shape
        (None, 10)
    """


def _check(a: SimpleNamespace) -> None:
    pretrained = a.weights == "imagenet"
    if a.weights is not None and not pretrained and not os.path.exists(a.weights):
        raise ArgumentError(
            message(f"weights of {a.title}", expected="None, 'imagenet' or the path of a file", got=repr(a.weights))
        )
    if pretrained and a.include_top and a.classes != 1000:
        raise ArgumentError(
            message(
                f"{a.title}(weights='imagenet', classes={a.classes})",
                expected="the 1000 classes of ImageNet",
                hint="Use include_top=False and add a Dense layer, or use weights=None.",
            )
        )
    if channels_first() and getattr(a, "channels_last_only", False):
        hint = "Call gazelle.config.set_image_data_format('channels_last')."
        raise ArgumentError(message(f"{a.title} with images 'channels_first'", expected="'channels_last'", hint=hint))
    known = (activations.get("softmax"), activations.get(None))
    if a.weights is not None and a.include_top and activations.get(a.classifier_activation) not in known:
        raise ArgumentError(
            message(
                f"classifier_activation of {a.title} with weights",
                expected="'softmax' or None",
                got=repr(a.classifier_activation),
            )
        )


def _input(a: SimpleNamespace) -> KerasTensor:
    """Return the input tensor, and set `a.shape` to (rows, columns, channels), in every data format."""
    if a.input_tensor is not None:
        if not is_symbolic(a.input_tensor):
            raise ArgumentError(
                message(
                    f"input_tensor of {a.title}",
                    expected="a symbolic tensor",
                    got=type(a.input_tensor).__name__,
                    hint="Make one with gazelle.Input(shape).",
                )
            )
        a.shape = as_channels_last(a.input_tensor.shape[1:])
        tensor: KerasTensor = a.input_tensor
        return tensor
    a.shape = _shape(a)
    made: KerasTensor = Input(shape=_in_data_format(a.shape))
    return made


def as_channels_last(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    """Return a shape as (rows, columns, channels)."""
    return (*shape[1:], shape[0]) if channels_first() else tuple(shape)


def _in_data_format(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    """Return (rows, columns, channels) in the order of the data format."""
    return (shape[-1], *shape[:-1]) if channels_first() else tuple(shape)


def _shape(a: SimpleNamespace) -> tuple[int | None, ...]:
    given = a.input_shape
    pretrained = a.weights == "imagenet"
    usual = (a.size, a.size, given[-1] if given and len(given) == 3 and not pretrained else 3)
    label, got = f"input_shape of {a.title}", given and _in_data_format(given)
    if a.include_top and pretrained and a.fixed:
        if given not in (None, usual):
            raise ShapeError(message(f"{label} with its classifier", expected=str(_in_data_format(usual)), got=got))
        return usual
    if given is None:
        return usual if a.include_top and a.fixed else (None, None, 3)
    if len(given) != 3 or (pretrained and given[-1] != 3):
        channels = "3" if pretrained else "channels"
        expected = f"({channels}, rows, columns)" if channels_first() else f"(rows, columns, {channels})"
        raise ShapeError(message(label, expected=expected, got=got))
    if any(n is not None and n < a.least for n in given[:2]):
        raise ShapeError(message(label, expected=f"at least {a.least} x {a.least}", got=got))
    if a.include_top and a.fixed and None in given:
        raise ShapeError(message(f"{label} with its classifier", expected="known sizes", got=got))
    if given[-1] not in (1, 3):
        warnings.warn(f"{a.title} was made for 1 or 3 channels; input_shape has {given[-1]}.", stacklevel=4)
    return tuple(given)


def _sources(tensor: KerasTensor) -> Any:
    """Return the inputs that a tensor was computed from."""
    found: dict[int, KerasTensor] = {}
    queue = [tensor]
    while queue:
        at = queue.pop()
        before = at.node.inputs if at.node is not None else []
        if before:
            queue.extend(before)
        else:
            found[id(at)] = at
    sources = list(found.values())
    return sources[0] if len(sources) == 1 else sources


def _fetched(file: File) -> str:
    """Return the path of a file of weights in the cache; it is downloaded if it is missing."""
    from gazelle.utils import get_file

    path: str = get_file(file.name, file.url, cache_subdir="models", file_hash=file.digest)
    return path


def kernels(folder: str, name: str, digests: tuple[str, str]) -> Callable[[Any], File]:
    """Return the file in the older naming scheme of Keras: `<name>_weights_tf_dim_ordering_tf_kernels[_notop].h5`."""

    def file(a: SimpleNamespace) -> File:
        found = f"{name}_weights_tf_dim_ordering_tf_kernels{'' if a.include_top else '_notop'}.h5"
        return File(found, f"{SITE}{folder}/{found}", digests[not a.include_top])

    return file


def named(site: str, name: str, digests: tuple[str, str]) -> Callable[[Any], File]:
    """Return the file in the newer naming scheme of Keras: `<model>[_notop].h5`."""

    def file(a: SimpleNamespace) -> File:
        found = f"{name}{'' if a.include_top else '_notop'}.h5"
        return File(found, site + found, digests[not a.include_top])

    return file
