"""The era of this process, which is the version of Keras it emulates: 1 (up to 1.2), 2 (also tf.keras) or 3."""

from __future__ import annotations

import sys
from typing import Any

from gazelle.core.conventions import Conventions, activate
from gazelle.core.errors import ArgumentError, message

#: result of a lookup that finds nothing, since None may be a value
NOTHING: Any = type("Nothing", (), {"__repr__": lambda self: "NOTHING"})()
_number, _standalone = 3, True
_before_2_3 = False


def number() -> int:
    """The era: 1, 2 or 3."""
    return _number


def standalone() -> bool:
    """Whether the program imports the package `keras`, not `tensorflow.keras`, which differs in details."""
    return _standalone


def is_package_before_keras_3() -> bool:
    """Whether the program is written for the package `keras` 1 or 2."""
    return _number < 3 and _standalone


def is_before_tf_keras_2() -> bool:
    """Whether the program is written for the package `keras` 1 or 2, or for tf.keras of TensorFlow 1."""
    return is_package_before_keras_3() or _before_2_3


def is_tf_keras_2() -> bool:
    """Whether the program is written for `tensorflow.keras` of TensorFlow 2.0 to 2.15."""
    return _number == 2 and not _standalone


def is_before_2_3() -> bool:
    """Whether the program is written for a release before Keras 2.3, or for tf.keras of TensorFlow 1."""
    return _before_2_3


def is_package_before_2_3() -> bool:
    """Whether the program is written for the package `keras` before 2.3."""
    return _standalone and _before_2_3


def set_number(
    number: int, standalone: bool = True, before_2_3: bool = False, masked_steps_count: bool = False
) -> None:
    """Set the era.

    Args:
        number: 1, 2 or 3.
        standalone: Whether the program imports `keras`, not `tensorflow.keras`.
        before_2_3: Whether a program of era 2 is for a release before Keras 2.3, or for TensorFlow 1.
        masked_steps_count: Whether it is for a release from 2.3 to 2.10, whose losses are means over masked steps, too.
    """
    global _number, _standalone, _before_2_3
    if number not in (1, 2, 3):
        raise ArgumentError(message("The era of a program", expected="1, 2 or 3", got=repr(number)))
    _number, _standalone, _before_2_3 = number, standalone, number == 1 or (number == 2 and before_2_3)
    activate(
        Conventions(
            losses_take_logits=not standalone or (number == 2 and not _before_2_3),  # as on TensorFlow, from 2.3 on
            logits_are_of_one_loss=standalone or _before_2_3,
            crossentropy_adds_epsilon=number == 2 and not is_package_before_2_3(),
            classes_are_clipped_first=number < 3,
            hinge_takes_labels=is_package_before_2_3(),
            mean_counts_nonzero_weights=is_package_before_2_3(),
            masked_values_count=number == 2 and (masked_steps_count or (not standalone and _before_2_3)),
            masks_weigh_metrics=number == 2,
            metrics_average_batches=is_package_before_2_3(),
            averages_start_from_weights=number == 2,
            float64_needs_64_bits=number < 3 or not standalone,
            frozen_weights_are_penalized=number < 3,
            accuracy_rounds=number < 3 and standalone,
            functions_keep_names=number < 3,
            scores_follow_outputs=number < 3,
            epochs_cross_passes=number < 3,
            sequences_start_again=number == 2 and not (standalone or _before_2_3),
            added_losses_count_batches=number == 2 and not standalone,
            configs_have_added_losses=not (standalone and number < 3),
            output_losses_average_batches=number == 2 and standalone != _before_2_3,
            folders_are_sorted=number < 3,
            epochs_are_completed=number == 1,
            groups_end_at_last_step=number < 3,
            first_equal_has_derivative=number < 3,
            assigned_weights_are_trained=number < 3 or not standalone,
            vectors_are_columns=is_before_tf_keras_2(),
            rates_may_be_negative=number < 3 or not standalone,
        )
    )


def called_by_gazelle(depth: int) -> bool:
    """Whether the code `depth` frames above the caller belongs to gazelle, which passes current arguments."""
    return str(sys._getframe(depth + 1).f_globals.get("__name__", "")).startswith("gazelle.")
