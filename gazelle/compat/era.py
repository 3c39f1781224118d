"""The era of this process, which is the version of Keras it emulates: 1 (up to 1.2), 2 (also tf.keras) or 3."""

from __future__ import annotations

import dataclasses
import sys
from types import FrameType
from typing import Any

from gazelle.core.conventions import Conventions, activate
from gazelle.core.errors import ArgumentError, message

#: result of a lookup that finds nothing, since None may be a value
NOTHING: Any = type("Nothing", (), {"__repr__": lambda self: "NOTHING"})()


@dataclasses.dataclass(frozen=True)
class Release:
    """The release of Keras that a program is written for, as far as releases differ.

    Args:
        number: The era: 1, 2 or 3.
        standalone: Whether the program imports `keras`, not `tensorflow.keras`, which differs in details.
        version: The release of Keras 2 that a program of era 2 shows, if any: (2, 2) for those before 2.3 and for
            TensorFlow 1, but that of TensorFlow itself if it is before 1.14; (2, 3) for 2.3 to 2.8 and (2, 9) to 2.10,
            whose losses are means over masked steps, too, and (2, 11) for those since 2.11, whose optimizers are those
            of Keras 3.
        tensorflow: The `__version__` of TensorFlow that the program tests for or its project requires, if any.
        keras: The same of the package `keras`.
    """

    number: int = 3
    standalone: bool = True
    version: tuple[int, int] | None = None
    tensorflow: str = ""
    keras: str = ""

    def __post_init__(self) -> None:
        if self.number not in (1, 2, 3):
            raise ArgumentError(message("The era of a program", expected="1, 2 or 3", got=repr(self.number)))
        if self.number != 2:
            object.__setattr__(self, "version", None)

    def is_between(self, oldest: tuple[int, int], newest: tuple[int, int]) -> bool:
        """Whether the version is shown and between two of them."""
        return self.version is not None and oldest <= self.version <= newest

    @property
    def is_before_2_3(self) -> bool:
        """Whether it is a release before Keras 2.3, or tf.keras of TensorFlow 1."""
        return self.number == 1 or self.is_between((0, 0), (2, 2))


_release = Release()


def release() -> Release:
    """The release that the process emulates."""
    return _release


def number() -> int:
    """The era: 1, 2 or 3."""
    return _release.number


def standalone() -> bool:
    """Whether the program imports the package `keras`, not `tensorflow.keras`, which differs in details."""
    return _release.standalone


def is_package_before_keras_3() -> bool:
    """Whether the program is written for the package `keras` 1 or 2."""
    return number() < 3 and standalone()


def is_before_tf_keras_2() -> bool:
    """Whether the program is written for the package `keras` 1 or 2, or for tf.keras of TensorFlow 1."""
    return is_package_before_keras_3() or is_before_2_3()


def is_tf_keras_2() -> bool:
    """Whether the program is written for `tensorflow.keras` of TensorFlow 2.0 to 2.15."""
    return number() == 2 and not standalone()


def has_keras_preprocessing() -> bool:
    """Whether images change as in Keras_Preprocessing: in Keras 1 and 2, and in a known tf.keras before 2.9."""
    return is_package_before_keras_3() or (not standalone() and _release.is_between((0, 0), (2, 8)))


def is_before_tf_keras_2_11() -> bool:
    """Whether the program is written for `tensorflow.keras` of TensorFlow 1, or its project requires 2.0 to 2.10."""
    return is_tf_keras_2() and _release.is_between((0, 0), (2, 10))


def is_tf_keras_since_2_11() -> bool:
    """Whether the program or its project shows `tensorflow.keras` of TensorFlow 2.11 to 2.15."""
    return is_tf_keras_2() and _release.is_between((2, 11), (2, 15))


def is_before_2_3() -> bool:
    """Whether the program is written for a release before Keras 2.3, or for tf.keras of TensorFlow 1."""
    return _release.is_before_2_3


def is_package_before_2_3() -> bool:
    """Whether the program is written for the package `keras` before 2.3."""
    return standalone() and is_before_2_3()


def is_package_2_3() -> bool:
    """Whether the project requires `keras` 2.3."""
    return standalone() and _release.is_between((2, 3), (2, 10))


def resets_metrics_after_batches() -> bool:
    """Whether `train_on_batch` resets metrics after its batch: in Keras 2.3 and in a known tf.keras before 2.9."""
    return is_package_2_3() or (not standalone() and _release.is_between((0, 0), (2, 8)))


