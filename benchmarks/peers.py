"""The libraries that are compared (peers), and their environments `.bench/<peer>`, created at the first use."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".bench"
KERAS = "keras==3.15.*"


@dataclass(frozen=True)
class Peer:
    """A library in one configuration.

    Attributes:
        title: its name in tables.
        module: the module whose import is measured.
        packages: the packages of its environment; none means the environment of gazelle itself.
        backend: the backend of Keras; empty for other libraries.
        caches: whether compiled programs can be stored on the disk for the next process.
        lean: a package with a build for the CPU only for some versions of Python, which is preferred.
        settings: environment variables of its processes.
        only: the workloads that are measured with it; none means all.
        figures: the figures that are measured; none means all.
        engine: the engine of gazelle if it is not XLA; these peers have a separate table.
    """

    title: str
    module: str
    packages: tuple[str, ...] = ()
    backend: str = ""
    caches: bool = False
    lean: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    engine: str = ""

    @property
    def keras(self) -> bool:
        """Whether the library is Keras."""
        return bool(self.backend)

    def measured(self, figures: Iterable[str]) -> list[str]:
        """The figures among `figures` that are measured."""
        return [name for name in figures if name in (self.figures or figures)]


def _on_engine(title: str, engine: str) -> Peer:
    """gazelle on another engine: the time of a step of one network of each kind."""
    return Peer(
        f"gazelle on {title}",
        "gazelle",
        settings=(("GAZELLE_ENGINE", engine),),
        engine=engine,
        only=("mlp", "cnn", "lstm", "transformer"),
        figures=("step",),
    )


def _jax() -> str:
    """The version of JAX that gazelle uses, which Keras is to use too."""
    return f"jax=={importlib.metadata.version('jax')}"


#: the networks that are measured with all libraries; the others with gazelle, Keras on JAX and Keras on TensorFlow
BROAD = ("mlp", "cnn", "lstm", "gru", "transformer", "autoencoder", "residual", "recommender", "wide", "generator")
CONVOLUTIONS = ("cnn", "residual", "convlstm", "text", "unet", "depthwise", "conv3d")

PEERS = {
    "gazelle": Peer("gazelle", "gazelle", caches=True),
    "keras-jax": Peer("Keras on JAX", "keras", (KERAS, _jax()), "jax", caches=True),
    "keras-tensorflow": Peer("Keras on TensorFlow", "keras", (KERAS, "tensorflow-cpu"), "tensorflow"),
    "keras-torch": Peer("Keras on torch", "keras", (KERAS, "torch"), "torch", lean="torch", only=BROAD),
    "scikit-learn": Peer(
        "scikit-learn", "sklearn.neural_network", ("scikit-learn",), only=("mlp", "autoencoder", "wide")
    ),
    "handwritten": Peer("hand-written JAX", "jax", caches=True, only=BROAD),
    "plain": Peer(
        "gazelle without kernels",
        "gazelle",
        caches=True,
        settings=(("GAZELLE_KERNELS", "0"),),
        only=("lstm", "gru", "tagger", "characters", *CONVOLUTIONS),
    ),
    "on-tensorflow": _on_engine("TensorFlow", "tensorflow"),
    "on-pytensor": _on_engine("PyTensor", "pytensor"),
}


def main_peers(names: Iterable[str]) -> list[str]:
    """The peers in the main tables and the plot: all except gazelle's other engines."""
    return [name for name in names if not PEERS[name].engine]


def python(name: str) -> Path:
    """The path of the Python of a peer."""
    if not PEERS[name].packages:
        return Path(sys.executable)
    return HOME / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(name: str) -> dict[str, str]:
    """Create the environment of a peer unless it exists; return the versions in it."""
    peer = PEERS[name]
    if peer.packages:
        stamp = HOME / name / "bench.json"
        key = hashlib.sha256(json.dumps([str(ROOT), platform.python_version(), peer.packages]).encode()).hexdigest()
        if not stamp.exists() or json.loads(stamp.read_text()) != key:
            print(f"benchmarks: making .bench/{name} ({', '.join(peer.packages)})", flush=True)
            _make(name, peer)
            stamp.write_text(json.dumps(key))
    return _versions(name)


def _make(name: str, peer: Peer) -> None:
    """Create an environment with the newest Python for which pip can install all packages."""
    for lean in [True, False] if peer.lean else [False]:
        for interpreter in _pythons():
            shutil.rmtree(HOME / name, ignore_errors=True)
            subprocess.run([interpreter, "-m", "venv", "--without-pip", HOME / name], check=True)
            if lean and "cpu" not in _available_version(name, peer.lean):
                continue
            if _pip(name, "install", *peer.packages).returncode == 0:
                return
    raise SystemExit(f"benchmarks: pip could not install {', '.join(peer.packages)}; see its message above.")


def _pip(name: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the pip of gazelle's environment for the environment of a peer."""
    command = [sys.executable, "-m", "pip", "--python", str(python(name)), "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*command, *arguments], text=True, **options)  # type: ignore[call-overload, no-any-return]


def _available_version(name: str, package: str) -> str:
    """The version of a package that pip would install, such as 2.13.0+cpu."""
    done = _pip(name, "install", "--dry-run", "--no-deps", "--report", "-", package, stdout=subprocess.PIPE)
    return "" if done.returncode else json.loads(done.stdout)["install"][0]["metadata"]["version"]


def _pythons() -> list[str]:
    """The Python of gazelle, then all usable ones as `make` finds them, the newest first."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "scripts" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    environment: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(environment)
    return [getattr(sys, "_base_executable", sys.executable), *(path for _, path in environment.usable())]


_ASK = """
import importlib.metadata as m, json, platform
names = ("gazelle", "keras", "jax", "jaxlib", "tensorflow-cpu", "pytensor", "torch", "scikit-learn", "numpy")
found = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in m.distributions()}
print(json.dumps({"python": platform.python_version()} | {n: found[n] for n in names if n in found}))
"""


def _versions(name: str) -> dict[str, str]:
    done = subprocess.run([python(name), "-c", _ASK], text=True, stdout=subprocess.PIPE, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    peer = PEERS[name]
    if peer.packages:
        return found
    shown = {"python", "numpy", "jax", "jaxlib", peer.module, peer.engine}
    return {k: v for k, v in found.items() if k.removesuffix("-cpu") in shown}
