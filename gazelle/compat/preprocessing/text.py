"""Converts texts to sequences of integers: `Tokenizer` and related functions."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from gazelle.compat import era
from gazelle.core.errors import ArgumentError, message, unknown

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_TABLES = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
_MODES = ("binary", "count", "tfidf", "freq")


def base_filter() -> str:
    """Return the characters that separate words, without the apostrophe."""
    return FILTERS


def text_to_word_sequence(
    text: str, filters: str | Callable[[], str] = FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """Split a text into words.

    >>> text_to_word_sequence("The cat, the hat.")
    ['the', 'cat', 'the', 'hat']
    """
    text = text.lower() if lower else text
    blanks = str.maketrans(dict.fromkeys(filters() if callable(filters) else filters, split))
    return [word for word in text.translate(blanks).split(split) if word]


def one_hot(
    text: str, n: int, filters: str | Callable[[], str] = FILTERS, lower: bool = True, split: str = " "
) -> list[int]:
    """Return an integer from 1 to n - 1 for each word, by Python's `hash`, which differs between processes."""
    return hashing_trick(text, n, hash, filters, lower, split)


def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str | Callable[[], str] = FILTERS,
    lower: bool = True,
    split: str = " ",
) -> list[int]:
    """Return an integer from 1 to n - 1 for each word; different words may have the same one.

    >>> hashing_trick("a b a", 100, "md5")
    [92, 95, 92]
    """
    number: Any = hash if hash_function is None else hash_function
    if hash_function == "md5":
        number = _md5
    return [number(word) % (n - 1) + 1 for word in text_to_word_sequence(text, filters, lower, split)]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode()).hexdigest(), 16)


class Tokenizer:
    """Assigns an integer to each word of texts, 1 to the most frequent one, and encodes texts with these integers.

    >>> tokenizer = Tokenizer(num_words=3)
    >>> tokenizer.fit_on_texts(["the cat saw the cat", "the hat"])
    >>> tokenizer.word_index
    {'the': 1, 'cat': 2, 'saw': 3, 'hat': 4}
    >>> tokenizer.texts_to_sequences(["the cat in the hat"])
    [[1, 2, 1]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str | Callable[[], str] = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], list[str]] | None = None,
        nb_words: int | None = None,
        document_count: int = 0,
    ) -> None:
        self.num_words = num_words if nb_words is None else nb_words
        self.filters, self.lower, self.split, self.char_level = filters, lower, split, char_level
        self.oov_token, self.analyzer, self.document_count = oov_token, analyzer, document_count
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: dict[str, int] = defaultdict(int)
        self.index_docs: dict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    nb_words = property(lambda self: self.num_words)

    def _words(self, text: Any) -> list[str]:
        if isinstance(text, list | tuple):
            return [word.lower() for word in text] if self.lower else list(text)
        if self.char_level:
            return list(text.lower() if self.lower and era.number() > 1 else text)
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts (or of lists of words)."""
        if era.number() == 1:  # which counted the documents of the last call
            self.document_count = 0
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        first = [] if self.oov_token is None else [self.oov_token]
        ordered = first + sorted(self.word_counts, key=lambda word: -self.word_counts[word])
        self.word_index = {word: number for number, word in enumerate(ordered, 1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable[Any]) -> None:
        """Count in how many sequences each integer occurs, as mode 'tfidf' needs without texts."""
        if era.number() == 1:  # which forgot what it had counted before
            self.document_count = 0
            self.index_docs.clear()
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] += 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Return the integers of the words of each text; unknown words are omitted, or have that of `oov_token`."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Yield the results of `texts_to_sequences`."""
        other = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = [self.word_index.get(word) for word in self._words(text)]
            kept = [n if n is not None and (not self.num_words or n < self.num_words) else other for n in numbers]
            yield [n for n in kept if n is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Return the words of the integers, separated by spaces."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yield the results of `sequences_to_texts`."""
        for sequence in sequences:
            known = [n if not self.num_words or n < self.num_words else None for n in sequence]
            words = [self.index_word.get(n, self.oov_token) if n is not None else self.oov_token for n in known]
            yield " ".join(word for word in words if word is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray[Any, Any]:
        """Return a matrix with a row for each text and a column for each integer, by mode."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Sequence[Sequence[int]], mode: str = "binary") -> np.ndarray[Any, Any]:
        """Return the matrix of `texts_to_matrix` for lists of integers."""
        if mode not in _MODES:
            raise unknown("mode of the Tokenizer", mode, _MODES)
        if not self.num_words and not self.word_index:
            raise ArgumentError(
                message("Tokenizer", expected="num_words, or texts that it was fitted on", got="neither")
            )
        if mode == "tfidf" and not self.document_count:
            raise ArgumentError(message("Mode 'tfidf'", expected="fit_on_texts first", got="no documents"))
        size = self.num_words or len(self.word_index) + 1
        out = np.zeros((len(sequences), size))
        for row, sequence in zip(out, sequences, strict=True):
            numbers, counts = np.unique([n for n in sequence if n < size], return_counts=True)
            numbers = numbers.astype(int)
            if mode == "binary":
                row[numbers] = 1
            elif mode == "count":
                row[numbers] = counts
            elif mode == "freq":
                row[numbers] = counts / max(len(sequence), 1)
            else:
                documents = np.array([self.index_docs.get(int(n), 0) for n in numbers])
                row[numbers] = (1 + np.log(counts)) * np.log(1 + self.document_count / (1 + documents))
        return out

    def get_config(self) -> dict[str, Any]:
        """Return the arguments and the counts; tables are JSON strings, as in files of Keras."""
        words = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        return {k: getattr(self, k) for k in words} | {k: json.dumps(getattr(self, k)) for k in _TABLES}

    def to_json(self, **kwargs: Any) -> str:
        """Return the tokenizer as JSON for `tokenizer_from_json`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Return the tokenizer from the result of `to_json`.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["a b b"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'b': 1, 'a': 2}
    """
    config = dict(json.loads(json_string)["config"])
    tables = {name: json.loads(config.pop(name)) for name in _TABLES}
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts = OrderedDict(tables["word_counts"])
    tokenizer.word_docs = defaultdict(int, tables["word_docs"])
    tokenizer.index_docs = defaultdict(int, {int(k): v for k, v in tables["index_docs"].items()})
    tokenizer.index_word = {int(k): v for k, v in tables["index_word"].items()}
    tokenizer.word_index = tables["word_index"]
    return tokenizer
