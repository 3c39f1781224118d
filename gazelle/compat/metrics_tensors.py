"""`model.metrics_names.append(name)` and `model.metrics_tensors.append(tensor)` of Keras 2 add a tensor to the logs."""

from __future__ import annotations

from typing import Any


class _Names(list[str]):
    """The names of metrics; an appended name belongs to the next tensor."""

    def __init__(self, model: Any, names: list[str]) -> None:
        super().__init__(names)
        self._model = model

    def append(self, name: str) -> None:
        super().append(name)
        self._model.__dict__.setdefault("_names_of_tensors", []).append(name)


class _Tensors(list[Any]):
    """The tensors of metrics; appending one adds its mean to the logs."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = model

    def append(self, tensor: Any) -> None:
        super().append(tensor)
        waiting = self._model.__dict__.get("_names_of_tensors", [])
        self._model.add_metric(tensor, name=waiting.pop(0) if waiting else None)


def metrics_names(model: Any, now: list[str]) -> list[str]:
    """`model.metrics_names`, to which programs append."""
    return _Names(model, now)


def metrics_tensors(model: Any) -> list[Any]:
    """`model.metrics_tensors`."""
    return _Tensors(model)
