"""Create .venv with the newest usable Python and install gazelle into it, with the given extras.

    python3 scripts/environment.py            only gazelle
    python3 scripts/environment.py examples   with the requirements of the examples
    python3 scripts/environment.py dev        with the requirements of tests and checks

Runs on Python 3.8 or newer with the standard library only. A stamp in .venv makes the second call immediate; a changed
pyproject.toml installs again. GAZELLE_PYTHON=python3.12 (a command or a path) selects a Python.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
STAMP = HOME / "gazelle.json"
BIN = HOME / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
OLDEST, NEWEST = (3, 11), (3, 14)
PAUSE = 10  # seconds between two lines about progress in a file or pipe
MINORS = range(NEWEST[1], OLDEST[1] - 1, -1)

#: Printed by a candidate; without ssl and zlib nothing can be installed, without ctypes NumPy cannot be imported.
PROBE = """
import sys, ssl, zlib, ctypes, sysconfig
free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(sys.implementation.name, int(free), *sys.version_info[:3])
"""


class NoEnvironmentError(Exception):
    """No environment could be created; the message states what was tried and a fix."""


def run(*command: object) -> tuple[bool, str]:
    """Run a command; return whether it succeeded, and its output."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")}
    try:
        done = subprocess.run(
            [str(c) for c in command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except OSError as error:
        return False, str(error)
    return done.returncode == 0, (done.stdout or "").strip()


def run_with_progress(*command: object) -> bool:
    """Run pip; show the package that it reads, in one changing line on a terminal, and its output if it fails."""
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")}
    terminal, lines, count, shown = sys.stdout.isatty(), [], 0, time.monotonic()
    pipe = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen([str(c) for c in command], env=environ, text=True, **pipe) as process:
        for line in process.stdout or ():
            lines.append(line)
            parts = line.split()
            if parts[:1] in (["Collecting"], ["Downloading"], ["Installing"], ["Building"]):
                count += parts[0] == "Collecting"
                status = f"{' '.join(parts)[:60]} (package {count})"
                if terminal:
                    print(f"\r\x1b[K  {status}", end="", flush=True)
                elif time.monotonic() - shown > PAUSE:
                    shown = time.monotonic()
                    log(status)
    if terminal:
        print("\r\x1b[K", end="", flush=True)
    if process.returncode:
        print("".join(lines[-40:]), flush=True)
    return process.returncode == 0


def version(python: object) -> tuple[int, ...] | None:
    """The version, such as (3, 13, 1), of a Python that runs and is usable; otherwise None."""
    ok, output = run(python, "-c", PROBE)
    parts = output.split()
    if not ok or len(parts) != 5 or parts[0] != "cpython" or parts[1] == "1":
        return None  # a shim without a version, a build without ssl, PyPy, or one without the GIL (h5py has no wheel)
    return tuple(int(p) for p in parts[2:])


def candidates() -> list[str]:
    """Every python3.N and python3 on PATH and under pyenv, each file once, except those of .venv."""
    folders = [f for f in os.environ.get("PATH", "").split(os.pathsep) if f]
    folders += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin")), reverse=True)
    names = [*(f"python3.{minor}" for minor in MINORS), "python3", "python"]
    found: dict[str, str] = {}
    for folder in folders:
        if os.path.realpath(folder) == os.path.realpath(BIN):
            continue
        for name in names:
            path = os.path.join(folder, name + (".exe" if os.name == "nt" else ""))
            if os.access(path, os.X_OK) and os.path.isfile(path):
                # The link in a virtual environment differs from its target, so only the folder is resolved.
                found.setdefault(os.path.join(os.path.realpath(folder), name), path)
    return list(found.values())


def usable() -> list[tuple[tuple[int, ...], str]]:
    """Usable Pythons, the newest first; among equals the first on PATH."""
    picked = os.environ.get("GAZELLE_PYTHON")
    if picked:
        path = shutil.which(os.path.expanduser(picked)) or picked
        seen = version(path)
        if seen is None or not OLDEST <= seen[:2] <= NEWEST:
            got = "no usable CPython" if seen is None else "Python " + ".".join(map(str, seen))
            raise NoEnvironmentError(f"GAZELLE_PYTHON={picked} is {got}; gazelle needs Python {span()}.")
        return [(seen, path)]
    seen_all = [(version(path), path) for path in candidates()]
    fit = [(v, path) for v, path in seen_all if v is not None and OLDEST <= v[:2] <= NEWEST]
    if not fit:
        others = sorted({".".join(map(str, v)) for v, _ in seen_all if v is not None})
        raise NoEnvironmentError(
            f"No Python {span()} was found on PATH or under ~/.pyenv/versions"
            f" ({'found only ' + ', '.join(others) if others else 'found none at all'}).\n"
            "Install one, or name it: GAZELLE_PYTHON=/path/to/python3 make ..."
        )
    return sorted(fit, key=lambda pair: pair[0], reverse=True)


def span() -> str:
    return "{}.{} to {}.{}".format(*OLDEST, *NEWEST)


def pips() -> list[list[str]]:
    """Commands that run a pip of any Python."""
    out = [[sys.executable, "-m", "pip"]]
    out += [[path] for path in map(shutil.which, ("pip", "pip3")) if path]
    return out + [[path, "-m", "pip"] for path in candidates()]


def by_venv(python: str) -> tuple[bool, str]:
    return run(python, "-m", "venv", "--clear", HOME)


def by_other_pip(python: str) -> tuple[bool, str]:
    """Without ensurepip: create an empty environment and install pip with the pip of another Python."""
    ok, output = run(python, "-m", "venv", "--clear", "--without-pip", HOME)
    if not ok:
        return ok, output
    for pip in pips():
        if not run(*pip, "--python", PYTHON, "--version")[0]:
            continue  # no pip, or one older than 22.3, which has no option --python
        ok, output = run(*pip, "--python", PYTHON, "install", "--quiet", "pip")
        return ok and has_pip(), output
    return False, "no other pip (22.3 or newer) was found"


def by_virtualenv(python: str) -> tuple[bool, str]:
    output = "virtualenv was not found"
    commands = [[path] for path in [shutil.which("virtualenv")] if path]
    for command in [*commands, [python, "-m", "virtualenv"], [sys.executable, "-m", "virtualenv"]]:
        ok, message = run(*command, "--clear", "--python", python, HOME)
        if ok and has_pip():
            return True, ""
        output = output if "No module named virtualenv" in message else message
    return False, output


WAYS = {"venv": by_venv, "venv --without-pip and another pip": by_other_pip, "virtualenv": by_virtualenv}


def has_pip() -> bool:
    return run(PYTHON, "-m", "pip", "--version")[0]


def make() -> None:
    """Create .venv with the newest Python for which one of the methods works."""
    if HOME.exists() and not (HOME / "pyvenv.cfg").exists() and any(HOME.iterdir()):
        raise NoEnvironmentError(f"{HOME} is there but is no virtual environment. Move it away, then try again.")
    failed = []
    for number, python in usable():
        dotted = ".".join(map(str, number))
        for way, attempt in WAYS.items():
            log(f"making .venv with Python {dotted} ({python}; {way})")
            ok, output = attempt(python)
            if ok:
                return
            failed.append(f"  Python {dotted}, {way}: {output.splitlines()[-1] if output else 'failed'}")
    shutil.rmtree(HOME, ignore_errors=True)
    raise NoEnvironmentError(
        "No virtual environment could be made.\n" + "\n".join(failed) + "\n"
        "On Debian `apt-get install python3-venv` brings the missing part, elsewhere `pip install virtualenv`."
    )


def install(extras: list[str]) -> None:
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    log(f"installing gazelle{target[len(str(ROOT)) :]} and what it needs (minutes on the first time)")
    # Python compiles the modules that are imported; pip would compile all of TensorFlow, a third of the time
    options = ["--progress-bar", "off", "--disable-pip-version-check", "--no-compile"]
    if not run_with_progress(PYTHON, "-m", "pip", "install", *options, "-e", target):
        raise NoEnvironmentError(
            "pip could not install gazelle: see its message above.\n"
            "If the network failed, try again. If a wheel is missing, another Python may have one: "
            "GAZELLE_PYTHON=python3.12 make ..."
        )


def install_kernels() -> None:
    """Install gazelle-kernels where a C++ compiler is found; gazelle works without it."""
    if os.name == "nt" or not (os.environ.get("CXX") or any(map(shutil.which, ("g++", "clang++", "c++")))):
        return
    log("compiling the kernels")
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    project = (ROOT / "kernels" / "pyproject.toml").read_text(encoding="utf-8")
    setuptools, onednn = re.findall(r'"((?:setuptools|onednn-devel).*)",', project)
    ok, output = run(*pip, setuptools)
    if ok and not run(*pip, onednn)[0]:
        log("without the kernels for convolutions: oneDNN could not be installed")
    if ok:
        ok, output = run(*pip, "--no-build-isolation", "--no-deps", "--force-reinstall", ROOT / "kernels")
    if not ok:
        log(f"without kernels: {output.splitlines()[-1] if output else 'they could not be compiled'}")


def stamp() -> dict:
    """The stamp of the last call; {} if there is none, or if the folder was moved since (its paths are absolute)."""
    try:
        content = json.loads(STAMP.read_text(encoding="utf-8")) if PYTHON.exists() else {}
    except (OSError, ValueError):
        return {}
    return content if content.get("root") == str(ROOT) else {}


def digest() -> str:
    files = [ROOT / "pyproject.toml", *sorted((ROOT / "kernels").rglob("*.*"))]
    content = [path.read_bytes() for path in files if path.suffix in (".toml", ".py", ".cc", ".h")]
    return hashlib.sha256(b"\0".join(content)).hexdigest()


def log(text: str) -> None:
    print(f"environment: {text}", flush=True)


def main(extras: list[str]) -> None:
    before, picked = stamp(), os.environ.get("GAZELLE_PYTHON")
    had = set(before.get("extras", []))
    repicked = bool(picked) and before.get("picked") != picked
    if before.get("pyproject") == digest() and had >= set(extras) and not repicked:
        return
    number = version(PYTHON)
    moved = STAMP.exists() and not before
    if number is None or not OLDEST <= number[:2] <= NEWEST or not has_pip() or moved or repicked:
        make()
        had = set()
    STAMP.unlink(missing_ok=True)  # an interrupted run must not look complete
    install(sorted(had | set(extras)))
    install_kernels()
    content = {"root": str(ROOT), "picked": picked, "pyproject": digest(), "extras": sorted(had | set(extras))}
    STAMP.write_text(json.dumps(content) + "\n", encoding="utf-8")
    log(f"ready, Python {'.'.join(map(str, version(PYTHON) or ()))}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NoEnvironmentError as reason:
        sys.exit(f"environment: {reason}")
