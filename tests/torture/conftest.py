"""Simulated faults: every call that accesses the disk can raise, be incomplete, or end the process."""

import builtins
import errno
import os

import pytest

from gazelle.saving import atomic

#: `make torture` runs the long part
LONG = bool(os.environ.get("GAZELLE_TORTURE"))


class Killed(BaseException):
    """The process is gone: nothing that follows reaches the disk, no clean-up either."""


class Machine:
    """Counts the calls that change the disk; number `at` fails in the way `how`: "error", "short" or "kill"."""

    def __init__(self, monkeypatch, at=0, how="error", namespace=None):
        self.at, self.how, self.namespace, self.count, self.dead, self.trace = at, how, namespace, 0, False, []
        self.names = {}
        for name in ("fsync", "replace", "remove", "open", "close"):
            monkeypatch.setattr(os, name, self._guarded(name, getattr(os, name)))
        monkeypatch.setattr(atomic, "open", self._open, raising=False)

    def tick(self):
        if self.dead:
            raise Killed
        self.count += 1
        if self.count == self.at:
            if self.how == "kill":
                self.dead = True
                raise Killed
            raise OSError(errno.EIO, "Input/output error")

    def _guarded(self, name, function):
        def call(*args, **kwargs):
            self.tick()
            result = function(*args, **kwargs)
            if name in ("replace", "remove"):
                self.trace.append((name, *map(os.fspath, args)))
            elif name == "fsync" and args[0] in self.names:
                self.trace.append(("fsync", self.names[args[0]]))
            elif name == "fsync":
                self.trace.append(("fsync folder",))
            return result

        return call

    def _open(self, path, mode="r", *args, **kwargs):
        if "x" not in mode:
            return builtins.open(path, mode, *args, **kwargs)
        self.tick()
        self.trace.append(("create", os.fspath(path)))
        return Torn(builtins.open(path, mode, *args, **kwargs), self)


class Torn:
    """A file whose failing write leaves half of its bytes behind."""

    def __init__(self, file, machine):
        self.file, self.machine, self.name, self.size = file, machine, file.name, 0
        machine.names[file.fileno()] = self.name

    def write(self, data):
        data = bytes(data)
        if self.machine.namespace is not None and len(data) > self.machine.namespace:
            self.file.write(data[: self.machine.namespace])
            self.machine.namespace = 0
            raise OSError(errno.ENOSPC, "No space left on device")
        try:
            self.machine.tick()
        except BaseException:
            self.file.write(data[: len(data) // 2])
            raise
        if self.machine.how == "short" and self.machine.count % 2 and len(data) > 1:  # the system may take less
            data = data[: len(data) // 2]
        if self.machine.namespace is not None:
            self.machine.namespace -= len(data)
        self.machine.trace.append(("write", self.name, self.size, data))
        self.size += len(data)
        return self.file.write(data)

    def flush(self):
        self.machine.tick()

    def fileno(self):
        return self.file.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.machine.names.pop(self.file.fileno(), None)
        self.file.close()
        self.machine.tick()


@pytest.fixture
def machine(monkeypatch):
    """machine(at, how): a machine that fails, until the with-block ends."""

    def make(**options):
        context = monkeypatch.context()
        return _Running(context, options)

    return make


class _Running:
    def __init__(self, context, options):
        self.context, self.options = context, options

    def __enter__(self):
        return Machine(self.context.__enter__(), **self.options)

    def __exit__(self, kind, error, trace):
        self.context.__exit__(None, None, None)
        return kind is not None and issubclass(kind, Killed)


@pytest.fixture
def long():
    """Whether this is the long run."""
    return LONG
