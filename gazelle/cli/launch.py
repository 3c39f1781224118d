"""`gazelle launch`: start a program in several connected processes on this machine, and watch them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

_PATIENCE = 10.0  # seconds between the signal that stops the other processes and the one that kills them
_VARIABLE = "GAZELLE_LAUNCHED"


def launch(count: int, restarts: int, command: Sequence[str]) -> int:
    """Run `gazelle run` in `count` processes; if one fails, stop the others.

    Args:
        count: number of processes.
        restarts: how often all of them are started again after a failure.
        command: the arguments of `gazelle run`.

    Returns:
        The exit code: 0, or that of the first process that failed.
    """
    code = _attempt(count, command)
    for attempt in range(1, restarts + 1):
        if code in (0, 130, 128 + signal.SIGTERM):  # it ended, or somebody stopped it
            break
        print(f"gazelle launch: starting again ({attempt} of {restarts})", file=sys.stderr)
        code = _attempt(count, command)
    return code


def begin() -> None:
    """Connect a process that `launch` started to the others, with data parallelism unless the program sets another."""
    if os.environ.get(_VARIABLE):
        from gazelle import distribution

        distribution.initialize()
        distribution.set_distribution(distribution.DataParallel())


def _attempt(count: int, command: Sequence[str]) -> int:
    address = f"127.0.0.1:{_free_port()}"
    processes = [_start(number, count, address, command) for number in range(count)]
    try:
        code = _wait(processes)
    except KeyboardInterrupt:  # the terminal has sent it to all of them
        code = 130
    finally:
        _stop(processes)
    return code


def _start(number: int, count: int, address: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
    env = os.environ | {
        _VARIABLE: "1",
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count),
        "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
    }
    shown = None if number == 0 else subprocess.DEVNULL  # the others would print the same
    return subprocess.Popen([sys.executable, "-m", "gazelle", "run", *command], env=env, stdout=shown)


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    """The exit code of the first process that fails; 0 once all have ended."""
    while True:
        codes = [process.poll() for process in processes]
        for number, code in enumerate(codes):
            if code:
                ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                print(
                    f"gazelle launch: process {number} of {len(processes)} {ended}; the others are stopped.\n"
                    "fit(..., resume=True) continues from the last checkpoint.",
                    file=sys.stderr,
                )
                return 128 - code if code < 0 else code
        if None not in codes:
            return 0
        time.sleep(0.1)


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Terminate the processes that still run, and kill those that do not end, as one may wait for another."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + _PATIENCE
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
