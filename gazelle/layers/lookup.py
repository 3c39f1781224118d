"""The lookup layers: StringLookup and IntegerLookup convert values to indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import ArrayLike
from gazelle.layers.vocabulary import LookupLayer

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfVocabulary


class IntegerLookup(LookupLayer):
    """Index of an integer in a vocabulary:  y = index of x.

    x (any shape) of integers  ->  y (same shape) with output_mode='int', else vectors as in `CategoryEncoding`

    The indices are: 0 for the mask token (if there is one), `num_oov_indices` indices for unknown values, then the
    vocabulary.

    Args:
        max_tokens: Maximal size of the vocabulary, including special tokens; None for no limit.
        num_oov_indices: Number of indices for tokens out of the vocabulary; with 0 such tokens are an error.
        mask_token: Token that stands for padding, with index 0; None for no such token.
        oov_token: Token that `invert` returns for out-of-vocabulary indices.
        vocabulary: Tokens in order, or a text file with one token per line; None to learn them with `adapt`.
        vocabulary_dtype: Must be 'int64'.
        idf_weights: Inverse document frequency of each token, for 'tf_idf' with a given vocabulary.
        invert: Whether to map indices to tokens.
        output_mode: 'int', 'one_hot', 'multi_hot', 'count' or 'tf_idf' (counts times log(1 + rows / (1 + rows with
            x))).
        sparse: Whether vectors are returned as sparse arrays (BCOO of JAX).
        pad_to_max_tokens: Whether vectors have size max_tokens even if the vocabulary is smaller.
        oov_method: How an unknown x selects one of several indices: 'floormod' (x mod num_oov_indices) or 'farmhash'.
        salt: One or two integers: key of SipHash64 for several out-of-vocabulary indices.
        name: Name of the layer; None generates one.
        **kwargs: Arguments of `Layer`: `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An option is unknown or does not fit another one.
        DataError: A value is not in the vocabulary and num_oov_indices is 0.
        StateError: The layer has no vocabulary yet.

    Example:
        >>> IntegerLookup(vocabulary=[12, 36, 1138])(np.array([[12, 1138], [36, 7]]))
        Array([[1, 3],
               [2, 0]], dtype=int32)
    """

    kind = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | str | None = None,
        oov_token: int | str = -1,
        vocabulary: Sequence[Any] | np.ndarray | str | None = None,
        vocabulary_dtype: str = "int64",
        idf_weights: ArrayLike | None = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: int | Sequence[int] | None = None,
        name: str | None = None,
        **kwargs: Unpack[OptionsOfVocabulary],
    ) -> None:
        super().__init__(name=name, oov_method=oov_method, idf_weights=idf_weights, **kwargs)
        if vocabulary_dtype != "int64":
            raise ArgumentError(message("vocabulary_dtype of IntegerLookup", expected="'int64'", got=vocabulary_dtype))
        if oov_method not in ("floormod", "farmhash"):
            raise ArgumentError(
                message("oov_method of IntegerLookup", expected="'floormod' or 'farmhash'", got=repr(oov_method))
            )


class StringLookup(LookupLayer):
    """Index of a string in a vocabulary:  y = index of x.

    x (any shape) of strings  ->  y (same shape) with output_mode='int', else vectors as in `CategoryEncoding`

    The indices are: 0 for the mask token (if there is one), `num_oov_indices` indices for unknown strings (selected by
    FarmHash64), then the vocabulary.

    Args:
        max_tokens: Maximal size of the vocabulary, including special tokens; None for no limit.
        num_oov_indices: Number of indices for tokens out of the vocabulary; with 0 such tokens are an error.
        mask_token: Token that stands for padding, with index 0; None for no such token.
        oov_token: Token that `invert` returns for out-of-vocabulary indices.
        vocabulary: Tokens in order, or a text file with one token per line; None to learn them with `adapt`.
        idf_weights: Inverse document frequency of each token, for 'tf_idf' with a given vocabulary.
        invert: Whether to map indices to tokens.
        output_mode: 'int', 'one_hot', 'multi_hot', 'count' or 'tf_idf' (counts times log(1 + rows / (1 + rows with
            x))).
        pad_to_max_tokens: Whether vectors have size max_tokens even if the vocabulary is smaller.
        sparse: Whether vectors are returned as sparse arrays (BCOO of JAX).
        encoding: Encoding of bytes.
        name: Name of the layer; None generates one.
        salt: One or two integers: key of SipHash64 for several out-of-vocabulary indices.
        **kwargs: Arguments of `Layer`: `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An option is unknown or does not fit another one.
        DataError: A string is not in the vocabulary and num_oov_indices is 0.
        StateError: The layer has no vocabulary yet.

    Example:
        >>> layer = StringLookup()
        >>> layer.adapt(["b", "a", "b"])
        >>> layer.get_vocabulary()
        ['[UNK]', 'b', 'a']
        >>> layer(np.array([["a", "c"]]))
        Array([[2, 0]], dtype=int32)
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | str | None = None,
        oov_token: int | str = "[UNK]",
        vocabulary: Sequence[Any] | np.ndarray | str | None = None,
        idf_weights: ArrayLike | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: int | Sequence[int] | None = None,
        **kwargs: Unpack[OptionsOfVocabulary],
    ) -> None:
        super().__init__(name=name, idf_weights=idf_weights, **kwargs)
