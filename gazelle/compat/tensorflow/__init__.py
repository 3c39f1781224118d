"""A facade of TensorFlow for programs that import it: tensors, tapes, functions and datasets, implemented on gazelle.

Input: names that a program looks up in `tensorflow`. Output: objects that behave like those of TensorFlow; `tf.keras`
is gazelle. Must not depend on the program. Missing names raise an error that states the name.
"""

from __future__ import annotations

import difflib
import importlib
import re
import sys
from collections.abc import Callable
from enum import Enum
from types import ModuleType
from typing import Any

from gazelle.compat import facade, unused_imports
from gazelle.compat.era import NOTHING
from gazelle.compat.namespaces import root, version
from gazelle.compat.tables import listed, pairs
from gazelle.compat.tensorflow import adapter, function_tables, names_of_1, private_modules
from gazelle.compat.tensorflow.dtypes import DTYPES
from gazelle.compat.tensorflow.names import NAMES, named, user_code_location
from gazelle.compat.tensorflow.v1 import former_orders, graphs, metrics
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import GazelleError, message

#: modules that register their names; the last one wraps names of the others
_TABLES = listed("""v1.contrib_layers function_tables ops.arrays ops.blocks ops.boxes checking test_case
    checkpoint_files checkpoints checkpoint_manager eager.control ops.convolutions ops.crf data.csv_files
    eager.custom_gradient v1.decays v1.distributions v1.estimators v1.estimator_inputs v1.canned_estimators
    v1.contrib_learn v1.hyperparameters v1.meta_graphs v1.external_optimizers v1.global_steps v1.default_graphs
    eager.differentiation events feature_columns files function_layer ops.gathering ops.gradient_ops initializers
    v1.iterators v1.layers v1.losses v1.metrics v1.optimizers v1.scatter v1.scopes v1.sessions v1.summaries v1.graphs
    v1.placeholders v1.graph_variables v1.graph_steps ops.image_resizing ops.images v1.legacy_seq2seq
    v1.sequence_losses ops.linalg ops.linear_operators lite ops.maths v1.session_hooks v1.variable_lists
    v1.monitored_sessions v1.contrib_training v1.moving_averages ops.nn data.parsing printing ops.quantization queues
    v1.queues v1.queue_runners ops.ragged ops.ragged_calls ops.ragged_constructors ops.randoms ops.random_generators
    data.records v1.rnn v1.rnn_cells v1.contrib_cells v1.rnn_cell_wrappers ops.sampling saved_models tensor_messages
    ops.signals ops.sparse ops.sparse_lookups ops.sparse_sums ops.special data.stored_datasets ops.strings summaries
    tables tensor_specs tf_config tpus data.transformations v1.tutorials ops.unicode_strings ops.graph_ops
    ops.host_functions""")
for _name in _TABLES:
    importlib.import_module(f"gazelle.compat.tensorflow.{_name}")
function_tables.register_objects()
former_orders.register()
for _name, _dtype in DTYPES.items():
    named(_name, f"dtypes.{_name}")(_dtype)
named("newaxis", "compat.v1.newaxis", "compat.v2.newaxis", "experimental.numpy.newaxis")(None)
named("types.experimental.TensorLike")(TensorLike)
named("version.GIT_VERSION", "GIT_VERSION", "COMPILER_VERSION")("gazelle")
named("__internal__.tracking.no_automatic_dependency_tracking")(lambda method: method)
named("autograph.experimental.Feature")(
    Enum("Feature", "ALL ASSERT_STATEMENTS AUTO_CONTROL_DEPS BUILTIN_FUNCTIONS EQUALITY_OPERATORS LISTS NAME_SCOPES")
)
named("autograph.experimental.do_not_convert", "no_gradient")(lambda f=None: f if f is not None else (lambda g: g))
named("data.experimental.cardinality")(lambda data: data.cardinality())
named("contrib.eager.Iterator")(iter)
named("contrib.data.batch_and_drop_remainder")(
    lambda batch_size: lambda data: data.batch(batch_size, drop_remainder=True)
)
#: name, or beginning of names -> what to write instead
_ALTERNATIVES = {name: hint for names, hint in function_tables.TABLE["refused"].items() for name in names.split()}


class MissingFunctionError(GazelleError, AttributeError):
    """A name of TensorFlow that the facade does not have."""


@named("GraphDef", "compat.v1.GraphDef")
class GraphDef:
    """The name of TensorFlow's graphs, for annotations; there are no objects of it."""

    def __init__(self) -> None:
        raise MissingFunctionError(missing("GraphDef"))


