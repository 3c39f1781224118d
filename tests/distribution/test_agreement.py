"""Stops, rates and the ends of data are the same in all processes, whichever of them they come from."""

import json

POINTS = (
    "The processes are at different points of the program: expected each of them at the same one, got process 0 at {}, "
    "process 1 at {}."
)
OTHER = "The {} of process 1: expected the same as in process 0, got {}."
EXPECTED = {  # steps, then epochs and the learning rate, or the error
    "a batch callback of process 1 stops": [3, 1, 0.1],
    "an epoch callback of process 1 stops": [16, 3, 0.1],
    "process 0 sets the rate": [32, 4, 0.01],
    "process 1 sets the rate": [32, 4, 0.01],
    "a generator of process 1 ends early": [7, 2, 0.01],
    "a dataset of process 1 is shorter": [6, 2, 0.01],
    "other lengths": [
        0,
        "DataError",
        OTHER.format("number of samples or batches", "other values"),
    ],
    "other shapes": [2, "DataError"],
    "a straggler": [24, 3, 0.01],
    "NaN": [6, "DataError"],
    "the loss diverges": [1, 1, 2.0**126],
    "read by one process": [
        -129,
        "StateError",
        POINTS.format("the reading of 'dense/kernel'", "the start of evaluate"),
    ],
    "a batch of one process": [0, "StateError", POINTS.format("train_on_batch", "test_on_batch")],
    "trained by one process": [0, "StateError", POINTS.format("the start of fit", "the start of predict")],
    "other weights, FSDP": [0, "StateError", OTHER.format("weights", "other values")],
    "other weights, DataParallel": [0, "StateError", OTHER.format("weights", "other values")],
    "other seeds": [0, "StateError", OTHER.format("settings", "seed: 3 in process 0, 4 in process 1")],
    "own parts": [0, 48, True],  # the losses and outputs of whole batches
    "a short own part": [13, "DataError"],
}
SHAPES = (
    "A batch of epoch 1: expected the same shape in all processes, got [(({0}, 4), 'float32'), (({0}, 2), 'float32')] "
)


def test_all_processes_decide_alike(gazelle, tmp_path):
    done = gazelle("agreement_program.py", "launch", "-n", "2")
    assert done.returncode == 143, done.stderr[-3000:]  # by SIGTERM to process 1
    assert done.stderr.count("Stopped in epoch 1, step 3; saved. fit(..., resume=True) continues.\n") == 1
    both = [json.loads((tmp_path / f"seen.{number}").read_text()) for number in range(2)]
    assert both[0]["evaluated"] == both[1]["evaluated"]
    for number, seen in enumerate(both):
        assert seen.pop("predicted") == [24, 13]
        assert seen.pop("evaluated") > 0
        assert seen["other shapes"][2].startswith(SHAPES.format(8 - 2 * number))
        before, found = 0, {}
        for name, (steps, *result) in seen.items():
            result = [round(value, 5) if isinstance(value, float) and value < 1 else value for value in result]
            found[name] = [steps - before, *result][: len(EXPECTED[name])]
            before = steps
        assert found == EXPECTED
    assert "ended early" in done.stderr
    assert "The loss became" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} >= {"best.keras", "logs", "seen.0", "seen.1"}
