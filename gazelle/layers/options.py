"""Arguments that layers pass on to `Layer`, for `**kwargs: Unpack[LayerOptions]`: type checkers and editors know them.

A class that has one of them as a parameter of its own takes the others. Nothing here is needed at run time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from gazelle.core.types import PolicyLike, RegularizerLike, Shape


class InputOptions(TypedDict, total=False):
    """How a layer takes its input."""

    autocast: bool
    input_shape: Shape | None
    batch_size: int | None
    batch_input_shape: Shape | None
    batch_shape: Shape | None


class OptionsWithoutNameAndDtype(InputOptions, total=False):
    """Those of a layer that has `name` and `dtype` as parameters."""

    trainable: bool
    activity_regularizer: RegularizerLike
    input_dim: int | None


class OptionsWithoutName(OptionsWithoutNameAndDtype, total=False):
    """Those of a layer that has `name` as a parameter."""

    dtype: PolicyLike


class LayerOptions(OptionsWithoutName, total=False):
    """All arguments of `Layer`."""

    name: str | None


class OptionsWithoutRegularizer(InputOptions, total=False):
    """Those of a layer that has `activity_regularizer` as a parameter."""

    name: str | None
    dtype: PolicyLike
    trainable: bool
    input_dim: int | None


class OptionsOfModel(InputOptions, total=False):
    """Those of a model that has `name` and `trainable` as parameters."""

    dtype: PolicyLike
    activity_regularizer: RegularizerLike
    input_dim: int | None


class OptionsOfInputLayer(TypedDict, total=False):
    """Those of an `InputLayer`."""

    trainable: bool
    activity_regularizer: RegularizerLike
    autocast: bool
    input_shape: Shape | None
    batch_input_shape: Shape | None


class OptionsOfEmbedding(InputOptions, total=False):
    """Those of an embedding, whose `input_dim` is the number of rows."""

    name: str | None
    dtype: PolicyLike
    trainable: bool
    activity_regularizer: RegularizerLike
    input_length: int | None


class OptionsOfCell(LayerOptions, total=False):
    """Those of a recurrent cell."""

    implementation: int


class OptionsOfRecurrent(OptionsWithoutRegularizer, total=False):
    """Those of a recurrent layer."""

    implementation: int
    zero_output_for_mask: bool


class OptionsOfImageLayer(LayerOptions, total=False):
    """Those of an image layer that has `data_format` as a parameter or no use for it."""

    bounding_box_format: str | None


class OptionsOfPlainImageLayer(OptionsOfImageLayer, total=False):
    """Those of an image layer without the parameter `data_format`."""

    data_format: str | None


class OptionsOfCrop(OptionsWithoutName, total=False):
    """Those of an image layer that has `name` and `data_format` as parameters."""

    bounding_box_format: str | None


class OptionsOfVocabulary(OptionsWithoutName, total=False):
    """Those of a layer with a vocabulary: its state in a config."""

    vocabulary_size: int | None
    has_input_vocabulary: bool | None


class OptionsOfLookup(OptionsOfVocabulary, total=False):
    """The same, with `name`."""

    name: str | None