class Facade(ModuleType):
    """`tensorflow`, or one of its modules; names are looked up in the table on first use."""

    is_facade = is_tensorflow = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._prefix = name.removeprefix("tensorflow").lstrip(".")

    def __reduce__(self) -> tuple[Any, ...]:  # pickled by name
        return module, (self.__name__,)

    def __getattr__(self, name: str) -> Any:
        full = f"{self._prefix}.{name}" if self._prefix else name
        if full.removeprefix("compat.v1.").removeprefix("compat.v2.") in ("__version__", "VERSION", "version.VERSION"):
            return version("tensorflow")
        if full == "__file__":  # of the package; programs look for files in its folder
            return __file__
        names_of_1.notice(full)
        found = look_up(full)
        if found is not None or full in NAMES:
            self.__dict__[name] = found
            return found
        if name == "__all__":  # of `from tensorflow.math import *`
            return dir(self)
        if name.startswith("__"):
            raise AttributeError(name)
        if self._prefix.startswith("python.") and (unused := unused_imports.stand_in(name)) is not NOTHING:
            return unused
        raise MissingFunctionError(missing(full), name=name, obj=self)

    def __dir__(self) -> list[str]:
        if self._prefix == "experimental.numpy":
            return function_tables.numpy_names()
        modules = _MODULES.get(self._prefix, [self._prefix.replace("python.ops.rnn_cell", "nn.rnn_cell")])
        starts = [f"{module}." if module not in ("", "tf") else "" for module in modules]
        names = {n[len(start) :].split(".")[0] for start in starts for n in NAMES if n.startswith(start)}
        return sorted(names if self._prefix else names | {"keras"})


def _known(name: str) -> Facade:
    """The module of this name, which is the same at every import unless the genuine package is imported, too."""
    there = sys.modules.setdefault(name, Facade(name))
    return there if isinstance(there, Facade) else Facade(name)


#: former module -> the modules that have its names
_MODULES = {
    name: modules.split()
    for names, modules in function_tables.TABLE["former modules"].items()
    for name in names.split()
}


def _current(full: str) -> str:
    """The name of an object of a former module in the first module that has it; of such a module the first one."""
    if full in _MODULES:
        return _MODULES[full][0]
    module, _, name = full.rpartition(".")
    found = [f"{known}.{name}".removeprefix("tf.") for known in _MODULES.get(module, ())]
    return next((path for path in found if path in NAMES), full)


_OUTSIDE = function_tables.TABLE["modules outside of tensorflow"]
#: modules of Keras that are also modules of TensorFlow
_OF_KERAS = ("activations", "initializers", "losses", "metrics", "optimizers")


def _is_of_1() -> bool:
    return graphs.active() or names_of_1.active()


def look_up(full: str) -> TensorResult:
    """The object with a name: an entry of the table, a module, or a part of Keras; None if there is none."""
    if full.startswith("contrib.keras"):
        full = full.removeprefix("contrib.").replace(".api.keras", "")
    full = _current(full)
    if _is_of_keras(full):
        full = f"keras.{full}"
    if full == "keras" or full.startswith("keras."):
        value: Any = sys.modules.setdefault("tensorflow.keras", root("tensorflow.keras"))
        for part in full.split(".")[1:]:
            value = getattr(value, part)
        return value
    if full in NAMES:
        return NAMES[full]
    for beginning, find in _FINDERS.items():
        if full.startswith(beginning):
            return find(full.removeprefix(beginning))
    if full.startswith("compat.v1.") and is_module(full):  # it has functions that differ from those of tf
        return _known(f"tensorflow.{full}")
    module, _, name = full.rpartition(".")
    if module in _OUTSIDE:
        return getattr(importlib.import_module(_OUTSIDE[module]), name, None)
    for old in ("compat.v1.", "compat.v2.", "_api.v2."):
        if full.startswith(old) and (found := look_up(full[len(old) :])) is not None:
            # a name in `tf.compat.v1.train` is not one that only TensorFlow 1 has
            return _known(f"tensorflow.{full}") if old == "compat.v1." and isinstance(found, Facade) else found
    if is_module(full):
        return _known(f"tensorflow.{full}")
    if module == "contrib.layers" and (section := private_modules.section(name)):  # tf.contrib.slim shows its imports
        return look_up(f"python.{section}.{name}")
    return NAMES.get(f"compat.v1.{full}")  # TensorFlow 1 has it without this beginning


def _is_of_keras(full: str) -> bool:
    """Whether a name such as `losses.Huber` stands for the part of Keras, which `tf.losses` of TensorFlow 1 is not."""
    if full.split(".")[0] not in _OF_KERAS or full in ("initializers", "losses", "metrics"):
        return False
    return not (full in NAMES and (_is_of_1() or full in metrics.ONLY_OF_1 or _lacks(full)))


