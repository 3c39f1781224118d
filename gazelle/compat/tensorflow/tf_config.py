"""tf.config, tf.distribute, tf.test, tf.compat.v1: settings of devices and sessions. `tf.app`: flags, and `run`."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import enum
import functools
import json
import logging as _logging
import os
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.function_tables import LISTS, TABLE
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.types import AxisLike, TensorLike, TensorResult
from gazelle.core.context_variables import pushed
from gazelle.core.errors import ArgumentError, message

if TYPE_CHECKING:
    from gazelle.compat.tensorflow.data.dataset import Dataset


class PhysicalDevice(NamedTuple):
    """A device in the result of `tf.config.list_physical_devices()`."""

    name: str
    device_type: str


named("config.LogicalDevice", "config.PhysicalDevice")(PhysicalDevice)


@named(*LISTS["devices"])
def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices of JAX; there is always a CPU."""
    kinds = [device.platform.upper() for device in jax.devices()]
    kinds = kinds if "CPU" in kinds else ["CPU", *kinds]
    names = [(f"/physical_device:{kind}:{kinds[:number].count(kind)}", kind) for number, kind in enumerate(kinds)]
    return [PhysicalDevice(name, kind) for name, kind in names if device_type in (None, kind)]


class LocalDevice(NamedTuple):
    """A device in the result of `device_lib.list_local_devices()`."""

    name: str
    device_type: str
    physical_device_desc: str = ""  # of a GPU
    memory_limit: int = 0
    incarnation: int = 0


@ignores("session_config")
def list_local_devices(session_config: object = None) -> list[LocalDevice]:
    """Return the devices under the names that `tf.device` takes, as `tensorflow.python.client.device_lib` does."""
    kinds = {device.platform.upper(): device.device_kind for device in jax.devices()}
    names = [(name.removeprefix("/physical_"), kind) for name, kind in list_physical_devices()]
    return [LocalDevice(f"/{name}", kind, "" if kind == "CPU" else f"name: {kinds[kind]}") for name, kind in names]


def _ignored(*_: object, **__: object) -> None:
    """What has no effect: JAX manages memory, threads and kernels, and tables and queues have their values at once."""


for _name in LISTS["functions without an effect"]:
    named(_name)(_ignored)
for _names, _value in TABLE["constant answers"].items():
    named(*_names.split())(functools.partial(lambda value, *_: value, ast.literal_eval(_value)))
named("profiler.experimental.Trace", "profiler.experimental.Profile")(lambda *_, **__: contextlib.nullcontext())
named("profiler.experimental.ProfilerOptions")(
    namedtuple(
        "ProfilerOptions",
        ("host_tracer_level", "python_tracer_level", "device_tracer_level", "delay_ms"),
        defaults=(2, 0, 1, None),
    )
)
named("test.is_gpu_available")(lambda *_, **__: bool(list_physical_devices("GPU")))
named("test.is_built_with_cuda", "test.is_built_with_gpu_support")(lambda: bool(list_physical_devices("GPU")))
named("test.gpu_device_name")(lambda: "/device:GPU:0" if list_physical_devices("GPU") else "")
named("config.experimental.get_memory_growth")(lambda device: True)
named("config.experimental.get_device_details")(lambda device: {"device_name": device.name})


@named("config.experimental.get_memory_info")
def get_memory_info(device: str) -> dict[str, int]:
    """The bytes in use, as reported by JAX."""
    stats = jax.devices()[0].memory_stats() or {}
    return {"current": stats.get("bytes_in_use", 0), "peak": stats.get("peak_bytes_in_use", 0)}


# Strategies ---------------------------------------------------------------------------------------------------------


@named(*LISTS["strategies"])
class Strategy:
    """A strategy with one replica, which changes nothing."""

    num_replicas_in_sync = 1
    cluster_resolver: TFConfigClusterResolver | None = None
    extended = SimpleNamespace(
        update=ignores("group")(lambda var, fn, args=(), kwargs=None: fn(var, *args, **(kwargs or {}))),
        _in_multi_worker_mode=lambda: False,
        batch_reduce_to=ignores("reduce_op options")(lambda reduce_op, pairs: [value for value, _ in pairs]),
    )

    def __init__(self, *_: object, **__: object) -> None:
        pass

    @contextlib.contextmanager
    def scope(self) -> Iterator[Strategy]:
        with pushed(_scopes, (self, False)):
            yield self

    def run(
        self,
        fn: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: object = None,
    ) -> TensorResult:
        with pushed(_scopes, (self, True)):
            return fn(*args, **(kwargs or {}))

    experimental_run_v2 = run

    def reduce(self, reduce_op: str, value: TensorLike, axis: AxisLike = None) -> TensorResult:
        if axis is None:
            return value
        return NAMES["reduce_sum" if "sum" in str(reduce_op).lower() else "reduce_mean"](value, axis=axis)

    def experimental_distribute_dataset(self, dataset: Dataset, options: object = None) -> TensorResult:
        return dataset

    def distribute_datasets_from_function(
        self, dataset_fn: Callable[[Any], Any], options: object = None
    ) -> TensorResult:
        return dataset_fn(InputContext())

    experimental_distribute_datasets_from_function = distribute_datasets_from_function

    def experimental_distribute_values_from_function(self, value_fn: Callable[[Any], Any]) -> TensorResult:
        return value_fn(_REPLICA)

    def experimental_local_results(self, value: TensorLike) -> tuple[Any, ...]:
        return (value,)

    @ignores("axis")
    def gather(self, value: TensorLike, axis: int) -> TensorResult:
        return value