def is_tf_keras_before_1_14() -> bool:
    """Whether the project requires TensorFlow before 1.14, whose optimizers and hinge losses are those of Keras 2.2."""
    return not standalone() and _release.is_between((0, 0), (1, 13))


def is_tf_keras_before_1_13() -> bool:
    """Whether the project requires TensorFlow before 1.13, whose penalties and logs are those of Keras 2.2."""
    return not standalone() and _release.is_between((0, 0), (1, 12))


def has_optimizers_of_keras_2_2() -> bool:
    """Whether optimizers have the rates of the package Keras 1 and 2."""
    return is_package_before_keras_3() or is_tf_keras_before_1_14()


def set_release(release: Release) -> None:
    """Let the process emulate a release."""
    global _release
    _release = release
    number, standalone, before_2_3 = release.number, release.standalone, release.is_before_2_3
    activate(
        Conventions(
            losses_take_logits=not standalone or (number == 2 and not before_2_3),  # as on TensorFlow, from 2.3 on
            logits_are_of_one_loss=standalone or before_2_3,
            crossentropy_adds_epsilon=number == 2 and not is_package_before_2_3(),
            classes_are_clipped_first=number < 3 or not standalone,
            hinge_takes_labels=is_package_before_2_3() or is_tf_keras_before_1_14(),
            mean_counts_nonzero_weights=is_package_before_2_3() or release.is_between((0, 0), (1, 11)),
            losses_count_samples={(1, 12): (), (1, 13): ("mean_squared_error",)}.get(release.version or (0, 0)),
            masked_values_count=release.is_between((2, 3), (2, 10))
            or (number == 2 and not standalone and before_2_3 and not is_tf_keras_before_1_13()),
            masks_weigh_metrics=number == 2,
            metrics_average_batches=is_package_before_2_3() or is_tf_keras_before_1_13(),
            metrics_are_of_every_output=number < 3,
            means_count_values=number == 2,
            averages_start_from_weights=number == 2,
            float64_needs_64_bits=number < 3 or not standalone,
            frozen_weights_are_penalized=number < 3,
            accuracy_rounds=number < 3 and standalone,
            functions_keep_names=number < 3,
            scores_follow_outputs=number < 3,
            outputs_are_numbered=number < 3,
            outputs_have_names_of_layers=number < 3,
            outputs_keep_structure=number == 2 and not standalone,
            epochs_cross_passes=number < 3,
            sequences_start_again=number == 2 and not (standalone or before_2_3),
            added_losses_count_batches=number == 2 and not (standalone or before_2_3),
            configs_have_added_losses=not (standalone and number < 3),
            output_losses_average_batches=number == 2 and standalone != before_2_3,
            folders_are_sorted=number < 3,
            epochs_are_completed=number == 1,
            groups_end_at_last_step=number < 3,
            first_equal_has_derivative=number < 3,
            assigned_weights_are_trained=number < 3 or not standalone,
            vectors_are_columns=is_before_tf_keras_2(),
            rates_may_be_negative=number < 3 or not standalone,
            binary_targets_broadcast=number < 3,
            weights_broadcast=number == 2 and not is_package_before_2_3(),
            masked_outputs_begin_as_zeros=number == 2 and not is_package_before_2_3(),
            vector_fans_are_roots=number < 3 and standalone,
            layers_are_appended_in_turn=number == 3,
            dicts_are_sorted=number == 2 and not standalone,
            keywords_take_modes=number == 2 and (not standalone or release.is_between((2, 11), (2, 15))),
            training_is_an_argument=number == 3,
            logs_are_sorted=number == 3,
            only_updated_metrics_are_first=number == 2 and not standalone,
            validation_logs_are_first=(number < 3 and standalone) or is_tf_keras_before_1_13(),
            convolutions_take_batch_axes=number == 2 and not standalone,
        )
    )


def reset() -> None:
    """Let the process emulate current Keras again, with the conventions of gazelle, for `uninstall()`."""
    global _release
    _release = Release()
    activate(Conventions())


def calling_frame(*others: str) -> FrameType:
    """The nearest frame of code that is neither of gazelle nor of modules that begin with one of `others`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(("gazelle.", *others)):
        frame = frame.f_back
    return frame


def called_by_gazelle(depth: int) -> bool:
    """Whether the code `depth` frames above the caller belongs to gazelle, which passes current arguments."""
    return str(sys._getframe(depth + 1).f_globals.get("__name__", "")).startswith("gazelle.")