def _raw(name: str) -> TensorResult:
    """The function of an operation: `raw_ops.MatMul` is that of `matmul`, `raw_ops.Sum` that of `reduce_sum`."""
    exact = name.removesuffix("_eager_fallback").replace("_", "").lower()
    versions = [full for full in NAMES if full.lower() == f"raw_ops.{exact}"]  # of operations that differ
    if versions:
        return NAMES[versions[0]]
    plain = _without_underscores(name)
    reduction = NAMES.get(f"reduce_{plain}")
    if reduction is not None:
        return lambda input, axis, keep_dims=False, name=None: reduction(input, axis, keep_dims)
    public, _, renames = function_tables.TABLE["raw operations"].get(plain, "").partition(" ")
    names = [full for full in NAMES if _without_underscores(full.rpartition(".")[2]) == plain]
    if not public and not names:
        return None
    function, renamed = NAMES[public or min(names, key=len)], pairs(renames)
    if not renamed:
        return function
    return lambda *args, **kwargs: function(*args, **{renamed.get(key, key): kwargs[key] for key in kwargs})


def _without_underscores(name: str) -> str:
    """`maxpoolgrad` of `MaxPoolGradV2`, `max_pool_grad` and `max_pool_grad_eager_fallback`."""
    return re.sub(r"v\d$", "", name.removesuffix("_eager_fallback").replace("_", "").lower())


def _private(inner: str) -> TensorResult:
    """The object, or the module, with a name below `tensorflow.python`."""
    module, _, name = inner.rpartition(".")
    if module.rpartition(".")[2].startswith("gen_") and (operation := _raw(name)) is not None:
        return operation  # `gen_nn_ops.relu_grad` is `raw_ops.ReluGrad`
    if private_modules.is_module(inner):
        return _known(f"tensorflow.python.{inner}")
    found = look_up(inner)
    if found is None:
        found = private_modules.find(name, look_up)
        if found is None and name[:1].isupper():  # `math_ops` also has the operations
            found = _raw(name)
    section = private_modules.section(inner) if found is None else None
    return _known(f"tensorflow.python.{section}.{inner}") if section else found


def _message(inner: str) -> TensorResult:
    """A module of messages such as `core.framework.summary_pb2`, or the public object of a message in one."""
    if "_pb2." in inner:
        return private_modules.find(inner.rpartition(".")[2], look_up)
    return _known(f"tensorflow.core.{inner}")


#: how names with these beginnings are found, by the rest of the name
_FINDERS: dict[str, Callable[[str], TensorResult]] = {
    "python.": _private,
    "core.": _message,
    "experimental.numpy.": function_tables.numpy_function,
    "raw_ops.": _raw,
}


def _lacks(full: str) -> bool:
    """Whether Keras has no such name, which is one of TensorFlow 1 then."""
    module, _, name = full.partition(".")
    return not hasattr(getattr(root("tensorflow.keras"), module), name)


#: modules without names, whose lookups raise an error with a hint
_EMPTY_MODULES = ("core", "python", "compat", "compat.v1", "compat.v2")


def is_module(full: str) -> bool:
    """Whether the name is a module."""
    return full in _EMPTY_MODULES or full in _OUTSIDE or any(n.startswith(f"{full}.") for n in NAMES)


def missing(full: str) -> str:
    """The error message for a missing name, with the line of the program that used it."""
    near = difflib.get_close_matches(full, list(NAMES), n=2, cutoff=0.75)
    plain = full.removeprefix("compat.v1.")
    known = max((name for name in _ALTERNATIVES if f"{plain}.".startswith(f"{name}.")), key=len, default="")
    hint = _ALTERNATIVES.get(known) or (
        f"Did you mean {' or '.join(f'tf.{n}' for n in near)}?"
        if near
        else "Use gazelle.ops or numpy; or install TensorFlow and run with --tensorflow real."
    )
    return message(f"tf.{full} is not in gazelle's implementation of TensorFlow ({user_code_location()})", hint=hint)


def module(name: str) -> Facade | None:
    """The module for `import tensorflow...`; None if there is none of that name."""
    full = name.removeprefix("tensorflow").lstrip(".")
    if not full:
        if not facade.computes_with_torch():  # such a program may use `tf.data`
            facade.adapter = adapter.ADAPTER
        if names_of_1.in_text_of(sys._getframe(1)):
            names_of_1.notice("Session")
            graphs.build_graphs()
        return Facade("tensorflow")
    found = look_up(full)
    if found is None and full.startswith("contrib."):  # programs import more than they use: a use is an error
        return _known(name)
    return found if isinstance(found, ModuleType) else None


def close() -> None:
    """Deactivate the facade: the classes of `keras` take and return arrays again."""
    facade.adapter = facade.ARRAYS
    graphs.close()
    names_of_1.forget()
    for name in [n for n, m in sys.modules.items() if isinstance(m, Facade)]:
        del sys.modules[name]
