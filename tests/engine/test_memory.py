"""The process retains the memory of a program between calls."""

import subprocess
import sys

import pytest

from gazelle.engine import malloc

PROGRAM = """
import resource
import jax, jax.numpy as jnp
from gazelle import engine

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

program = engine.compile(lambda x: jax.lax.optimization_barrier(jnp.arange(2e7) + x).sum())  # 80 MB in between
counts = []
for _ in range(9):  # the first ones touch new pages, also where one begins before the memory of the last is free
    begun = faults()
    program(1.0).block_until_ready()
    counts.append(faults() - begun)
print(sorted(counts)[4])
"""


@pytest.mark.skipif(
    not malloc.retain_freed_memory.__wrapped__(), reason="no GNU library, or an allocator set up by hand"
)
def test_later_calls_touch_no_new_page():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000  # the system's pages are of 4 KiB: without keeping it is 20,000


def test_an_allocator_that_is_set_up_is_left_alone(monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=1")
    assert not malloc.retain_freed_memory.__wrapped__()