#: the only replica, of the strategy that every program has
_REPLICA = SimpleNamespace(
    num_replicas_in_sync=1,
    replica_id_in_sync_group=0,
    all_reduce=ignores("reduce_op options")(lambda reduce_op, value: value),
    merge_call=lambda function, args=(), kwargs=None: function(Strategy(), *args, **kwargs or {}),
)
#: (strategy, whether it runs the function of a replica) of the scopes that are entered
_scopes: list[tuple[Strategy, bool]] = []


def get_strategy() -> Strategy:
    """Return the strategy whose scope is entered, or the default one."""
    return _scopes[-1][0] if _scopes else Strategy()


named("distribute.has_strategy")(lambda: bool(_scopes))
named("distribute.get_strategy")(get_strategy)
named("distribute.in_cross_replica_context")(lambda: bool(_scopes) and not _scopes[-1][1])
named("distribute.get_replica_context")(lambda: None if _scopes and not _scopes[-1][1] else _REPLICA)
named("distribute.StrategyExtended", "distribute.ReplicaContext", "distribute.DistributedValues")(SimpleNamespace)


@named("distribute.cluster_resolver.TFConfigClusterResolver", "distribute.cluster_resolver.ClusterResolver")
class TFConfigClusterResolver:
    """The processes and the place of this one among them, in the environment variable `TF_CONFIG`."""

    def __init__(self, *_: object, **__: object) -> None:
        config = json.loads(os.environ.get("TF_CONFIG") or "{}")
        self._cluster, task = config.get("cluster", {}), config.get("task", {})
        self.task_type, self.task_id = task.get("type"), task.get("index")

    def cluster_spec(self) -> SimpleNamespace:
        return SimpleNamespace(
            jobs=list(self._cluster),
            as_dict=lambda: self._cluster,
            job_tasks=self._cluster.__getitem__,
            num_tasks=lambda job_name: len(self._cluster[job_name]),
        )


@named("distribute.MultiWorkerMirroredStrategy", "distribute.experimental.MultiWorkerMirroredStrategy")
class MultiWorkerStrategy(Strategy):
    """The strategy of one worker; several do not exchange gradients, which is an error."""

    @ignores("communication_options communication")
    def __init__(self, cluster_resolver: TFConfigClusterResolver | None = None) -> None:
        self.cluster_resolver = cluster_resolver or TFConfigClusterResolver()
        jobs = self.cluster_resolver.cluster_spec().as_dict()
        if (count := len(jobs.get("worker", ())) + len(jobs.get("chief", ()))) > 1:
            hint = "Start the program with `gazelle launch`, without TF_CONFIG."
            raise ArgumentError(message("MultiWorkerMirroredStrategy", expected="one worker", got=count, hint=hint))


@named("distribute.InputContext")
@dataclasses.dataclass
class InputContext:
    """The argument of functions that create the dataset of a replica."""

    num_input_pipelines: int = 1
    input_pipeline_id: int = 0
    num_replicas_in_sync: int = 1

    def get_per_replica_batch_size(self, global_batch_size: int) -> int:
        if global_batch_size % self.num_replicas_in_sync:
            what = f"A multiple of {self.num_replicas_in_sync}"
            raise ArgumentError(message("global_batch_size", expected=what, got=global_batch_size))
        return global_batch_size // self.num_replicas_in_sync


named("distribute.ReduceOp")(enum.Enum("ReduceOp", {"SUM": "SUM", "MEAN": "MEAN"}))


@named("distribute.cluster_resolver.TPUClusterResolver")
class TPUClusterResolver:
    """The addresses of TPUs: there are none."""

    def __new__(cls, *_: object, **__: object) -> TPUClusterResolver:
        """Raise the ValueError that programs catch to continue on a GPU or CPU."""
        raise ValueError(message("A TPU cluster", expected="a reachable cluster", got="none"))

    @staticmethod
    def connect(tpu: str | None = None, zone: str | None = None, project: str | None = None) -> TPUClusterResolver:
        """Raise the error, as without a TPU."""
        return TPUClusterResolver(tpu, zone, project)


