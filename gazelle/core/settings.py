"""Settings of the process: epsilon, the position of channels, limits, logging.

The initial values come from `keras.json` in `$KERAS_HOME` (default `~/.keras`), which Keras reads too.
"""

from __future__ import annotations

import json
import os
import sys
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
_flash: bool | None = None  # None: each layer decides
_logging, _filtering, _shows_jax = True, True, False


def epsilon() -> float:
    """Return the small constant that keeps quotients and logarithms finite, 1e-07.

    Returns:
        A number.

    Example:
        >>> epsilon()
        1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set `epsilon`. Programs that are compiled already keep the old value.

    Args:
        value: A number above 0.

    Raises:
        ArgumentError: If it is not above 0.
    """
    global _epsilon
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ArgumentError(message("epsilon", expected="a number above 0", got=repr(value)))
    _epsilon = value


def image_data_format() -> str:
    """Return the position of the channels in layers with data_format=None.

    Returns:
        'channels_last' or 'channels_first'.

    Example:
        >>> image_data_format()
        'channels_last'
    """
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set `image_data_format`.

    Args:
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ArgumentError: If it is another value.
    """
    global _image_data_format, _format_set
    _image_data_format, _format_set = _known_format(data_format), True


def is_image_data_format_set() -> bool:
    """Return whether the program or the command line set the format; the file may come from Keras itself."""
    return _format_set


def standardize_data_format(value: object) -> str:
    """Return one of the two formats; None is the one of the process."""
    return _image_data_format if value is None else _known_format(value)


def _known_format(value: Any) -> str:
    if str(value).lower() not in FORMATS:
        raise unknown("data_format", value, FORMATS)
    return str(value).lower()


def max_epochs() -> int | None:
    """Return the limit of epochs of every `fit`.

    Returns:
        An integer; None if there is no limit.
    """
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`, for test runs of a program. $KERAS_MAX_EPOCHS sets the same limit.

    Args:
        max_epochs: An integer of at least 1; None removes the limit.

    Raises:
        ArgumentError: If it is another value.
    """
    global _max_epochs
    _max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """Return the limit of batches in an epoch of `fit`, or in a call of `evaluate` or `predict`.

    Returns:
        An integer; None if there is no limit.
    """
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of an epoch, for test runs of a program. $KERAS_MAX_STEPS_PER_EPOCH sets the same limit.

    Args:
        max_steps_per_epoch: An integer of at least 1; None removes the limit.

    Raises:
        ArgumentError: If it is another value.
    """
    global _max_steps_per_epoch
    _max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def _limit(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not hasattr(value, "__index__") or value < 1):
        raise ArgumentError(message(name, expected="an integer of at least 1, or None", got=repr(value)))
    return None if value is None else int(value)


def apply_limit(name: str, given: int | None) -> int | None:
    """Return the smaller of a number and the limit of the process, with a warning if that is the limit.

    Args:
        name: 'epochs' or 'steps'.
        given: The number; None for no end.

    Returns:
        The number to use.
    """
    most = _max_epochs if name == "epochs" else _max_steps_per_epoch
    if most is None or (given is not None and given <= most):
        return given
    warnings.warn(f"Only {most} {name} are run: gazelle.config limits them.", UserWarning, stacklevel=3)
    return most


def enable_flash_attention() -> None:
    """Let cuDNN compute attention layers on an NVIDIA GPU where it can (the default)."""
    global _flash
    _flash = None


def disable_flash_attention() -> None:
    """Let attention layers without the argument `flash_attention` compute in separate steps."""
    global _flash
    _flash = False


def is_flash_attention_enabled() -> bool | None:
    """Return whether attention layers use a fused kernel.

    Returns:
        False after `disable_flash_attention`; None if it depends on the layer.
    """
    return _flash


def enable_interactive_logging() -> None:
    """Write progress and summaries to the standard output (the default)."""
    global _logging
    _logging = True


def disable_interactive_logging() -> None:
    """Send progress, one line for each epoch, and summaries to the logger 'gazelle'."""
    global _logging
    _logging = False


def is_interactive_logging_enabled() -> bool:
    """Return whether progress is written to the standard output.

    Returns:
        A boolean.
    """
    return _logging


def enable_traceback_filtering() -> None:
    """Show errors with the lines of the program alone, without those inside gazelle and JAX (the default)."""
    global _filtering
    _filtering = True
    _show_frames_of_jax(False)


def disable_traceback_filtering() -> None:
    """Show all lines of tracebacks; the environment variable `GAZELLE_FULL_TRACEBACK=1` does so from the start."""
    global _filtering
    _filtering = False
    _show_frames_of_jax(True)


def _filter_by_environment() -> None:
    if os.environ.get("GAZELLE_FULL_TRACEBACK", "0") in ("", "0"):
        enable_traceback_filtering()
    else:
        disable_traceback_filtering()


def _show_frames_of_jax(show: bool) -> None:
    global _shows_jax
    if show != _shows_jax:
        _shows_jax = show
        value = "off" if show else "auto"
        if "jax" in sys.modules:
            sys.modules["jax"].config.update("jax_traceback_filtering", value)
        else:
            os.environ["JAX_TRACEBACK_FILTERING"] = value


def is_traceback_filtering_enabled() -> bool:
    """Return whether lines inside gazelle are left out of tracebacks.

    Returns:
        A boolean.
    """
    return _filtering


@names.on_clear
def _reset() -> None:
    enable_interactive_logging()
    _filter_by_environment()
    enable_flash_attention()


def read_file(path: Path) -> None:
    """Read floatx, epsilon and image_data_format from a `keras.json`; warn about values that cannot be used."""
    try:
        settings = json.loads(path.read_text())
        if "image_dim_ordering" in settings:  # written by Keras 1
            settings.setdefault(
                "image_data_format", "channels_first" if settings["image_dim_ordering"] == "th" else FORMATS[0]
            )
        for name, setter in (
            ("floatx", dtypes.set_floatx),
            ("epsilon", set_epsilon),
            ("image_data_format", set_image_data_format),
        ):
            if name in settings:
                setter(settings[name])
    except OSError:
        return
    except (ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        warnings.warn(f"{path} was not used completely: {reason}", UserWarning, stacklevel=2)


def read_environment() -> None:
    """Read the file and the two limits that Keras reads from the environment."""
    folder = os.environ.get("KERAS_HOME")
    path = Path(folder) / "keras.json" if folder else Path("~/.keras/keras.json").expanduser()
    if path.is_file():
        read_file(path)
    for name, setter in (("KERAS_MAX_EPOCHS", set_max_epochs), ("KERAS_MAX_STEPS_PER_EPOCH", set_max_steps_per_epoch)):
        if os.environ.get(name):
            setter(int(os.environ[name]))


read_environment()
_filter_by_environment()
_format_set = False
