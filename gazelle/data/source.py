"""The interface of data sources: they yield the batches of an epoch in chunks of several steps, on the device.

Chunks have few different sizes, so that one compiled program serves any number of samples.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gazelle.core.types import Serialized

ALL = 2**31  # the batch size for all samples at once
BATCH = 32  # the default batch size


@dataclasses.dataclass
class Chunk:
    """Some steps of an epoch.

    Attributes:
        arrays: (x, y, weight), structures of arrays (steps, batch, ...).
        stop: steps 0 ... stop - 1 contain samples; the others are padding.
        rows: (steps, batch) indices of the samples; None if they have none.
    """

    arrays: Any
    stop: int
    rows: Any = None


@dataclasses.dataclass
class Block:
    """Samples for prediction.

    Attributes:
        arrays: x, a structure of arrays (steps, batch, ...).
        stop: number of steps.
        count: number of samples; the others are padding.
        batch: samples in a batch, if `arrays` has only those that this process computes.
    """

    arrays: Any
    stop: int
    count: int
    batch: int | None = None


class Source(Protocol):
    """Interface of data for the training loop.

    Attributes:
        steps: batches in an epoch; None until the first epoch has ended.
        sample: (x, y, weight) of a first batch, for shapes.
        seed: seed of the order of the samples.
        exhausted: whether there is no further epoch.
        waited: seconds that the last epoch waited for data.
        names: names of x, y and sample_weight in errors.
        advice: what makes slow data faster, as a sentence.
        inspect: functions by name that are called with batches (x, y, weight) on the host, and may raise.
    """

    steps: int | None
    sample: Any
    seed: int
    exhausted: bool
    waited: float
    names: tuple[str, ...]
    advice: str
    inspect: dict[str, Callable[[Any], None]]

    def chunks(self, epoch: int, skip: int = 0) -> Iterator[Chunk]:
        """The chunks of an epoch without its first `skip` steps."""
        ...

    def blocks(self, most: int, fill: bool) -> Iterator[Block]:
        """x in order, up to `most` batches at once; `fill`: whether a short batch may be padded."""
        ...

    def state(self, epoch: int, done: int) -> Serialized:
        """The values, as JSON can hold them, that `restore` needs after `done` steps of an epoch."""
        ...

    def restore(self, seed: int, epoch: int, state: Serialized) -> None:
        """Restore the position of another source of the same data; `chunks(epoch, skip)` then continues."""
        ...

    def close(self) -> None:
        """End the workers of the data."""
        ...
