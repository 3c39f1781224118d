"""`kill -9` at any moment: the checkpoint is found again, and a second process has separate files."""

import os
import subprocess
import sys
import textwrap

import pytest

#: one process imports gazelle, its children write until they are killed
SOAK = """
import os, random, select, signal, sys, time
import numpy as np
from gazelle.saving.autosave import Autosave
from gazelle.saving.checkpoint_paths import newest
from gazelle.saving.checkpoint_paths import NoCheckpointError

def state(value):
    return {"params/w": np.random.default_rng(value).normal(size=(200, 100)).astype("float32")}

rng, lost, seen = random.Random(0), 0, 0
for kill in range(int(sys.argv[1])):
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(read)
        autosave = Autosave("m", every_seconds=0)
        try:
            value = autosave.newest()[1]["value"]
        except NoCheckpointError:
            value = 0
        while True:
            value += 1
            autosave._rotation.write(state(value), {"value": value})
            os.write(write, value.to_bytes(8, "little"))
    os.close(write)
    if rng.random() < 0.9:  # else it may be killed before its first write
        select.select([read], [], [], 60)
    time.sleep(rng.uniform(0, 0.03))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    data = b""
    while part := os.read(read, 2**16):
        data += part
    os.close(read)
    finished = int.from_bytes(data[-8:], "little") if data else seen
    if not finished:
        continue
    tensors, words, _ = newest("m")
    same = (tensors["params/w"] == state(words["value"])["params/w"]).all()
    if words["value"] < max(finished, seen) or not same:
        lost += 1
    seen = max(seen, words["value"])
autosave = Autosave("m")
autosave.finish(lambda: (state(0), {"value": 0}))
names = [n for n in os.listdir(os.path.dirname(autosave.path)) if ".tmp." in n]
print(lost, seen, len(names))
"""


def _run(script, *arguments):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        cwd=os.getcwd(),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_a_soak_of_kills(long):
    lost, written, stray = map(int, _run(SOAK, "1000" if long else "20"))
    assert lost == 0
    assert written > 0
    assert stray == 0


TWO = """
import os, sys, time
import numpy as np
from gazelle.saving.autosave import Autosave
from gazelle.saving.checkpoint_paths import newest

children = []
for name in "ab":
    if (pid := os.fork()) == 0:
        autosave = Autosave("m", every_seconds=0)
        time.sleep(0.3)  # both are open
        for value in range(30):
            autosave._rotation.write({"w": np.full(500, ord(name), "float32")}, {"name": name, "value": value})
        tensors, words, path = autosave.newest()
        os._exit(0 if words == {"name": name, "value": 29} and (tensors["w"] == ord(name)).all() else 1)
    children.append(pid)
reads = 0
while children:
    done, status = os.waitpid(children[0], os.WNOHANG)
    if done:
        assert status == 0, status
        children.pop(0)
    try:
        tensors, words, _ = newest("m")
    except FileNotFoundError:
        continue
    assert (tensors["w"] == ord(words["name"])).all()
    reads += 1
print(reads)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_two_processes_of_one_program_never_mix():
    assert int(_run(TWO)[0]) > 0
