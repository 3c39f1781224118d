"""One thread at a time trains a model: two would each take the weights from the other in the middle of a step."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from gazelle.core.errors import StateError, message

_training: dict[int, int] = {}  # id of a model -> the thread that trains it


def one_fit_at_a_time(fit: Callable[..., Any]) -> Callable[..., Any]:
    """`fit`, refusing where another thread trains the same model.

    Raises:
        StateError: another thread does.
    """

    @functools.wraps(fit)
    def alone(self: Any, *args: Any, **kwargs: Any) -> Any:
        mine = threading.get_ident()
        within = _training.get(id(self)) == mine  # a callback trains on
        if _training.setdefault(id(self), mine) != mine:
            hint = "Wait for it, or train gazelle.clone_model(model). predict, evaluate and save may run beside it."
            raise StateError(message(f"fit of '{self.name}' began while another thread trains this model", hint=hint))
        try:
            return fit(self, *args, **kwargs)
        finally:
            if not within:
                del _training[id(self)]

    return alone
