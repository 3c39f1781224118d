"""The display under the name that Keras gives it."""

from __future__ import annotations

from gazelle.training.callbacks.progress import Progress


class ProgbarLogger(Progress):
    """The progress display that `fit` shows anyway, named in `callbacks=[...]`: it shows what `verbose` says.

    >>> ProgbarLogger().verbose
    1
    """

    def __init__(self) -> None:
        super().__init__("auto")

    def set_params(self, params: dict[str, object] | None) -> None:
        super().set_params(params)  # type: ignore[arg-type]
        verbose = (params or {}).get("verbose", self.verbose)
        self.verbose = 1 if verbose == "auto" else int(verbose)  # type: ignore[call-overload]
