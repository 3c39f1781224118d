"""`keras.optimizers.legacy` of tf.keras 2.11 to 2.15, whose optimizers update gathered rows of an `Embedding` alone."""

from __future__ import annotations

import functools
from typing import Any

from gazelle.compat.namespaces import namespace
from gazelle.compat.optimizers.former_optimizers import KINDS


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    found = getattr(namespace("gazelle.optimizers"), name)
    return _of_rows(found) if name in KINDS else found


@functools.cache
def _of_rows(cls: Any) -> type:
    members = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__", "_core")}
    return type(cls)(cls.__name__, (cls,), {**members, "updates_gathered_rows": True}, abstract=True)
