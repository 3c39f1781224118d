"""More than three hundred invalid inputs: each is reported within seconds by an error that names it."""

import os
import signal
import time
import warnings

import pytest

from tests.torture.bad import arguments, building, data, streams

TABLES = {"data": data, "arguments": arguments, "building": building, "streams": streams}
CASES = {f"{namespace}: {name}": case for namespace, table in TABLES.items() for name, case in table.CASES.items()}
SECONDS = 10
LONGEST = 700  # characters of what is said

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs an alarm clock")


def outcome(case):
    """("error", it), ("warning", what it says), ("silent", the value) or ("late", "") of a call."""

    def late(number, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                value = case[0]()
            except TimeoutError:
                return "late", ""
            except Exception as error:
                return "error", error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    said = "\n".join(str(one.message) for one in told)
    return ("warning", said) if said else ("silent", value)


def text_of(said):
    """What is read in a terminal: the error and its notes, JAX's about itself aside."""
    notes = [note for note in getattr(said, "__notes__", []) if "JAX" not in note]
    return "\n".join([str(said), *notes])


@pytest.mark.parametrize("namespace", TABLES)
def test_none_is_silent_and_each_is_named(namespace, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.path.abspath(os.path.join(__file__, "../../.."))]))
    unclear, slowest = {}, 0.0
    for name, case in TABLES[namespace].CASES.items():
        begun = time.monotonic()
        kind, said = outcome(case)
        slowest = max(slowest, time.monotonic() - begun)
        assert kind in ("error", "warning"), (name, kind, said)
        text = text_of(said)
        missing = [word for word in case[1].split("|") if word not in text]
        if missing or len(text) > LONGEST:
            unclear[name] = (missing, text)
    print(f"{namespace}: {len(TABLES[namespace].CASES)} bad inputs, {len(unclear)} unclear, slowest {slowest:.1f} s")
    assert not unclear
    assert slowest < SECONDS


def test_there_are_enough():
    assert len(CASES) >= 300
