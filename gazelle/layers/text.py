"""TextVectorization: conversion of text to indices of tokens."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.serialization import serialize
from gazelle.core.text_array import TextArray
from gazelle.core.types import Array, ArrayLike, PathLike
from gazelle.layers.adapting import batches
from gazelle.layers.categories import MODES, check_mode
from gazelle.layers.lookup import StringLookup
from gazelle.layers.numpy_layer import texts
from gazelle.layers.vocabulary import VocabularyLayer

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfVocabulary

# Only ASCII letters and punctuation, as in TensorFlow: text in other scripts is not changed.
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NO_MARKS = str.maketrans("", "", string.punctuation)
_STANDARDIZE = {
    "lower_and_strip_punctuation": lambda text: text.translate(_LOWER).translate(_NO_MARKS),
    "lower": lambda text: text.translate(_LOWER),
    "strip_punctuation": lambda text: text.translate(_NO_MARKS),
}
_SPLIT = {"whitespace": lambda text: [word.decode() for word in text.encode().split()], "character": list}


def _is_text(row: Sequence[Any]) -> bool:
    """Whether the tokens are strings; a function of the user may return bytes or tensors."""
    return isinstance(row, list) and all(type(token) is str for token in row)


class TextVectorization(VocabularyLayer):
    """Text as integers: standardized, split into tokens, optionally joined to n-grams, looked up in a vocabulary.

    x (batch,) or (batch, 1) of strings  ->  y (batch, tokens) with output_mode='int', padded with 0;
    (batch, size of the vocabulary) with 'multi_hot', 'count' and 'tf_idf'; with split=None the last axis of x contains
    the tokens of a text

    Args:
        max_tokens: Maximal size of the vocabulary, including '' (padding, in mode 'int' only) and '[UNK]'; None for no
            limit.
        standardize: 'lower_and_strip_punctuation', 'lower', 'strip_punctuation' (ASCII letters and marks), None, or a
            function of an array of strings.
        split: 'whitespace', 'character', None, or a function from an array of strings to a list of lists.
        ngrams: Maximal length of n-grams that are tokens too, or a tuple of the lengths; None for no n-grams.
        output_mode: 'int', 'multi_hot', 'count' or 'tf_idf'; see `StringLookup`.
        output_sequence_length: Number of tokens per row, truncated or padded with 0; None for that of the longest row.
        pad_to_max_tokens: Whether vectors have size max_tokens even if the vocabulary is smaller.
        vocabulary: Tokens in order, or a text file with one token per line; None to learn them with `adapt`.
        idf_weights: Inverse document frequency of each token, for 'tf_idf' with a given vocabulary.
        sparse: Whether vectors are returned as sparse arrays (BCOO of JAX).
        ragged: Must be False: ragged outputs are not supported.
        encoding: Encoding of bytes.
        name: Name of the layer; None generates one.
        **kwargs: Arguments of `Layer`: `dtype`, `trainable` and others.

    Raises:
        ArgumentError: An option is unknown or does not fit another one.
        ShapeError: The input is not one text per row.

    Example:
        >>> layer = TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["The cat.", "the dog!"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'the', 'dog', 'cat']
        >>> layer(["the big dog"])
        Array([[2, 1, 3, 0]], dtype=int32)
    """

    ngrams: int | tuple[int, ...] | None

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[..., Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[..., Any] | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Sequence[Any] | np.ndarray | str | None = None,
        idf_weights: ArrayLike | None = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Unpack[OptionsOfVocabulary],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.output_mode = check_mode("TextVectorization", output_mode, (*MODES, "tf_idf"), sparse)
        self._check_arguments()
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=self.output_mode,
            encoding=encoding,
            sparse=sparse,
            **self._given,
        )

    def _check_arguments(self) -> None:
        for key, value, known in (("standardize", self.standardize, _STANDARDIZE), ("split", self.split, _SPLIT)):
            if value is not None and not callable(value) and value not in known:
                raise ArgumentError(
                    message(
                        f"{key} of TextVectorization",
                        expected=f"{', '.join(known)}, None or a function",
                        got=repr(value),
                    )
                )
        if self.ragged:
            raise ArgumentError(
                message(
                    "ragged=True of TextVectorization",
                    expected="False",
                    got="True",
                    hint="Rows are padded with 0.",
                )
            )
        if self.output_sequence_length is not None and self.output_mode != "int":
            raise ArgumentError(
                message(
                    "output_sequence_length of TextVectorization",
                    expected="output_mode='int'",
                    got=repr(self.output_mode),
                )
            )
        ngrams: Any = self.ngrams
        if isinstance(ngrams, list):
            self.ngrams = ngrams = tuple(ngrams)
        if not (ngrams is None or isinstance(ngrams, int) or all(isinstance(n, int) for n in ngrams)):
            raise ArgumentError(
                message("ngrams of TextVectorization", expected="an integer or a tuple of integers", got=repr(ngrams))
            )

    def tokens(self, inputs: ArrayLike) -> list[list[str]]:
        """Return the tokens of each text.

        Args:
            inputs: Texts (batch,) or (batch, 1).

        Returns:
            A list of tokens for each text.

        Raises:
            ShapeError: The input is not one text per row.
        """
        values: Any = texts(inputs, self.encoding)
        if callable(self.standardize):
            values = texts(self.standardize(values))
        elif self.standardize is not None:
            change = _STANDARDIZE[self.standardize]
            values = np.asarray([change(v) for v in values.ravel().tolist()], dtype=str).reshape(values.shape)
        if self.split is not None:
            if values.ndim > 1:
                if values.shape[-1] != 1:
                    raise ShapeError(
                        message(
                            self._label, expected="one text a row, (batch,) or (batch, 1)", got=f"shape {values.shape}"
                        )
                    )
                values = values[..., 0]
            values = self.split(values) if callable(self.split) else map(_SPLIT[self.split], values.tolist())
        elif values.ndim == 1:
            values = values[:, None]
        rows = [row if _is_text(row) else texts(row, self.encoding).ravel().tolist() for row in values]
        if self.ngrams is None:
            return rows
        lengths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [[" ".join(row[i : i + n]) for n in lengths for i in range(len(row) - n + 1)] for row in rows]

    def adapt(self, data: Iterable[Any] | ArrayLike, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from texts.

        Args:
            data: Array or list of texts, dataset, or iterable of batches.
            batch_size: Ignored.
            steps: Maximal number of batches; None for all.
        """
        self.reset_state()
        for batch in batches(self._label, data, steps, lists=True):
            self.update_state(np.atleast_1d(batch))
        self.finalize_state()

    def reset_state(self) -> None:
        """Remove the counts."""
        self._lookup_layer.reset_state()

    def update_state(self, data: ArrayLike) -> None:
        """Count the tokens of a batch of texts.

        Args:
            data: Texts.
        """
        self._lookup_layer.update_state(self.tokens(data))

    def finalize_state(self) -> None:
        """Set the vocabulary from the counts."""
        self._lookup_layer.finalize_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the tokens in the order of their indices.

        Args:
            include_special_tokens: Whether to include '' and '[UNK]'.

        Returns:
            The tokens.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def _count(self) -> int:
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(
        self, vocabulary: Sequence[Any] | np.ndarray | str | None, idf_weights: ArrayLike | None = None
    ) -> None:
        """Set the vocabulary; see `StringLookup.set_vocabulary`.

        Args:
            vocabulary: List or array of tokens, or a file with one token per line.
            idf_weights: With output_mode='tf_idf', one number per token.
        """
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def call(self, inputs: Array) -> Array:
        if isinstance(inputs, TextArray):
            return super().call(inputs)
        out = self._lookup_layer(self._padded(inputs))
        has_rows = self.split is not None or (self.output_mode == "int" and self.output_sequence_length is None)
        return out[0] if inputs.ndim == 0 and has_rows else out

    def encode(self, *inputs: np.ndarray) -> np.ndarray:
        return self._lookup_layer.encode(self._padded(inputs[0]))

    def _padded(self, inputs: ArrayLike) -> np.ndarray:
        """The tokens of each text, padded to the same number of them; a vector of tokens without `split`."""
        given = texts(inputs, self.encoding)
        given = given[None] if given.ndim == 0 else given
        is_row = self.split is None and given.ndim == 1
        rows = self.tokens(given[None] if is_row else given)
        width = max(map(len, rows), default=0)
        if self.output_mode == "int" and self.output_sequence_length is not None:
            width = self.output_sequence_length
        padded = [(row + [""] * width)[:width] for row in rows]  # '' is the mask
        out = np.asarray(padded, dtype=str).reshape(len(rows), width)
        return out[0] if is_row else out

    def spec(self, *shapes: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
        rows, tokens = shapes[0][:1], None
        if self.split is None:
            rows, tokens = shapes[0][:-1], shapes[0][-1] if self.ngrams is None else None
        if self.output_mode == "int":
            return (*rows, self.output_sequence_length or tokens), "int64"
        inner = (None, self._lookup_layer._depth) if self.output_mode == "one_hot" else (self._lookup_layer._depth,)
        return (*rows, *inner), dtypes.floatx()

    def get_config(self) -> dict[str, Any]:
        inner = self._lookup_layer
        own = {"vocabulary": inner.vocabulary, "vocabulary_size": self.vocabulary_size()}
        return {**super().get_config(), **own, "standardize": serialize(self.standardize)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create the layer that `get_config` described.

        Args:
            config: The config; it must not refer to a file.
            custom_objects: {name: class or function} of the program.

        Returns:
            The layer.
        """
        StringLookup.from_config({"vocabulary": config.get("vocabulary")})  # refuses the name of a file
        return super().from_config(config, custom_objects)

    def get_build_config(self) -> dict[str, Any] | None:
        return None

    def save_assets(self, dir_path: PathLike) -> None:
        """Write the vocabulary that is not in the config.

        Args:
            dir_path: Directory.
        """
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: PathLike) -> None:
        """Read what `save_assets` wrote.

        Args:
            dir_path: Directory.
        """
        self._lookup_layer.load_assets(dir_path)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Store the weights of 'tf_idf'.

        Args:
            store: Mapping from names to arrays.
        """
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Load what `save_own_variables` stored.

        Args:
            store: Mapping from names to arrays.
        """
        self._lookup_layer.load_own_variables(store)