# TensorFlow 1 -------------------------------------------------------------------------------------------------------


class Options:
    """`ConfigProto`, `GPUOptions`: any attribute can be set and is ignored."""

    NO_TRACE, SOFTWARE_TRACE, HARDWARE_TRACE, FULL_TRACE = range(4)  # of RunOptions
    L0, L1, OFF, ON_1, ON_2 = 0, -1, -1, 1, 2  # of OptimizerOptions

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        inner = Options()
        self.__dict__[name] = inner
        return inner


for _name in LISTS["objects with options"]:
    named(_name)(Options)

_log = _logging.getLogger("tensorflow")
named("get_logger")(lambda: _log)
for _name in ("info", "warning", "error", "debug"):
    named(f"logging.{_name}")(getattr(_log, _name))
named("logging.fatal")(_log.critical)
named("logging.log")(_log.log)
named("logging.warn")(_log.warning)
named("logging.get_verbosity")(lambda: _log.level)
named("logging.set_verbosity")(_log.setLevel)


for _name, _members in {
    "UnconnectedGradients": ("none", "zero"),
    "VariableAggregation": ("none", "sum", "mean", "only_first_replica"),
    "VariableSynchronization": ("auto", "none", "on_write", "on_read"),
    "distribute.experimental.CollectiveCommunication": ("auto", "ring", "nccl"),
    "distribute.experimental.CommunicationImplementation": ("auto", "ring", "nccl"),
}.items():
    named(_name)(SimpleNamespace(**{member.upper(): member for member in _members}))


for _code, _name in enumerate(LISTS["codes of errors"]):
    named(f"errors.{_name}")(_code)


class FlagValues:
    """`tf.app.flags.FLAGS`: the values of the flags, which are read from the command line at the first use."""

    def __init__(self) -> None:
        self._defined: dict[str, tuple[Callable[[str], Any], Any]] = {}

    def __getattr__(self, name: str) -> Any:
        if name == "__flags":  # their values by name, which programs print
            return self._parse_flags()
        if name.startswith("_") or name not in self._defined:
            raise AttributeError(f"No flag of the name {name!r} was defined: tf.app.flags.DEFINE_string({name!r}, ...)")
        self(sys.argv)
        return vars(self)[name]

    def __call__(self, argv: list[str]) -> list[str]:
        """Read the flags, and return the other arguments."""
        following, rest, given = iter(argv[1:]), argv[:1], {}
        for argument in following:
            name, has_value, text = argument.lstrip("-").partition("=")
            if argument[:1] == "-" and name in self._defined:
                read = self._defined[name][0]
                given[name] = read(text if has_value else "true" if read is _boolean else next(following, ""))
            elif argument[:1] == "-" and name.removeprefix("no") in self._defined:
                given[name.removeprefix("no")] = False
            else:
                rest.append(argument)
        for name, (_, default) in self._defined.items():
            vars(self).setdefault(name, given.get(name, default))
        return rest

    def _parse_flags(self, args: list[str] | None = None) -> dict[str, Any]:
        """Read the flags, and return them by name."""
        self([sys.argv[0], *args] if args is not None else sys.argv)
        return self.flag_values_dict()

    def flag_values_dict(self) -> dict[str, Any]:
        """Return all values by name."""
        return {name: getattr(self, name) for name in self._defined}


def _boolean(text: str) -> bool:
    return text.lower() in ("true", "t", "1", "yes", "y")


def _define(read: Callable[[str], Any]) -> Callable[..., None]:
    @ignores("help enum_values lower_bound upper_bound required flag_values short_name")
    def define(name: str, default: Any = None) -> None:
        vars(FLAGS).pop(name, None)
        FLAGS._defined[name] = read, read(default) if isinstance(default, str) else default

    return define


FLAGS = FlagValues()
named("flags.FLAGS", "app.flags.FLAGS")(FLAGS)
_READERS = {"string": str, "enum": str, "integer": int, "float": float, "boolean": _boolean, "bool": _boolean}
for _kind, _read in {**_READERS, "list": lambda text: text.split(",")}.items():
    named(f"flags.DEFINE_{_kind}", f"app.flags.DEFINE_{_kind}")(_define(_read))


@named("app.run")
def run(main: Callable[[list[str]], Any] | None = None, argv: list[str] | None = None) -> None:
    """`tf.app.run`: call `main` of the program with the arguments that are not flags, and exit."""
    main = main or vars(sys.modules["__main__"])["main"]
    sys.exit(main(FLAGS(argv or sys.argv)))
