"""`gazelle launch`: start a program in several connected processes on this machine, and watch them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from gazelle.core.errors import LOST

_PATIENCE = 10.0  # seconds between the signal that stops the other processes and the one that kills them
_SECOND_LOOK = 0.2  # seconds
_CONSEQUENCE = 2  # the rank of exit codes from which another process is the cause
_VARIABLE = "GAZELLE_LAUNCHED"
_STOPPED = (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)  # exit codes after which nothing is started again
_LINES = 40  # of the error of a process that failed
#: a line of JAX about another process that does not answer; what follows it comes from the end of the process
_CONSEQUENCES = re.compile(rb"^[EF]\d{4} [\d:.]+ +\d+ (coordination_service\w*\.cc|client\.h):\d+\]", re.MULTILINE)
#: (variable with the number of processes, another one that is set with it) by launcher; the first one found counts
_CLUSTERS = (
    ("KERAS_DISTRIBUTION_NUM_PROCESSES", "KERAS_DISTRIBUTION_PROCESS_ID"),
    ("SLURM_NTASKS", "SLURM_STEP_NODELIST"),  # of a step that srun started
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
)


def launch(count: int, restarts: int, command: Sequence[str], least: int | None = None) -> int:
    """Run `gazelle run` in `count` processes; if one fails, stop the others.

    Args:
        count: number of processes.
        restarts: how often they are started again after a failure.
        command: the arguments of `gazelle run`.
        least: with how many processes the program continues while one that failed is left out; it takes part again
            after the next failure. By default all are started again.

    Returns:
        The exit code: 0, or that of the first process that failed.
    """
    number = count
    with _terminable():
        code = _attempt(number, command)
        for attempt in range(1, restarts + 1):
            if code in _STOPPED:
                break
            number = count if number < count or least is None else max(count - 1, least)
            print(f"gazelle launch: starting again ({attempt} of {restarts}), {number} processes", file=sys.stderr)
            code = _attempt(number, command)
    return code


def begin() -> None:
    """Connect this process to the others of its job, if it was started by `launch` or a launcher of a cluster.

    It then has data parallelism, unless the program sets another distribution.
    """
    found = [os.environ[size] for size, other in _CLUSTERS if size in os.environ and other in os.environ]
    if found and found[0] != "1":
        from gazelle import distribution

        distribution.initialize()
        distribution.set_distribution(distribution.DataParallel())


def end(error: BaseException) -> None:
    """End this process as one of its job, if it is one, after an error of its program."""
    if (processes := sys.modules.get("gazelle.engine.processes")) is not None:
        processes.end(error)


def _attempt(count: int, command: Sequence[str]) -> int:
    address = f"127.0.0.1:{_free_port()}"
    with contextlib.ExitStack() as stack:
        errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(1, count)]  # the first one's are shown
        processes = [_start(number, count, address, command, errors) for number in range(count)]
        shown = threading.Thread(target=_show, args=[processes[0].stderr], daemon=True)
        shown.start()
        try:
            return _wait(processes, errors, lambda: shown.join(1.0))
        except KeyboardInterrupt:  # the terminal has sent it to all of them
            return 128 + signal.SIGINT
        except SystemExit:
            return 128 + signal.SIGTERM
        finally:
            _stop(processes)


def _start(
    number: int, count: int, address: str, command: Sequence[str], errors: Sequence[IO[bytes]]
) -> subprocess.Popen[bytes]:
    env = os.environ | {
        _VARIABLE: "1",
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count),
        "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
    }
    # the other processes would print the same
    shown = (None, subprocess.PIPE) if number == 0 else (subprocess.DEVNULL, errors[number - 1])
    command = [sys.executable, "-m", "gazelle", "run", *command]
    return subprocess.Popen(command, env=env, stdout=shown[0], stderr=shown[1])


def _show(stream: IO[bytes]) -> None:
    """Show the error output of the first process up to the lines of JAX about another one, which `_wait` reports."""
    while text := os.read(stream.fileno(), 2**16):
        found = _CONSEQUENCES.search(text)
        sys.stderr.buffer.write(text[: found.start()] if found else text)
        sys.stderr.buffer.flush()
        if found:
            break
    stream.read()  # a process that cannot write would wait


def _wait(
    processes: Sequence[subprocess.Popen[bytes]], errors: Sequence[IO[bytes]], shown: Callable[[], None] = lambda: None
) -> int:
    """The exit code of the process whose failure ended the job; 0 once all have ended.

    shown: waits until the errors of the first one are shown.
    """
    while True:
        codes = _codes(processes)
        if any(codes):
            number = min((n for n, code in enumerate(codes) if code), key=lambda n: _rank(codes[n] or 0))
            code = codes[number] or 0
            if _rank(code) >= _CONSEQUENCE and None in codes:
                number, code, ended = codes.index(None), LOST, "does not answer"
            elif code < 0:
                ended = f"was killed by signal {-code}"
            else:
                ended = f"ended with exit code {code}"
            shown()
            if number and code > 0:
                errors[number - 1].seek(0)
                sys.stderr.write("".join(errors[number - 1].read().decode(errors="replace").splitlines(True)[-_LINES:]))
            print(
                f"gazelle launch: process {number} of {len(processes)} {ended}; the others are stopped.\n"
                "fit(..., resume=True) continues from the last checkpoint.",
                file=sys.stderr,
            )
            return 128 - code if code < 0 else code
        if None not in codes:
            return 0
        time.sleep(0.1)


def _codes(processes: Sequence[subprocess.Popen[bytes]]) -> list[int | None]:
    """The exit codes; after a failure with that of its cause, which may be seen after those of its consequences."""
    codes = [process.poll() for process in processes]
    deadline = time.monotonic() + _PATIENCE
    while any(codes):
        time.sleep(_SECOND_LOOK)
        codes = [process.poll() for process in processes]
        found = any(code and _rank(code) < _CONSEQUENCE for code in codes)
        if found or None not in codes or time.monotonic() > deadline:
            break
    return codes


def _rank(code: int) -> int:
    """A key that puts exit codes of causes first; JAX aborts a process without connection to the first one."""
    if code in (LOST, -signal.SIGABRT):
        return _CONSEQUENCE + (code == LOST)
    return int(code > 0)


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


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """A block in which SIGTERM stops the processes, too."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
