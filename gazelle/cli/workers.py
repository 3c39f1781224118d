"""Worker processes of a program (multiprocessing's spawn and forkserver, joblib): they call `install` as it did."""

from __future__ import annotations

import functools
import runpy
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gazelle.compat.era import Release

#: modules whose `get_preparation_data` makes the data that a new process reads first
MODULES = ("multiprocessing.spawn", "joblib.externals.loky.backend.spawn", "loky.backend.spawn")


class Installation:
    """What a worker needs to know; reading it from a pickle installs gazelle in the process."""

    def __reduce__(self) -> tuple[Any, ...]:
        from gazelle.cli import import_aliases
        from gazelle.compat import era
        from gazelle.core import settings

        tensorflow = "real" if import_aliases.keeps_tensorflow() else "gazelle"
        return repeat, (tensorflow, era.release(), settings.image_data_format())


def repeat(tensorflow: str, release: Release, image_data_format: str) -> Installation:
    """Install gazelle in a worker."""
    from gazelle.cli import import_aliases
    from gazelle.compat import era
    from gazelle.core import settings

    import_aliases.activate(tensorflow)
    era.set_release(release)
    settings.set_image_data_format(image_data_format)
    if not isinstance(runpy.run_path, functools.partial):
        runpy.run_path = functools.partial(_run_path, runpy.run_path)
    return Installation()


def _run_path(original: Callable[..., dict[str, Any]], path: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """runpy.run_path of a worker, where the program may be a notebook or written for Python 2."""
    from gazelle.cli import __main__ as command
    from gazelle.cli import notebooks

    if kwargs.get("run_name") != "__mp_main__":
        return original(path, *args, **kwargs)
    source = notebooks.source(path) if path.endswith(".ipynb") else None
    program = {"__name__": "__mp_main__", "__file__": path}
    exec(command.compiled(path, source, lambda *_: None), program)
    return program


def prepare(module: ModuleType) -> None:
    """Let one of `MODULES` pass the installation to new processes."""
    original = module.get_preparation_data
    if hasattr(original, "installs_gazelle"):
        return

    @functools.wraps(original)
    def get_preparation_data(*args: Any, **kwargs: Any) -> dict[str, Any]:
        from gazelle.cli import import_aliases

        data: dict[str, Any] = original(*args, **kwargs)
        return {"gazelle": Installation(), **data} if import_aliases.is_installed() else data

    vars(get_preparation_data)["installs_gazelle"] = True
    vars(module)["get_preparation_data"] = get_preparation_data
