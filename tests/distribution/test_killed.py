"""A process that is killed or told to stop at any step: the job ends with one message, and continues where it was."""

import itertools
import os
import random
import re

import numpy as np
import pytest

LONG = "GAZELLE_SCALE" in os.environ  # make scale
KILLED = (
    "gazelle launch: process {} of {} was killed by signal 9; the others are stopped.\n"
    "fit(..., resume=True) continues from the last checkpoint.\n"
)


def _plain(text):
    """What a user sees, without the line of the CPU's collectives."""
    return "".join(line for line in text.splitlines(True) if "Gloo" not in line)


@pytest.fixture
def battery(gazelle, tmp_path):
    """Run the program, and compare the weights at its end with those of an undisturbed run in one process."""
    whole, numbers = {}, itertools.count()

    def start(devices, *command, **env):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        done = gazelle("killed_program.py", *command, devices=devices, FOLDER=str(folder), **env)
        return done, folder / "weights.npy"

    def run(strategy, victim, step, *options, number=9, delay=0, processes=2, **env):
        key = strategy, processes
        if key not in whole:
            done, path = start(processes, "run", STRATEGY=strategy, EPOCHS=env.get("EPOCHS", "4"))
            assert done.returncode == 0, done.stderr[-3000:]
            whole[key] = np.load(path)
        env = {"STRATEGY": strategy, "KILL": f"{victim} {step} {number} {delay}", **env}
        done, path = start(1, "launch", "-n", str(processes), *options, **env)
        if path.exists():
            kept = [name for name in os.listdir(path.parent / "backup") if name.endswith(".sharded")]
            assert bool(kept) == (strategy == "fsdp")
            for name in kept:  # of complete checkpoints, the last two
                assert len([f for f in os.listdir(path.parent / "backup" / name) if f.isdigit()]) == 2
            np.testing.assert_allclose(np.load(path), whole[key], atol=0 if "--at-least" not in options else 1e-6)
        return done

    return run


def _ended(done, epochs=4):
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1].startswith(f"end {epochs} ")


@pytest.mark.parametrize(("strategy", "victim", "delay"), [("fsdp", 0, 0), ("dp", 1, 0), ("fsdp", 1, 2)])
def test_a_killed_process_is_started_again(battery, strategy, victim, delay):
    done = battery(strategy, victim, random.randint(2, 24), "--restarts", "1", delay=delay)
    assert _ended(done)
    again = "gazelle launch: starting again (1 of 1), 2 processes\n"
    assert _plain(done.stderr) == KILLED.format(victim, 2) + again, done.stderr


@pytest.mark.skipif(not LONG, reason="make scale")
@pytest.mark.parametrize("part", range(10))
def test_a_hundred_kills(battery, part):
    draw = random.Random(f"{os.environ.get('GAZELLE_SCALE')} {part}")
    # each in a new start of all processes: after a step, or some milliseconds later in a step
    kills = [(draw.randrange(2), draw.randint(1, 8), draw.choice([0, 2, 5, 20])) for _ in range(10)]
    text = ",".join(f"{victim} {step} 9 {delay}" for victim, step, delay in kills)
    done = battery(["fsdp", "dp"][part % 2], 0, 0, "--restarts", "10", KILL=text, EPOCHS="12")
    assert _ended(done, 12)
    again = [f"gazelle launch: starting again ({number} of 10), 2 processes\n" for number in range(1, 11)]
    expected = "".join(KILLED.format(kill[0], 2) + line for kill, line in zip(kills, again, strict=True))
    assert _plain(done.stderr) == expected, done.stderr


@pytest.mark.skipif(not LONG, reason="make scale")
@pytest.mark.parametrize("strategy", ["fsdp", "dp"])
def test_the_job_continues_with_who_is_left_and_with_all_again(battery, strategy):
    kills = "2 9 9 0,0 5 9 0"  # process 2 in step 9; then, of the other two, process 0 in the fifth step
    done = battery(strategy, 0, 0, "--restarts", "2", "--at-least", "2", processes=3, KILL=kills)
    assert _ended(done)
    assert "starting again (1 of 2), 2 processes" in done.stderr
    assert "starting again (2 of 2), 3 processes" in done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 3")


@pytest.mark.skipif(not LONG, reason="make scale")
def test_sigterm_to_one_process_stops_all_at_the_same_step(battery):
    done = battery("fsdp", 1, 13, number=15)
    assert done.returncode == 143
    assert re.search(r"Stopped in epoch 2, step 5; saved\. The next fit continues\.", done.stderr), done.stderr


@pytest.mark.skipif(not LONG, reason="make scale")
@pytest.mark.parametrize(("strategy", "victim"), [("fsdp", 0), ("fsdp", 1), ("dp", 1)])
def test_a_process_that_hangs_ends_the_job_with_one_message(battery, strategy, victim):
    done = battery(strategy, victim, 9, number=19, GAZELLE_HEARTBEAT="10")
    assert done.returncode == 75
    assert _plain(done.stderr) == (
        f"gazelle launch: process {victim} of 2 does not answer; the others are stopped.\n"
        "fit(..., resume=True) continues from the last checkpoint.\n"
    )


@pytest.mark.skipif(not LONG, reason="make scale")
def test_a_straggler_changes_nothing(battery):
    done = battery("fsdp", -1, -1, SLOW="0.05")
    assert _ended(done)
