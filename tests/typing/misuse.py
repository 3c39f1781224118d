"""Mistakes that type checkers must report: an `ignore` comment that is not needed is itself an error.

Never run; see `consumer.py`.
"""

from __future__ import annotations

from gazelle import callbacks, layers, optimizers
from gazelle.models import Sequential


def wrong_type() -> None:
    """A size that is a text."""
    layers.Dense("ten")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def unknown_argument(model: Sequential) -> None:
    """`epochs` without its last letter."""
    model.fit(epoch=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def unknown_argument_that_is_passed_on() -> None:
    """`name`, `clipnorm` and `min_lr` are arguments of base classes, or a `**kwargs` that takes nothing."""
    layers.Dense(10, nmae="hidden")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    layers.Embedding(10, 4, shape=(3,))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    optimizers.Adam(lr=0.1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    callbacks.ReduceLROnPlateau(epsilon=0.1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def wrong_type_of_an_argument_that_is_passed_on() -> None:
    """Values that a base class does not take."""
    layers.LSTM(10, name=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    layers.RandomFlip(trainable="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    optimizers.SGD(clipnorm="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def wrong_operand() -> None:
    """A function in arithmetic with a symbolic tensor."""
    layers.Input((3,)) + len  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]


def wrong_result(model: Sequential) -> int:
    """`predict` returns an array."""
    return model.predict([[1.0]])  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
