"""The other names of gazelle: `keras`, `tensorflow.keras`, `tf_keras`, `keras_core`, `tensorflow.python.keras`.

Their modules are the namespaces of `gazelle.compat`: `keras.layers.Dense` is a subclass of `gazelle.layers.Dense`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

import gazelle
from gazelle.cli import eras, workers
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.loaders import Then

if TYPE_CHECKING:
    from importlib.metadata import Distribution, DistributionFinder

#: names of gazelle in programs; longer names precede their prefixes
NAMES = ("tensorflow.python.keras", "tensorflow.keras", "tf_keras", "keras_core", "keras")
#: packages whose contents are in Keras now, or partly here, where they are not installed
_PARTS = {
    "keras_preprocessing": "gazelle.preprocessing",
    "keras_applications": "gazelle.applications",
    "keras_contrib": "gazelle",
    "tensorflow_addons": "gazelle.compat.addons",
}
#: packages around TensorFlow that are not supported -> hint
_COMPANIONS = {
    "tensorflow_datasets": "keras.datasets has MNIST, CIFAR, IMDB and others; tf.keras.utils reads folders of files.",
    "tensorflow_hub": "Models of TensorFlow Hub are graphs of TensorFlow: take one of keras.applications.",
    "tensorflow_text": "keras.layers.TextVectorization and tf.strings split text.",
}
_real_tensorflow = False  # whether an installed TensorFlow keeps its name


def meaning(name: str) -> str | None:
    """'keras.layers' -> 'gazelle.layers'; None for other modules."""
    for alias in (*NAMES, *_PARTS):
        if name == alias or name.startswith(alias + "."):
            if alias in _PARTS and PathFinder.find_spec(alias) is not None:
                return None  # the genuine package, which takes the modules of Keras as arguments
            path = _PARTS.get(alias, "gazelle") + name[len(alias) :]
            return "gazelle" + path[11:] if f"{path}.".startswith("gazelle.api.") else path
    return None


class Aliases(MetaPathFinder):
    """Finds modules by the names of Keras; first in `sys.meta_path`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        try:
            return self._found(fullname, path)
        except ModuleNotFoundError:
            if _is_lookup():
                return None
            raise

    def find_distributions(self, context: DistributionFinder.Context) -> Iterator[Distribution]:
        """The distributions whose versions `importlib.metadata` reports."""
        found: Iterator[Distribution] = importlib.import_module("gazelle.cli.distributions").found(
            context, not (_real_tensorflow or _is_real("tensorflow"))
        )
        return found

    def _found(self, fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
        root = fullname.partition(".")[0]
        if fullname == "tensorflow":
            return _tensorflow_spec()
        other = _public(fullname)
        if other != fullname:
            return ModuleSpec(fullname, _Existing(importlib.import_module(other)), is_package=True)
        if root == "theano" and PathFinder.find_spec("theano") is None:
            return _theano_spec(fullname)
        if root in NAMES and fullname.split(".")[:2][1:] == ["src"]:
            return _source_spec(fullname)
        if fullname in workers.MODULES:
            return _workers_spec(fullname, path)
        if root == "tensorflow_probability" and not _is_real("tensorflow"):
            return _probability_spec(fullname)
        if fullname == "tensorboard.compat.notf" and not _is_real("tensorflow"):
            return ModuleSpec(fullname, _Empty())
        if fullname in _COMPANIONS and PathFinder.find_spec(fullname) is None:
            text = message(f"No module named {fullname!r}", hint=_COMPANIONS[fullname])
            raise ModuleNotFoundError(text, name=fullname)
        real = meaning(fullname)
        if real is None:
            is_part = root == "tensorflow" and _is_facade(sys.modules.get("tensorflow"))
            return _tensorflow_part(fullname) if is_part else None
        if fullname.startswith("tensorflow.python.") and _is_real("tensorflow"):
            return None  # TensorFlow itself imports this private copy of Keras and needs the original
        return _keras_spec(fullname, real)


def _workers_spec(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """A module that starts processes; it prepares them for programs of Keras, too."""
    spec = PathFinder.find_spec(fullname, path)
    if spec is not None and spec.loader is not None:
        spec.loader = Then(spec.loader, workers.prepare)
    return spec


def _keras_spec(fullname: str, real: str) -> ModuleSpec:
    """A module of Keras, whose objects are those of the part `real` of gazelle."""
    if real == "gazelle":
        return ModuleSpec(fullname, _Root(), is_package=True)
    old_names = importlib.import_module("gazelle.compat.old_names")
    path = old_names.path_of(real)  # has precedence over files of gazelle with the same name
    if path == real and not _is_module(real):
        raise _missing(fullname, real)
    return ModuleSpec(fullname, _Existing(_namespaces().namespace(path)), is_package=True)


def _is_lookup() -> bool:
    """Whether `importlib.util.find_spec` looks for a module; of an import the error states what to do."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") == "importlib._bootstrap":
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__") == "importlib.util"


def _public(fullname: str) -> str:
    """The public path of a generated module of Keras or of gazelle's `tensorflow`, other names unchanged."""
    root = fullname.partition(".")[0]
    if root not in ("keras", "tf_keras", "tensorflow", "tensorflow_core") or (root == "tensorflow") > _is_facade(
        sys.modules.get("tensorflow")
    ):
        return fullname
    if root == "tensorflow_core" and PathFinder.find_spec(root) is not None:
        return fullname
    path: str = importlib.import_module("gazelle.compat.private.api_paths").public(fullname)
    return path


def _namespaces() -> Any:
    return importlib.import_module("gazelle.compat.namespaces")


class _Existing(Loader):
    """Loader of a module with another name, which the import system must not modify."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class _Empty(Loader):
    """Loader of a module without names; TensorBoard uses its own file system if `notf` exists."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


class _Root(Loader):
    """Loader of `keras` under one of its names."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _root(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Its names are looked up on access."""


def _root(name: str) -> ModuleType:
    found: ModuleType = _namespaces().root(name)
    importlib.import_module("gazelle.compat.pytorch").activate_if_selected()
    _narrow()
    return found


def _narrow() -> None:
    """Compute what is declared as float64 as float32, with a warning, as Keras on JAX does."""
    importlib.import_module("gazelle.core.dtypes").set_narrowing(True)


class _Facade(Loader):
    """Loader of gazelle's `tensorflow` and its modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = _facade().module(spec.name)
        _narrow()  # `tf.keras` is an attribute
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Its names are looked up on access."""


def _facade() -> Any:
    return importlib.import_module("gazelle.compat.tensorflow")


def _removed_names() -> Any:
    return importlib.import_module("gazelle.compat.removed_names")


def _tensorflow_spec() -> ModuleSpec:
    spec = PathFinder.find_spec("tensorflow") if _real_tensorflow else None
    if spec is None or spec.loader is None:
        return ModuleSpec("tensorflow", _Facade(), is_package=True)
    spec.loader = Then(spec.loader, _put_keras)
    return spec


def _tensorflow_part(name: str) -> ModuleSpec:
    found = _facade().module(name)
    if found is None:
        raise ModuleNotFoundError(_facade().missing(name.partition(".")[2]), name=name)
    return ModuleSpec(name, _Facade() if _is_facade(found) else _Existing(found), is_package=True)


class _Source(_Facade):
    """Loader of `keras.src` and its modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = importlib.import_module("gazelle.compat.private.keras_src").module(spec.name)
        return module


def _source_spec(name: str) -> ModuleSpec:
    if importlib.import_module("gazelle.compat.private.keras_src").module(name) is None:
        hint = "keras.src is private to Keras: import the name from its public module, such as keras.layers."
        raise ModuleNotFoundError(message(f"No module named {name!r}", hint=hint), name=name)
    return ModuleSpec(name, _Source(), is_package=True)


class _Probability(_Facade):
    """Loader of gazelle's `tensorflow_probability` and its modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = importlib.import_module("gazelle.compat.probability").module(spec.name)
        _narrow()
        return module


def _probability_spec(name: str) -> ModuleSpec | None:
    """A module of gazelle, which uses the installed package; None for modules of that package."""
    if PathFinder.find_spec("tensorflow_probability") is None:
        hint = "gazelle uses its JAX substrate, which does not need TensorFlow: pip install tfp-nightly"
        raise ModuleNotFoundError(message(f"No module named {name!r}", hint=hint), name=name)
    if importlib.import_module("gazelle.compat.probability").module(name) is None:
        return None
    return ModuleSpec(name, _Probability(), is_package=True)


class _Theano(_Facade):
    """Loader of gazelle's `theano` and its modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = importlib.import_module("gazelle.compat.theano").module(spec.name)
        return module


def _theano_spec(name: str) -> ModuleSpec:
    if importlib.import_module("gazelle.compat.theano").module(name) is None:
        hint = "gazelle replaces theano and theano.tensor by what Keras programs used of them."
        raise ModuleNotFoundError(message(f"No module named {name!r}", hint=hint), name=name)
    return ModuleSpec(name, _Theano(), is_package=True)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


def _is_facade(module: Any) -> bool:
    """Whether a module belongs to gazelle's `tensorflow`."""
    return bool(getattr(type(module), "is_facade", False))


def _put_keras(tensorflow: ModuleType) -> None:
    vars(tensorflow).setdefault("_gazelle_hid", vars(tensorflow).get("keras"))
    vars(tensorflow)["keras"] = _root("tensorflow.keras")


def _missing(fullname: str, real: str) -> ModuleNotFoundError:
    """The error for a missing submodule, with similar names."""
    parent, _, last = real.rpartition(".")
    said = fullname.rpartition(".")[0]
    module = sys.modules.get(parent)
    known = sorted(m.name for m in pkgutil.iter_modules(getattr(module, "__path__", [])) if m.name[0] != "_")
    near = difflib.get_close_matches(last, known, n=3, cutoff=0.5)
    if hasattr(module, last):
        hint = f"{last} is a name inside a module: write `from {said} import {last}`."
    elif near:
        hint = f"Did you mean {' or '.join(f'{said}.{name}' for name in near)}?"
    else:
        hint = f"In {said} there are: {', '.join(known) or 'no modules'}."
    return ModuleNotFoundError(f"No module named {fullname!r}: gazelle has none of that name.\n{hint}", name=fullname)


def _is_real(root: str) -> bool:
    """Whether another package of this name is loaded in the process."""
    module = sys.modules.get(root)
    return module is not None and module is not gazelle and not _is_facade(module)


def is_installed() -> bool:
    """Whether `install` was called, and not undone."""
    return any(isinstance(finder, Aliases) for finder in sys.meta_path)


def keeps_tensorflow() -> bool:
    """Whether an installed TensorFlow keeps its name."""
    return _real_tensorflow


def require_compat() -> None:
    """Raise StateError if the package `gazelle.compat` is not installed."""
    if importlib.util.find_spec("gazelle.compat") is None:
        hint = "Install gazelle as a whole, or write `import gazelle as keras` in a program of Keras 3."
        raise StateError(message("install() and `gazelle run` need gazelle.compat, which is not installed", hint=hint))


def install(tensorflow: str | None = None) -> None:
    """Let `keras`, `tensorflow.keras`, `tf_keras` and `keras_core` refer to gazelle in this process.

    Those packages need not be installed, but none of them may be imported yet, because a program must not mix objects
    of two libraries. Calling it again changes nothing; `uninstall` undoes it.

    Args:
        tensorflow: "real" keeps an installed TensorFlow for everything but `tensorflow.keras`; else `tensorflow` is
            gazelle's own: tensors, GradientTape, tf.function, tf.data and so on. The environment variable
            GAZELLE_TENSORFLOW does the same. A TensorFlow that is loaded already stays.

        import gazelle

        gazelle.install()
        from keras.layers import Dense  # a subclass of gazelle.layers.Dense
    """
    if not is_installed():
        activate(tensorflow)
        eras.begin_of_main()


def activate(tensorflow: str | None = None) -> None:
    """Do what `install` does, but leave the era as it is, for a process whose era is known."""
    global _real_tensorflow
    require_compat()
    if is_installed():
        return
    wanted = tensorflow or os.environ.get("GAZELLE_TENSORFLOW") or "gazelle"
    if wanted not in ("real", "gazelle"):
        raise ArgumentError(message("tensorflow of install", expected="'real' or 'gazelle'", got=repr(wanted)))
    _real_tensorflow = wanted == "real"
    for root in ("keras", "tf_keras", "keras_core"):
        if _is_real(root):
            place = getattr(sys.modules[root], "__file__", None) or "the process"
            raise StateError(
                message(
                    f"install() came after {root!r} was imported from {place}",
                    expected="no Keras loaded yet",
                    hint="Call gazelle.install() before the first import of Keras, or write"
                    " `import gazelle as keras`; a notebook must restart its kernel.",
                )
            )
    sys.meta_path.insert(0, Aliases())
    _removed_names().activate()
    for name in workers.MODULES:
        if name in sys.modules:
            workers.prepare(sys.modules[name])
    if _is_real("tensorflow"):
        _put_keras(sys.modules["tensorflow"])


def uninstall() -> None:
    """Undo `install`: the names refer to the installed packages again; objects imported meanwhile do not change."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Aliases)]
    _removed_names().deactivate()
    for name, module in list(sys.modules.items()):
        aliased = meaning(name) is not None and getattr(module, "__name__", "").startswith("gazelle")
        if aliased or _is_facade(module):
            del sys.modules[name]
    if "gazelle.compat.era" in sys.modules:
        sys.modules["gazelle.compat.era"].reset()
    if "gazelle.compat.tensorflow" in sys.modules:
        _facade().close()
    if "gazelle.compat.pytorch.activation" in sys.modules:
        sys.modules["gazelle.compat.pytorch.activation"].close()
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and "_gazelle_hid" in vars(tensorflow):
        vars(tensorflow)["keras"] = vars(tensorflow).pop("_gazelle_hid")


def load_ipython_extension(ipython: object) -> None:
    """Call `install` for `%load_ext gazelle` in a notebook; the era is detected from the cells as they run.

    Args:
        ipython: The shell of IPython, which passes itself.
    """
    install()
    if hasattr(ipython, "events"):
        ipython.events.register("pre_run_cell", eras.Cells())


def unload_ipython_extension(ipython: object) -> None:
    """`%unload_ext gazelle`: `uninstall`."""
    uninstall()
