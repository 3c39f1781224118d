"""tf.data.experimental: functions for `Dataset.apply`, which are methods of datasets by now, and settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.data.dataset import Dataset
from gazelle.compat.tensorflow.data.dataset_iterators import Optional
from gazelle.compat.tensorflow.data.iterators import reduced_by_key
from gazelle.compat.tensorflow.function_tables import TABLE
from gazelle.compat.tensorflow.names import named

Transformation = Callable[[Dataset], Dataset]


def _method(name: str) -> Callable[..., Transformation]:
    """A function that returns the call of a method as a function of the dataset."""

    def made(*args: Any, **kwargs: Any) -> Transformation:
        return lambda dataset: getattr(dataset, name)(*args, **kwargs)

    return made


for _name, _target in TABLE["data.experimental"].items():
    named(f"data.experimental.{_name}")(_method(_target))
for _name in ("assert_cardinality", "copy_to_device", "prefetch_to_device", "snapshot"):
    named(f"data.experimental.{_name}")(lambda *_, **__: lambda dataset: dataset)
for _name in ("choose_from_datasets", "sample_from_datasets"):
    named(f"data.experimental.{_name}")(getattr(Dataset, _name))
named("data.experimental.get_structure")(lambda dataset_or_iterator: dataset_or_iterator.element_spec)


@named("data.experimental.Reducer")
@dataclasses.dataclass
class Reducer:
    """The functions of `group_by_reducer`: the first state of a key, the next state, and the result."""

    init_func: Callable[..., Any]
    reduce_func: Callable[..., Any]
    finalize_func: Callable[..., Any]


named("data.experimental.group_by_reducer")(
    lambda key_func, reducer: (
        lambda dataset: Dataset(lambda: reduced_by_key(dataset._begin(), key_func, dataclasses.astuple(reducer)))
    )
)
named("experimental.Optional", "data.experimental.Optional")(Optional)
named("data.experimental.get_single_element")(lambda dataset: dataset.get_single_element())


@named("data.experimental.AutoShardPolicy")
class AutoShardPolicy:
    """How TensorFlow divides a dataset; there is nothing to divide here."""

    OFF, AUTO, FILE, DATA, HINT = -1, 0, 1, 2, 3


named("data.experimental.Counter")(Dataset.counter)


named("data.experimental.shuffle_and_repeat")(
    lambda buffer_size, count=None, seed=None: lambda dataset: dataset.shuffle(buffer_size, seed).repeat(count)
)
named("data.experimental.map_and_batch")(
    ignores("num_parallel_batches num_parallel_calls")(
        lambda map_func, batch_size, num_parallel_batches=None, drop_remainder=False: (
            lambda dataset: dataset.map(map_func).batch(batch_size, drop_remainder)
        )
    )
)
named("data.experimental.parallel_interleave")(
    ignores("sloppy buffer_output_elements prefetch_input_elements")(
        lambda map_func, cycle_length, block_length=1: (
            lambda dataset: dataset.interleave(map_func, cycle_length, block_length)
        )
    )
)
