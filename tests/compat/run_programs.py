"""Runs programs one after the other in this process, as `gazelle run` does, and prints the outcome of each as JSON."""

import contextlib
import gc
import io
import json
import os
import pathlib
import sys
import time
import traceback
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import archives
import matplotlib

matplotlib.use("Agg")
import gazelle
from gazelle.cli import eras
from gazelle.core import names, registry, settings
from gazelle.datasets import sources

for _name, (_address, _, _folder) in list(sources.FILES.items()):
    sources.FILES[_name] = (_address, None, _folder)  # the archives here are not the genuine ones


def run(path, folder):
    """None, or the error, of one program."""
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    sys.argv = [path]
    main = types.ModuleType("__main__")
    main.__file__ = path
    with open(path, encoding="utf-8") as source:
        code = compile(source.read(), path, "exec")
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, vars(main))
    except SystemExit as error:
        return None if not error.code else f"exit code {error.code}"
    except BaseException:
        return traceback.format_exc()
    finally:
        sys.modules["__main__"] = before
        names.clear_session()
        settings.set_image_data_format("channels_last")
        settings._format_set = False  # as in a fresh process
        registry.CUSTOM.clear()
        gc.collect()
    return None


if __name__ == "__main__":  # one line of input names a program; one line of output answers [seconds, error or null]
    gazelle.install()
    folder = sys.argv[1]
    archives.write(pathlib.Path(os.environ["KERAS_HOME"]))
    for line in sys.stdin:
        path = line.rstrip("\n")
        gazelle.utils.set_random_seed(0)
        eras.begin(path)
        start = time.process_time()
        problem = run(path, os.path.join(folder, os.path.basename(path)[:-3]))
        print(json.dumps([round(time.process_time() - start, 2), problem]), flush=True)
