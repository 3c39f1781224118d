"""Worker processes of a program (multiprocessing's spawn and forkserver, joblib): they call `install` as it did."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

#: modules whose `get_preparation_data` makes the data that a new process reads first
MODULES = ("multiprocessing.spawn", "joblib.externals.loky.backend.spawn", "loky.backend.spawn")


class Installation:
    """What a worker needs to know; reading it from a pickle installs gazelle in the process."""

    def __reduce__(self) -> tuple[Any, ...]:
        from gazelle.cli import import_aliases
        from gazelle.compat import era
        from gazelle.core import conventions, settings

        tensorflow = "real" if import_aliases.keeps_tensorflow() else "gazelle"
        release = era.number(), era.standalone(), era.is_before_2_3(), conventions.active.masked_values_count
        return repeat, (tensorflow, release, settings.image_data_format())


def repeat(tensorflow: str, release: tuple[int, bool, bool, bool], image_data_format: str) -> Installation:
    """Install gazelle in a worker."""
    from gazelle.cli import import_aliases
    from gazelle.compat import era
    from gazelle.core import settings

    import_aliases.install(tensorflow)
    era.set_number(*release)
    settings.set_image_data_format(image_data_format)
    return Installation()


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
