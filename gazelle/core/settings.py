"""What holds for the whole process until a program says otherwise: epsilon, the place of channels, limits, logging.

The first values come from `keras.json` in `$KERAS_HOME` (`~/.keras` where it is not set), which Keras shares.
"""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

from gazelle.core import dtypes, names
from gazelle.core.errors import ArgumentError, message, unknown

FORMATS = ("channels_last", "channels_first")

_epsilon = 1e-7
_image_data_format, _format_set = "channels_last", False
_max_epochs: int | None = None
_max_steps_per_epoch: int | None = None
_flash: bool | None = None  # None: as each layer says
_logging, _filtering = True, True


def epsilon() -> float:
    """The number that keeps quotients and logarithms finite, 1e-07.

    >>> epsilon()
    1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set `epsilon`. Programs that are compiled already keep the old one."""
    global _epsilon
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ArgumentError(message("epsilon", expected="a number above 0", got=repr(value)))
    _epsilon = value


def image_data_format() -> str:
    """Where channels stand in layers that are made with data_format=None.

    >>> image_data_format()
    'channels_last'
    """
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set `image_data_format`: 'channels_last' or 'channels_first'."""
    global _image_data_format, _format_set
    _image_data_format, _format_set = _known_format(data_format), True


def is_image_data_format_set() -> bool:
    """Whether the program or the command line chose the format; Keras writes the file by itself."""
    return _format_set


def standardize_data_format(value: Any) -> str:
    """`value` as one of the two formats; None is the one of the process."""
    return _image_data_format if value is None else _known_format(value)


def _known_format(value: Any) -> str:
    if str(value).lower() not in FORMATS:
        raise unknown("data_format", value, FORMATS)
    return str(value).lower()


def max_epochs() -> int | None:
    """The most epochs that any `fit` runs; None: as many as it is told."""
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`, to try a program out. $KERAS_MAX_EPOCHS does the same from outside."""
    global _max_epochs
    _max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The most batches in a pass of any `fit`, `evaluate` or `predict`; None: all."""
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of every pass, to try a program out. $KERAS_MAX_STEPS_PER_EPOCH does the same from outside."""
    global _max_steps_per_epoch
    _max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def _limit(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not hasattr(value, "__index__") or value < 1):
        raise ArgumentError(message(name, expected="an integer of at least 1, or None", got=repr(value)))
    return None if value is None else int(value)


def apply_limit(name: str, given: int | None) -> int | None:
    """`given`, or the smaller number that the process is limited to, with a warning. name: "epochs" or "steps"."""
    most = _max_epochs if name == "epochs" else _max_steps_per_epoch
    if most is None or (given is not None and given <= most):
        return given
    warnings.warn(f"Only {most} {name} are run: gazelle.config limits them.", UserWarning, stacklevel=3)
    return most


def enable_flash_attention() -> None:
    """Attention layers may compute in a fused kernel where they are told to: the default."""
    global _flash
    _flash = None


def disable_flash_attention() -> None:
    """Attention layers that were told nothing compute in plain steps."""
    global _flash
    _flash = False


def is_flash_attention_enabled() -> bool | None:
    """False after `disable_flash_attention`; None where each layer says."""
    return _flash


def enable_interactive_logging() -> None:
    """Show progress and summaries on the standard output: the default."""
    global _logging
    _logging = True


def disable_interactive_logging() -> None:
    """Send the lines of progress and summaries to the logger 'gazelle', one for each epoch, instead of the output."""
    global _logging
    _logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to the standard output."""
    return _logging


def enable_traceback_filtering() -> None:
    """Errors about what a program wrote show the program's lines, without those of gazelle and JAX: the default."""
    global _filtering
    _filtering = True


def disable_traceback_filtering() -> None:
    """All errors show all lines."""
    global _filtering
    _filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether errors leave out the lines inside gazelle."""
    return _filtering


@names.on_clear
def _reset() -> None:
    enable_interactive_logging()
    enable_traceback_filtering()
    enable_flash_attention()


def read_file(path: Path) -> None:
    """Take floatx, epsilon and image_data_format from a `keras.json`; what cannot be used is told, and left."""
    try:
        words = json.loads(path.read_text())
        if "image_dim_ordering" in words:  # so Keras 1 wrote it
            words.setdefault(
                "image_data_format", "channels_first" if words["image_dim_ordering"] == "th" else FORMATS[0]
            )
        for name, setter in (
            ("floatx", dtypes.set_floatx),
            ("epsilon", set_epsilon),
            ("image_data_format", set_image_data_format),
        ):
            if name in words:
                setter(words[name])
    except OSError:
        return
    except (ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        warnings.warn(f"{path} was not used as a whole: {reason}", UserWarning, stacklevel=2)


def read_environment() -> None:
    """Take the file and the two limits that Keras reads from the environment."""
    folder = os.environ.get("KERAS_HOME")
    path = Path(folder) / "keras.json" if folder else Path("~/.keras/keras.json").expanduser()
    if path.is_file():
        read_file(path)
    for name, setter in (("KERAS_MAX_EPOCHS", set_max_epochs), ("KERAS_MAX_STEPS_PER_EPOCH", set_max_steps_per_epoch)):
        if os.environ.get(name):
            setter(int(os.environ[name]))


read_environment()
_format_set = False
