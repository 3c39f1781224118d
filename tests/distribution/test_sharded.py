"""Weights that are divided over processes: trained, stopped and resumed on other processes and devices."""

import os
import shutil

import numpy as np
import pytest


def _results(done):
    assert done.returncode == 0, done.stderr[-3000:]
    return [line for line in done.stdout.splitlines() if "Gloo" not in line and not line.startswith("Checkpoint")]


@pytest.mark.parametrize("cases", ["fsdp-cnn mp-transformer", "fsdp-mlp fsdp-lstm fsdp-transformer", "dp-transformer"])
def test_processes_equal_devices_and_resume_each_other(gazelle, tmp_path, cases):
    whole = _results(gazelle("sharded_program.py", "run", devices=2, CASES=cases, EPOCHS="3", FOLDER="whole"))
    logs = {case: (tmp_path / f"{case}.csv").read_text() for case in cases.split()}
    expected = {case: np.load(tmp_path / f"{case}.2.npy") for case in cases.split()}
    assert len(whole) == len(expected)
    _results(gazelle("sharded_program.py", "launch", "-n", "2", CASES=cases, EPOCHS="2", FOLDER="parts"))
    for other in ("devices", "three"):
        shutil.copytree(tmp_path / "parts", tmp_path / other)
    resumed = {"devices": ["run"], "parts": ["launch", "-n", "2"]}
    for folder, command in resumed.items() if "GAZELLE_SCALE" in os.environ else [("devices", ["run"])]:
        devices = 2 if command == ["run"] else 1
        again = gazelle("sharded_program.py", *command, devices=devices, CASES=cases, EPOCHS="3", FOLDER=folder)
        assert _results(again) == whole
    for case in logs:
        assert (tmp_path / f"{case}.csv").read_text() == logs[case]  # the main process alone writes it
        sharded = tmp_path / "parts" / f"{case}.sharded"
        kept = [path for path in sharded.iterdir() if path.is_dir()] if sharded.exists() else []
        assert bool(kept) == (not case.startswith("dp"))
        assert all(list(path.glob("default/ocdbt.process_1")) for path in kept)  # both processes wrote
    _results(gazelle("sharded_program.py", "run", devices=3, CASES=cases, EPOCHS="3", FOLDER="three"))
    for case, weights in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{case}.3.npy"), weights, atol=1e-6)
