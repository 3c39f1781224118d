"""Why a loss is not a number: what the data says about it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gazelle import data
from gazelle.core.errors import DataError, message


def explain_nan(logs: Mapping[str, Any], source: data.Source) -> None:
    """Raise for NaN or inf in the data once the loss shows it; a loss that diverged by itself is a warning."""
    loss = logs.get("loss")
    if loss is None or np.isfinite(loss):
        return
    whole = source.data if isinstance(source, data.ArraySource) else source.sample
    for what, tree in zip(("x", "y", "sample_weight"), whole, strict=True):
        for leaf in jax.tree.leaves(tree):
            array = np.asarray(leaf)
            if array.dtype.kind != "f" or np.isfinite(array).all():
                continue
            bad = np.argwhere(~np.isfinite(array))
            rows = len(np.unique(bad[:, 0]))
            raise DataError(
                message(f"The loss is {loss} because {what} holds values that are not finite",
                        expected="finite numbers",
                        got=f"{array[tuple(bad[0])]} at {what}[{', '.join(map(str, bad[0]))}], {rows} rows in all",
                        mend=f"Drop these rows or fill the gaps, for instance {what} = np.nan_to_num({what}).")
            )  # fmt: skip
    warnings.warn(
        f"The loss became {loss}: training diverged. A lower learning rate, clipnorm=1 or scaled inputs usually help.",
        RuntimeWarning, stacklevel=2,
    )  # fmt: skip
