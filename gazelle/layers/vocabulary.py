"""The base classes of layers with a vocabulary: how it is given, learned, used and stored."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np

from gazelle.core import budget, dtypes
from gazelle.core.config import serialize_or_keep
from gazelle.core.errors import ArgumentError, DataError, StateError, UnsafeFileError, message, missing_file
from gazelle.core.shape_inference import infers_shapes
from gazelle.core.types import ArrayLike, PathLike
from gazelle.layers.adapting import batches
from gazelle.layers.categories import MODES, check_mode, encode, encoded_shape
from gazelle.layers.hashing import buckets, checked_salt
from gazelle.layers.numpy_layer import NumpyLayer, texts

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions, OptionsOfLookup


class VocabularyLayer(NumpyLayer, abstract=True):
    """A layer with a vocabulary: its size is in the config, its tokens may be in a separate file."""

    _outside_config = ("vocabulary_size", "has_input_vocabulary")

    def __init__(
        self,
        *,
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._given: dict[str, Any] = {"vocabulary_size": vocabulary_size, "has_input_vocabulary": has_input_vocabulary}

    def _count(self) -> int:
        raise NotImplementedError

    @property  # a property, so that the argument of the same name does not replace the method
    def vocabulary_size(self) -> Callable[[], int]:
        """Function that returns the number of tokens, including special ones."""
        return self._count


def _has_rows(data: Any) -> bool:
    """Whether the elements are rows of different lengths, as of a ragged tensor."""
    return isinstance(data, np.ndarray) and data.dtype == object and data.ndim == 1 and isinstance(data[0], np.ndarray)


class LookupLayer(VocabularyLayer, abstract=True):
    """Base class of lookups: special tokens (mask, out of vocabulary), then the vocabulary by decreasing frequency."""

    kind = "string"
    output_mode: str
    salt: Any

    def __init__(
        self, *, oov_method: str = "floormod", idf_weights: ArrayLike | None = None, **kwargs: Unpack[OptionsOfLookup]
    ) -> None:
        super().__init__(**kwargs)
        self._given["idf_weights"] = idf_weights
        owner = type(self).__name__
        self.output_mode = check_mode(owner, self.output_mode, (*MODES, "tf_idf"), self.sparse)
        if self.max_tokens is not None and self.max_tokens <= 1:
            raise ArgumentError(message(f"max_tokens of {owner}", expected="None or more than 1", got=self.max_tokens))
        if self.num_oov_indices < 0:
            raise ArgumentError(message(f"num_oov_indices of {owner}", expected="0 or more", got=self.num_oov_indices))
        budget.check((self.num_oov_indices,), weight=8)  # a list of objects
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ArgumentError(message(f"pad_to_max_tokens of {owner}", expected="a max_tokens", got="None"))
        if self.invert and self.output_mode != "int":
            raise ArgumentError(
                message(f"output_mode of {owner} with invert=True", expected="'int'", got=repr(self.output_mode))
            )
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ArgumentError(
                message(f"idf_weights of {owner}", expected="output_mode='tf_idf'", got=repr(self.output_mode))
            )
        if self.salt is not None and self.kind == "int64" and self.oov_method != "farmhash":
            raise ArgumentError(message(f"salt of {owner}", expected="oov_method='farmhash'", got=self.oov_method))
        self.salt = checked_salt(owner, self.salt)
        self._tokens, self._indices, self._idf = self._values([]), dict[Any, int](), np.zeros(0, np.float32)
        self._size: int | None = self._given["vocabulary_size"]  # including special tokens; None: not known yet
        self.vocabulary, first = None, self.vocabulary
        self.reset_state()
        if first is not None:
            self.set_vocabulary(first, idf_weights)
            self.vocabulary = self._tokens.tolist() if isinstance(first, str) else self._listed(first)
        given = self._given["has_input_vocabulary"]
        self._fixed = first is not None if given is None else given

    # The vocabulary --------------------------------------------------------------------------------------------------

    @property
    def idf_weights(self) -> np.ndarray[Any, Any] | None:
        """With output_mode='tf_idf' the weight of each index, given or learned; None before there are any."""
        return self._idf if self._idf.size else None

    def _values(self, data: Any) -> np.ndarray[Any, Any]:
        """Data as an array of keys."""
        return texts(data, getattr(self, "encoding", "utf-8")) if self.kind == "string" else np.asarray(data, np.int64)

    @property
    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the tokens in the order of their indices.

        Args:
            include_special_tokens: Whether to include the mask token and the out-of-vocabulary token.

        Returns:
            The tokens.
        """
        return (self._special if include_special_tokens else []) + self._tokens.tolist()

    def _count(self) -> int:
        return len(self._tokens) + self._token_start

    def set_vocabulary(
        self, vocabulary: Sequence[Any] | np.ndarray | str | None, idf_weights: ArrayLike | None = None
    ) -> None:
        """Set the vocabulary.

        Args:
            vocabulary: List or array of tokens, with or without all special tokens in front, or a file with one token
                per line.
            idf_weights: With output_mode='tf_idf', one number per token.

        Raises:
            ArgumentError: Tokens are missing, repeated, or more than `max_tokens`, or `idf_weights` do not fit.
            StateError: The size of the vocabulary changes after the layer was called.
        """
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise ArgumentError(
                message(
                    f"idf_weights of {self._label}",
                    got="none" if idf_weights is None else "some",
                    expected="one for each token" if idf_weights is None else "none without output_mode='tf_idf'",
                )
            )
        if isinstance(vocabulary, (str, os.PathLike)):
            if not os.path.exists(vocabulary):
                raise missing_file(vocabulary)
            with open(vocabulary, encoding="utf-8") as file:
                vocabulary = file.read().splitlines()
        given = self._listed(vocabulary)
        if not given:
            raise ArgumentError(message(f"The vocabulary of {self._label}", expected="at least one token", got="none"))
        special = self._special
        with_special = bool(special) and given[: len(special)] == special
        tokens = given[len(special) :] if with_special else given
        self._check_tokens(tokens)
        self._keep(tokens)
        if idf_weights is not None:
            weights = np.asarray(idf_weights, np.float64)
            if weights.shape != (len(given),):
                raise ArgumentError(
                    message(
                        f"idf_weights of {self._label}", expected=f"{len(given)} numbers", got=f"shape {weights.shape}"
                    )
                )
            self._keep_idf(weights, with_special)

    def _listed(self, vocabulary: Any) -> list[Any]:
        if hasattr(vocabulary, "__array__"):  # also a tensor, whose elements are tensors
            vocabulary = np.asarray(vocabulary).tolist()
        convert = str if self.kind == "string" else int
        return [v.decode() if isinstance(v, bytes) else v if v is None else convert(v) for v in vocabulary]

    def _check_tokens(self, tokens: list[Any]) -> None:
        twice = [token for token, count in Counter(tokens).items() if count > 1]
        if twice:
            raise ArgumentError(
                message(
                    f"The vocabulary of {self._label}", expected="each token once", got=f"{twice[:5]} more than once"
                )
            )
        for name, token in (("mask_token", self.mask_token), ("oov_token", self.oov_token if self.invert else None)):
            if token is not None and token in tokens:
                raise ArgumentError(
                    message(
                        f"The vocabulary of {self._label}",
                        expected=f"no {name} {token!r} among the tokens",
                        got=f"it at index {tokens.index(token)}",
                        hint=f"Leave special tokens out, or begin with all of them: {self._special}.",
                    )
                )
        if self.max_tokens is not None and len(tokens) + self._token_start > self.max_tokens:
            raise ArgumentError(
                message(
                    f"The vocabulary of {self._label}",
                    expected=f"max_tokens={self.max_tokens}",
                    got=f"{len(tokens) + self._token_start} with special tokens",
                )
            )

    def _keep(self, tokens: Any) -> None:
        new = len(tokens) + self._token_start
        if (
            self._size not in (None, new)
            and self.output_mode != "int"
            and not self.pad_to_max_tokens
            and self._call_nodes
        ):
            raise StateError(
                message(
                    f"The vocabulary of {self._label}",
                    expected=f"{self._size} tokens, as when it was first called",
                    got=new,
                    hint="Use pad_to_max_tokens=True with max_tokens, or make a new layer.",
                )
            )
        self._tokens, self._size = self._values(tokens), new
        self._indices = {token: i + self._token_start for i, token in enumerate(self._tokens.tolist())}

    def _keep_idf(self, weights: Any, with_special: bool) -> None:
        """One weight per index; special tokens have the mean, indices beyond the vocabulary 0."""
        front = 0 if with_special else self._token_start
        back = self._depth - front - len(weights) if self.pad_to_max_tokens else 0
        parts = [np.full(front, weights.mean()), weights, np.zeros(back)]
        self._idf = np.concatenate(parts).astype(np.float32)

    # Learning --------------------------------------------------------------------------------------------------------

    def adapt(self, data: Iterable[Any] | ArrayLike, steps: int | None = None) -> None:
        """Learn the vocabulary from data.

        Tokens are sorted by descending frequency, then by descending value; `max_tokens` removes the rare ones.

        Args:
            data: Array or list, dataset, or iterable of batches.
            steps: Maximal number of batches; None for all.

        Raises:
            StateError: The layer has a fixed vocabulary.
        """
        self.reset_state()
        for batch in batches(self._label, data, steps, lists=True):
            array = isinstance(data, (list, tuple)) or hasattr(data, "__array__")
            self.update_state(batch[:, None] if array and batch.ndim == 1 and not _has_rows(batch) else batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Remove the counts."""
        self._counts: Counter[Any] = Counter()
        self._documents: Counter[Any] = Counter()
        self._rows = 0

    def update_state(self, data: ArrayLike) -> None:
        """Count the tokens of a batch.

        Args:
            data: Rows of tokens, each of which is a document.

        Raises:
            StateError: The layer has a fixed vocabulary.
        """
        if self._fixed:
            raise StateError(
                message(
                    f"adapt of {self._label}",
                    expected="a layer without a vocabulary",
                    got="one that was given its vocabulary",
                )
            )
        given: Any = data
        rows = given if isinstance(given, list) or _has_rows(given) else list(np.atleast_2d(np.asarray(given)))
        for row in rows:
            tokens = self._values(row).ravel().tolist()
            self._counts.update(tokens)
            self._documents.update(set(tokens))
        self._rows += len(rows)

    def finalize_state(self) -> None:
        """Set the vocabulary from the counts."""
        if self._fixed or not self._counts:
            return
        special = (self.mask_token, self.oov_token)
        order = sorted((t for t in self._counts if t not in special), key=lambda t: (self._counts[t], t), reverse=True)
        tokens = order if self.max_tokens is None else order[: self.max_tokens - self._token_start]
        self._keep(tokens)
        if self.output_mode == "tf_idf":
            found = np.array([self._documents[t] for t in tokens], np.float64)
            self._keep_idf(np.log(1 + self._rows / (1 + found)), False)
        self.reset_state()

    # Calling ---------------------------------------------------------------------------------------------------------

    @property
    def _depth(self) -> int:
        size = self.max_tokens if self.pad_to_max_tokens else self._size
        if size is None:
            raise StateError(
                message(
                    f"{self._label} has no vocabulary yet",
                    hint="Call layer.adapt(data) first, or give vocabulary=[...].",
                )
            )
        return int(size)

    def spec(self, *shapes: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
        if self.output_mode == "int":
            return shapes[0], self.kind if self.invert else "int64"
        mode = "multi_hot" if self.output_mode in ("count", "tf_idf") else self.output_mode
        return encoded_shape(shapes[0], mode, self._depth), dtypes.floatx()

    def encode(self, *inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if not len(self._tokens) and (self._size or 0) > self._token_start:  # made from a config that has its size only
            hint = f"Call {self.name}.set_vocabulary([...]) with the {self._size} entries it had, or adapt(data)."
            raise StateError(message(f"{self._label} has no vocabulary", hint=hint))
        if self.invert:
            return self._inverted(inputs[0])
        indices = self._numbers(self._values(inputs[0]))
        if self.output_mode == "int":
            return indices
        out = encode(
            indices, "count" if self.output_mode == "tf_idf" else self.output_mode, self._depth, "float32", xp=np
        )
        return out * self._idf if self.output_mode == "tf_idf" else out

    def _numbers(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The index of each value; in other modes than 'int' the mask is -1, which is ignored."""
        unique, where = np.unique(values, return_inverse=True)
        indices = np.array([self._indices.get(v, -1) for v in unique.tolist()], np.int64)
        masked = unique == self.mask_token if self.mask_token is not None else np.zeros(unique.shape, bool)
        unknown = (indices < 0) & ~masked
        if unknown.any():
            indices[unknown] = self._unknown(unique[unknown])
        indices[masked] = 0 if self.output_mode == "int" else -1
        return indices[where].reshape(values.shape)

    def _unknown(self, values: np.ndarray[Any, Any]) -> Any:
        if self.num_oov_indices == 0 and infers_shapes.get():
            return self._oov_start
        if self.num_oov_indices == 0:
            raise DataError(
                message(
                    f"Input of {self._label}",
                    expected="values of the vocabulary",
                    got=values[:5].tolist(),
                    hint="num_oov_indices=1 reserves an index for all other values.",
                )
            )
        if self.num_oov_indices == 1:
            return self._oov_start
        if self.kind == "int64" and self.oov_method == "floormod":
            return values % self.num_oov_indices + self._oov_start
        return buckets(values, self.num_oov_indices, self.salt) + self._oov_start

    def _inverted(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        table = self._values([self.oov_token] * self._token_start + self._tokens.tolist() + [self.oov_token])
        if self._oov_start:
            table = np.concatenate([self._values([self.mask_token]), table[1:]])
        inside = (numbers >= 0) & (numbers < len(table) - 1)
        return table[np.where(inside, numbers, len(table) - 1)]

    # Files -----------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        own = {"invert": self.invert, "vocabulary_size": self._size, "oov_method": self.oov_method}
        given = serialize_or_keep(self._given["idf_weights"])  # without what `adapt` found
        return {**super().get_config(), **own, "vocabulary": self.vocabulary, "idf_weights": given}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create the layer that `get_config` described.

        Args:
            config: The config; it must not refer to a file.
            custom_objects: {name: class or function} of the program.

        Returns:
            The layer.

        Raises:
            UnsafeFileError: The vocabulary is the name of a file.
        """
        if isinstance(config.get("vocabulary"), str):
            raise UnsafeFileError(
                message(
                    f"The vocabulary of {cls.__name__} in a config",
                    expected="a list of tokens",
                    got=f"the file {config['vocabulary']!r}",
                )
            )
        return super().from_config(config, custom_objects)

    def get_build_config(self) -> dict[str, Any] | None:
        return None

    def save_assets(self, dir_path: PathLike) -> None:
        """Write the vocabulary that is not in the config, one token per line, special tokens first.

        Args:
            dir_path: Directory.
        """
        if self.vocabulary is None:
            with open(os.path.join(dir_path, "vocabulary.txt"), "w", encoding="utf-8") as file:
                file.write("\n".join(map(str, self.get_vocabulary())))

    def load_assets(self, dir_path: PathLike) -> None:
        """Read what `save_assets` wrote.

        Args:
            dir_path: Directory.
        """
        path = os.path.join(dir_path, "vocabulary.txt")
        if self.vocabulary is None and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                lines = file.read().split("\n")
            while lines and lines[-1] == "":
                lines.pop()
            tokens = self._listed(v for v in lines[self._token_start :])
            if tokens:
                self._check_tokens(tokens)
                self._keep(tokens)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Store the weights of 'tf_idf'.

        Args:
            store: Mapping from names to arrays.
        """
        if self.output_mode == "tf_idf":
            store["idf_weights"] = self._idf

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Load what `save_own_variables` stored.

        Args:
            store: Mapping from names to arrays.
        """
        if self.output_mode == "tf_idf":
            self._idf = np.asarray(store["idf_weights"], np.float32)
