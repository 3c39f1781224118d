"""Runs the programs of programs.tsv and counts which pass.

    python tests/strangers/strangers.py FOLDER [--batch 1 2] [--only TEXT] [--jobs 2] [--logs LOGS]

FOLDER holds the repositories, each in a folder OWNER+NAME at the commit of programs.tsv; their texts are not part of
this repository. Each program runs on a copy-on-write view of its folder, without network, in namespaces of Linux.
"""

import argparse
import collections
import concurrent.futures
import csv
import json
import os
import pathlib
import resource
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
_VIEW = """
mount -t tmpfs tmpfs /tmp && mkdir /tmp/upper /tmp/work /tmp/view /tmp/home &&
mount -t overlay overlay -o lowerdir="$1",upperdir=/tmp/upper,workdir=/tmp/work /tmp/view &&
mount -o remount,bind,ro / && cd "/tmp/view/$2" && exec "$3" -W ignore "$4" "$5"
"""


def programs():
    """The rows of programs.tsv: batch, era, repository, commit, path."""
    with open(HERE / "programs.tsv", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def outcome(row, folder, logs=None, prefix=(), seconds=150):
    """(kind, text) of one program; kind 'absent' if its text is not in `folder`."""
    repository = folder / row["repository"].replace("/", "+")
    path = repository / row["path"]
    if not path.is_file():
        return "absent", ""
    home = "/tmp/home"
    environment = {
        **os.environ,
        "HOME": home,
        "GAZELLE_HOME": home + "/gazelle",
        "KERAS_HOME": home + "/keras",
        "GAZELLE_COMPILE_CACHE": "0",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "MPLBACKEND": "Agg",
        "PYTHONPATH": f"/tmp/view/src:/tmp/view:{ROOT}",  # packages of a repository come first: it may have `tests`
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("KERAS_BACKEND", None)
    inside = ["sh", "-c", _VIEW, "sh", repository, path.parent.relative_to(repository), sys.executable]
    command = [*prefix, "unshare", "-rnm", *inside, HERE / "stand_ins.py", path.name]
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))  # noqa: E731
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=6 * seconds,
            preexec_fn=limit,
        )
        printed, errors = (part.decode(errors="replace") for part in (done.stdout, done.stderr))
    except subprocess.TimeoutExpired:
        printed = errors = ""
    if logs:
        name = f"{row['repository']}_{row['path']}".replace("/", "+")[-180:]
        (logs / f"{name}.log").write_text(f"{printed[-5000:]}\n{errors[-20000:]}", encoding="utf-8")
    lines = [line for line in errors.split("\n") if line.startswith("OUTCOME ")]
    return tuple(json.loads(lines[-1][8:])) if lines else ("timeout", " ".join(errors[-200:].split()))


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--batch", nargs="*", default=())
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--logs", type=pathlib.Path)
    parser.add_argument("--prefix", default="", help="a command that starts each program, such as nice")
    arguments = parser.parse_args()
    if arguments.logs:
        arguments.logs.mkdir(parents=True, exist_ok=True)
    rows = [row for row in programs() if not arguments.batch or row["batch"] in arguments.batch]
    rows = [row for row in rows if arguments.only in f"{row['repository']}/{row['path']}"]
    counts = collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda row: outcome(row, arguments.folder, arguments.logs, arguments.prefix.split()), rows)
        for row, (kind, text) in zip(rows, results, strict=True):
            counts[row["batch"], row["era"]][kind] += 1
            print(row["batch"], row["era"], kind, f"{row['repository']}/{row['path']}", text, sep="\t", flush=True)
    for (batch, era), kinds in sorted(counts.items()):
        valid = kinds["passed"] + kinds["fails"]
        print(f"batch {batch}, era {era}: {kinds['passed']} of {valid}, {dict(kinds)}", file=sys.stderr)


if __name__ == "__main__":
    main()
