"""Conventions of results and names in which a process may differ; the defaults are those of current Keras."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Conventions:
    """One record for the process, which is a part of the key of compiled programs.

    Attributes:
        losses_take_logits: `ops.sigmoid` and `ops.softmax` attach their input z to their result, and losses take it.
            The gradient of categorical crossentropies of z is softmax(z) - y, also where the sum of y is not 1.
        logits_are_of_one_loss: Binary crossentropies take the logits of a sigmoid alone, categorical ones of a softmax.
        crossentropy_adds_epsilon: Binary crossentropies are means of log(p + epsilon) of clipped p, not of log(p).
        classes_are_clipped_first: Sparse categorical crossentropies clip probabilities before they are scaled to sum 1.
        hinge_takes_labels: Hinge losses take labels as they are: 0 is not converted to -1.
        mean_counts_nonzero_weights: A weighted mean of a loss divides by the number of weights that are not 0.
        losses_count_samples: Names of functions as losses, of which a weighted mean divides by the number of values;
            that of all others divides by the sum of the weights. None is all of them.
        masked_values_count: The mean of a loss divides by the number of all values, also of masked ones, which are 0.
        masks_weigh_metrics: The mask of an output is a factor of the weights of all metrics, also of those that are no
            means.
        metrics_average_batches: A metric that is a mean of values has one value for each batch, reduced as a loss is,
            and is the mean of these by the number of samples; "weighted_" is in the name of a weighted one.
        metrics_are_of_every_output: A metric, or a list of metrics without lists in it, is computed for every output,
            else each entry of the list belongs to one output.
        means_count_values: A metric that is a mean counts all values, not one for each sample.
        averages_start_from_weights: The averages of `use_ema` begin as the weights before the first update.
        float64_needs_64_bits: A policy of float64 switches JAX to 64 bits, instead of an error or float32.
        frozen_weights_are_penalized: Regularizers of weights that are not trained are a part of the loss.
        accuracy_rounds: Binary accuracy compares labels with rounded predictions, also with -1 or 3.
        functions_keep_names: A metric that is a function has its name as it is, not in snake case.
        scores_follow_outputs: The logs list losses and metrics in the order of the outputs, and `<output>_loss` also
            where one of several outputs has a loss; else losses in the order of a dict, and metrics by name.
        outputs_are_numbered: The logs of a list of outputs without names have names such as `output_1_loss`; else
            losses have their own names and metrics no prefix.
        outputs_have_names_of_layers: The logs of a dict of outputs have the names of the layers; else its keys.
        outputs_keep_structure: A model returns a tuple of one output, and nested lists, as they are; a list with one
            tensor in all is its only part. Else a list or tuple of one part is that part.
        epochs_cross_passes: An epoch with `steps_per_epoch` continues in the next pass over the samples or batches.
        sequences_start_again: Each epoch of a `PyDataset` begins with its first batch, also with `steps_per_epoch`.
        added_losses_count_batches: Without a loss in `compile`, that of the logs is a mean over batches, not samples.
        configs_have_added_losses: The config of a model contains the tensors given to `add_loss` and `add_metric`.
        output_losses_average_batches: The loss of one of several outputs is a mean of those of the batches, also of a
            smaller last one.
        folders_are_sorted: Datasets of folders read these in the order of their names, not in that of `class_names`.
        epochs_are_completed: A training that a callback stops ends after the epoch, not after the batch.
        groups_end_at_last_step: Callbacks get the index of the last step of an incomplete group of
            `steps_per_execution`, not that of the last step of a complete one.
        first_equal_has_derivative: Of two equal numbers the maximum or minimum has the derivative of the first one,
            not half of each; that of a leaky ReLU at 0 is the one of negative numbers, and that of |x| is 0, as it
            is in TensorFlow.
        assigned_weights_are_trained: A weight that `call` assigns is trained from the assigned value on, and the
            assignment has no gradient, as in TensorFlow; else the value holds for the call alone, with its gradient.
        vectors_are_columns: Data (n,) are (n, 1) for an input of two axes, also if the size of the second is unknown.
        rates_may_be_negative: Optimizers take negative learning rates, with which they increase the loss.
        binary_targets_broadcast: In programs, targets of binary crossentropies that only broadcast are a warning.
        weights_broadcast: Sample weights may have two or more axes more than the values, which are broadcast then.
        masked_outputs_begin_as_zeros: A recurrent layer returns zeros before the first step that is not masked, not
            the initial state.
        vector_fans_are_roots: The fan-in and the fan-out of a weight of one axis, or of more than five, are the square
            root of its size.
        layers_are_appended_in_turn: Layers that are appended to several lists of a layer are in the order in which they
            were appended, not list by list.
        dicts_are_sorted: Layers and weights in a dict of a user-defined layer are in the order of their keys.
        keywords_take_modes: A `call` with `**kwargs` receives `training`, and `mask` where the inputs have one.
        training_is_an_argument: `fit` calls a model whose own `call` has no argument `training` as in inference.
        logs_are_sorted: Logs are in alphabetical order, those of the validation last; else the loss is first.
        only_updated_metrics_are_first: Of the values that a user-defined step returns, those of metrics that it updates
            are first, the others follow by name; else the loss and the metrics of `compile` are always first.
        validation_logs_are_first: The logs of an epoch begin with those of the validation.
        convolutions_take_batch_axes: Conv1D, Conv2D and Conv3D take several batch axes, such as the frames of videos.
    """

    losses_take_logits: bool = False
    logits_are_of_one_loss: bool = False
    crossentropy_adds_epsilon: bool = False
    classes_are_clipped_first: bool = False
    hinge_takes_labels: bool = False
    mean_counts_nonzero_weights: bool = False
    losses_count_samples: tuple[str, ...] | None = None
    masked_values_count: bool = False
    masks_weigh_metrics: bool = False
    metrics_average_batches: bool = False
    metrics_are_of_every_output: bool = False
    means_count_values: bool = False
    averages_start_from_weights: bool = False
    float64_needs_64_bits: bool = False
    frozen_weights_are_penalized: bool = False
    accuracy_rounds: bool = False
    functions_keep_names: bool = False
    scores_follow_outputs: bool = False
    outputs_are_numbered: bool = False
    outputs_have_names_of_layers: bool = False
    outputs_keep_structure: bool = False
    epochs_cross_passes: bool = False
    sequences_start_again: bool = False
    added_losses_count_batches: bool = False
    configs_have_added_losses: bool = True
    output_losses_average_batches: bool = False
    folders_are_sorted: bool = False
    epochs_are_completed: bool = False
    groups_end_at_last_step: bool = False
    first_equal_has_derivative: bool = False
    assigned_weights_are_trained: bool = False
    vectors_are_columns: bool = False
    rates_may_be_negative: bool = False
    binary_targets_broadcast: bool = False
    weights_broadcast: bool = False
    masked_outputs_begin_as_zeros: bool = False
    vector_fans_are_roots: bool = False
    layers_are_appended_in_turn: bool = True
    dicts_are_sorted: bool = False
    keywords_take_modes: bool = False
    training_is_an_argument: bool = False
    logs_are_sorted: bool = False
    only_updated_metrics_are_first: bool = False
    validation_logs_are_first: bool = False
    convolutions_take_batch_axes: bool = False


#: the conventions of the process, to be read as `conventions.active`
active = Conventions()


def activate(conventions: Conventions) -> None:
    """Set the conventions of the process.

    >>> from gazelle.core import conventions
    >>> conventions.activate(Conventions(functions_keep_names=True))
    >>> conventions.active.functions_keep_names
    True
    >>> conventions.activate(Conventions())
    """
    global active
    active = conventions
