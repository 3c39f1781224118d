"""Runs one program as `gazelle run` does, with short trainings and small random data; prints the outcome as one line.

Data sets, downloads and pretrained weights are replaced by random values of the same shapes, names that pandas, Pillow
and Matplotlib removed exist again, and packages that only draw accept every call.
"""

import builtins
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import io
import itertools
import json
import multiprocessing
import os
import pathlib
import random
import re
import sys
import tarfile
import tokenize
import traceback
import unittest.mock
import urllib.error
import urllib.request
import zipfile

import environments
import numpy as np

REPOSITORY = os.environ["PYTHONPATH"].split(":")[1]
ENOUGH = 60  # updates of a loop of the program's own
_DRAWING = ("seaborn", "plotly", "tqdm", "tkinter")


class _Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds packages that only draw, where they are missing."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in _DRAWING:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = unittest.mock.MagicMock(name=spec.name)
        module.tqdm = module.trange = None
        if spec.name.startswith("tqdm"):
            module.tqdm = lambda values=None, *_, **__: iter(()) if values is None else values
            module.trange = module.tnrange = lambda *numbers, **_: range(*numbers)
            module.tqdm_notebook = module.tqdm
        return module

    def exec_module(self, module):
        pass


def old_pandas():
    """Names and arguments of pandas 1."""
    import datetime

    import pandas

    if not hasattr(pandas, "datetime"):
        pandas.datetime = datetime.datetime
    pandas.DataFrame.as_matrix = lambda self, columns=None: (self if columns is None else self[columns]).values
    pandas.Series.as_matrix = lambda self: self.values
    pandas.DataFrame.append = lambda self, rows, **kwargs: pandas.concat([self, rows], **kwargs)
    read_csv = pandas.read_csv

    def read(*args, squeeze=False, date_parser=None, **kwargs):
        kwargs.pop("infer_datetime_format", None)
        if date_parser and isinstance(kwargs.get("parse_dates"), list):
            kwargs["converters"] = dict.fromkeys(kwargs.pop("parse_dates"), date_parser)
        frame = read_csv(*args, **kwargs)
        return frame.squeeze("columns") if squeeze else frame

    pandas.read_csv = read
    date_range = pandas.date_range
    newer = {"M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "H": "h", "T": "min", "S": "s"}

    def dates(*args, freq=None, **kwargs):
        return date_range(*args, freq=newer.get(freq, freq), **kwargs)

    pandas.date_range = dates


def no_windows():
    """OpenCV opens no windows."""
    if importlib.util.find_spec("cv2"):
        import cv2

        for name in ("imshow", "namedWindow", "destroyAllWindows", "destroyWindow", "moveWindow", "resizeWindow"):
            setattr(cv2, name, lambda *_, **__: None)
        cv2.waitKey = lambda *_: 27


def old_imageio():
    """Images of 64-bit integers are written with 8 bits."""
    import imageio

    write = imageio.imwrite
    imageio.imwrite = imageio.imsave = lambda name, image, *args, **kwargs: write(
        name, np.asarray(image).astype("uint8"), *args, **kwargs
    )


def old_skimage():
    """Images of floats are written with 8 bits."""
    import skimage.io

    save = skimage.io.imsave
    bytes_of = lambda image: np.uint8(255 * np.clip(image, 0, 1)) if image.dtype.kind == "f" else image  # noqa: E731
    skimage.io.imsave = lambda name, image, *args, **kwargs: save(name, bytes_of(np.asarray(image)), *args, **kwargs)


def rewritten(text, notebook):
    """A program or a notebook: each cell is rewritten."""
    if not notebook:
        return shorter(text)
    book = json.loads(text)
    for sheet in (book, *book.get("worksheets", ())):
        for cell in sheet.get("cells", ()):
            key = "source" if "source" in cell else "input"
            if cell.get("cell_type") == "code" and key in cell:
                cell[key] = shorter("".join(cell[key])).splitlines(keepends=True)
    return json.dumps(book)


def shorter(text):
    """Code with 2 instead of many epochs and iterations."""
    word = r"(?:(?!\w*steps?_per)\w*(?:epoch|iteration|episode|n_iter|max_?iter|nb_iter)\w*)"
    few = lambda found: found[0] if "TSNE(" in found[0] else f"{found[1]}2"  # noqa: E731 - which needs 250
    text = re.sub(rf"(?i)((?:TSNE\([^\n)]*)?\b{word}\s*=\s*)([3-9]|[1-9]\d[\d_]*|\de\d)\b(?!\.| */)", few, text)
    start = r"\s+in\s+x?range\(\s*(?:\d+\s*,\s*)?)"
    text = re.sub(rf"(?m)(^\s*for\s+(?:\w*(?:epoch|iter|episode)\w*|e|it|ep){start}(\d\d+)\b", r"\g<1>3", text)
    if re.search(r"\b(Session|InteractiveSession|estimator)\b", text):  # steps of TensorFlow 1, most of one batch
        steps = r"\b(?:\w*_)?(?:steps|iters|iterations)\s*=\s*|\bfor\s+\w+\s+in\s+x?range\((?:\d+\s*,\s*)?"
        text = re.sub(rf"(?i)({steps})(?:[2-9]\d\d|\d{{4,}}|\de\d)\b(?!\.)", r"\g<1>200", text)
    if "gym" not in text:  # whose episodes are short
        text = re.sub(rf"(for\s+\w*step\w*{start}(\d\d\d+|[2-9]\d)\b", r"\g<1>3", text)  # not ten steps of a forecast
    return re.sub(r"(?s)(add_argument\([^()]*epochs?[^()]*default\s*=\s*)(\d+)", r"\g<1>2", text)


def modules():
    """The text of the modules beside the program."""
    folders = {pathlib.Path().resolve(), pathlib.Path(REPOSITORY)}
    paths = itertools.chain(*(itertools.islice(folder.rglob("*.py"), 200) for folder in folders))
    return "\n".join(path.read_text(errors="replace") for path in paths if path.is_file())


# data ---------------------------------------------------------------------------------------------------------------

_rng = np.random.RandomState(0)


def _images(count, shape, classes, column=False):
    import gazelle

    if len(shape) == 3 and gazelle.config.image_data_format() == "channels_first":
        shape = shape[::-1]
    x = np.resize(_rng.randint(0, 256, (256, *shape)).astype("uint8"), (count, *shape))
    y = np.resize(_rng.permutation(np.arange(classes * 8) % classes).astype("uint8"), count)
    return x, y[:, None] if column else y


def _pair(train, test, *rest, **more):
    return lambda *_, **__: (_images(train, *rest, **more), _images(test, *rest, **more))


def _texts(train, test, classes):
    def load(*_, num_words=None, nb_words=None, maxlen=None, **__):
        most = min(num_words or nb_words or 20000, 20000)

        def part(count):
            rows = np.empty(count, object)
            some = [[1, *_rng.randint(4, most, _rng.randint(8, 60)).tolist()] for _ in range(128)]
            rows[:] = [some[i % 128] for i in range(count)]
            return rows, np.resize(_rng.permutation(np.arange(classes * 8) % classes), count).astype("int64")

        return part(train), part(test)

    return load


def _table(train, test, columns, scale):
    def part(count):
        x = _rng.rand(count, columns) * scale
        return x, x.sum(1) / columns

    return lambda *_, **__: (part(train), part(test))


def data_sets(gazelle):
    sets = gazelle.datasets
    sets.mnist.load_data = sets.fashion_mnist.load_data = _pair(60000, 10000, (28, 28), 10)
    sets.cifar10.load_data = _pair(50000, 10000, (32, 32, 3), 10, column=True)
    sets.cifar100.load_data = _pair(50000, 10000, (32, 32, 3), 100, column=True)
    sets.imdb.load_data, sets.reuters.load_data = _texts(25000, 25000, 2), _texts(8982, 2246, 46)
    sets.imdb.get_word_index = sets.reuters.get_word_index = lambda *_, **__: {f"word{i}": i for i in range(1, 20000)}
    sets.boston_housing.load_data = _table(404, 102, 13, 30)
    sets.california_housing.load_data = _table(16512, 4128, 8, 5)


def sklearn_sets():
    """The data sets that scikit-learn downloads, or has removed."""
    import sklearn.datasets

    def made(samples, columns, classes=0, names=None):
        names = names.split() if names else [f"x{i}" for i in range(columns)]
        x = _rng.rand(samples, columns)
        y = _rng.randint(1, classes + 1, samples) if classes else x.sum(1)
        bunch = sklearn.utils.Bunch(data=x, target=y, DESCR="", feature_names=names)
        return lambda *_, return_X_y=False, **__: (x, y) if return_X_y else bunch

    sklearn.datasets.load_boston = made(506, 13, names="CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO B LSTAT")
    sklearn.datasets.fetch_california_housing = made(20640, 8)
    sklearn.datasets.fetch_covtype = made(58000, 54, 7)
    sklearn.datasets.fetch_mldata = made(70000, 784, 9)


def get_file(fname=None, origin=None, untar=False, *_, extract=False, **__):
    """A small file of the kind that its name tells."""
    name = os.path.basename(str(fname or origin))
    path = os.path.join(os.environ["KERAS_HOME"], name)
    if os.path.exists(path):
        return path
    os.makedirs(os.environ["KERAS_HOME"], exist_ok=True)
    if name.endswith((".txt", ".text")):
        words = [f"{a}{b}{c}" for a, b, c in itertools.product("bdfglmnprst", "aeiou", "bdglmnrst")]
        with open(path, "w") as file:
            for _ in range(3000):
                file.write(" ".join(random.choices(words, k=12)) + random.choice((". ", ",\n", "\n", "\t")))
    elif name.endswith((".jpg", ".jpeg", ".png")):
        from PIL import Image

        Image.fromarray(_rng.randint(0, 256, (300, 300, 3)).astype("uint8")).save(path)
    elif name == "imagenet_class_index.json":
        with open(path, "w") as file:
            json.dump({str(i): [f"n{i:08}", f"class_{i}"] for i in range(1000)}, file)
    elif name.endswith("mnist.npz"):
        (x, y), (x_test, y_test) = _pair(60000, 10000, (28, 28), 10)()
        np.savez(path, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    elif "cats_and_dogs" in name:
        from PIL import Image

        folder = path.removesuffix(".zip")
        for part, kind, i in itertools.product(("train", "validation"), ("cats", "dogs"), range(8)):
            target = os.path.join(folder, part, kind, f"{kind[:3]}.{i}.jpg")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            Image.fromarray(_rng.randint(0, 256, (90, 100, 3)).astype("uint8")).save(target)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("empty", "")
    elif "auto-mpg" in name:
        with open(path, "w") as file:
            for i in range(398):
                row = _rng.rand(6) * (40, 4, 400, 200, 3000, 20) + 4
                file.write(" ".join(f"{v:.1f}" for v in row) + f' {70 + i % 12} {1 + i % 3}\t"car {i}"\n')
    elif name == "heart.csv":
        with open(path, "w") as file:
            file.write("age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak,slope,ca,thal,target\n")
            for i in range(303):
                row = [29 + i % 40, i % 2, i % 5, *(100 + _rng.randint(0, 100, 2)), i % 2, i % 3, 150, i % 2]
                kinds = ("fixed", "normal", "reversible")
                file.write(",".join(map(str, (*row, _rng.rand() * 4, i % 4, i % 4, kinds[i % 3], i % 2))) + "\n")
    elif "babi" in name:
        with tarfile.open(path, "w:gz") as archive:
            for folder, task, part in itertools.product(("en", "en-10k"), _BABI, ("train", "test")):
                member = tarfile.TarInfo(f"tasks_1-20_v1-2/{folder}/{task}_{part}.txt")
                text = "".join(map(_story, range(120))).encode()
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
    elif name.endswith((".h5", ".hdf5")):
        return _WEIGHTS + name  # which `load_weights` passes over
    else:
        raise urllib.error.URLError(f"no stand-in for {name}")
    return path


_WEIGHTS = "/tmp/weights that are not loaded/"


_BABI = ("qa1_single-supporting-fact", "qa2_two-supporting-facts", "qa3_three-supporting-facts")


def _story(_):
    """Two sentences and a question in the format of the bAbI tasks."""
    places = ("garden", "kitchen", "office", "hallway")
    (one, two), (first, second) = random.sample(("Mary", "John", "Sandra", "Daniel"), 2), random.sample(places, 2)
    return f"1 {one} moved to the {first}.\n2 {two} went back to the {second}.\n3 Where is {one}? \t{first}\t1\n"


# short trainings ----------------------------------------------------------------------------------------------------


def shorten(gazelle):
    """At most 2 epochs of 3 steps; predictions of many samples repeat those of the first ones."""
    model, config = gazelle.models.Model, gazelle.config
    fit, evaluate, predict = model.fit, model.evaluate, model.predict

    def limited(run):
        @functools.wraps(run)
        def call(self, *args, **kwargs):
            before = config.max_steps_per_epoch(), config.max_epochs()
            config.set_max_steps_per_epoch(3)
            config.set_max_epochs(kwargs.get("initial_epoch", 0) + 2)
            try:
                return run(self, *args, **kwargs)
            finally:
                config.set_max_steps_per_epoch(before[0])
                config.set_max_epochs(before[1])

        return call

    @functools.wraps(predict)
    def predict_few(self, x=None, *args, **kwargs):
        before = config.max_steps_per_epoch()
        config.set_max_steps_per_epoch(None)  # a callback of a training may call it
        try:
            return predict_at_once(self, x, *args, **kwargs)
        finally:
            config.set_max_steps_per_epoch(before)

    def predict_at_once(self, x, *args, **kwargs):
        if type(x) is not np.ndarray or len(x) <= 256:
            return predict(self, x, *args, **kwargs)
        few = predict(self, x[:64], *args, **kwargs)
        resize = lambda y: np.resize(y, (len(x), *y.shape[1:]))  # noqa: E731
        return gazelle.tree.map_structure(resize, few)

    model.fit, model.evaluate, model.predict = limited(fit), limited(evaluate), predict_few
    for name in ("train_on_batch",):
        setattr(model, name, _counted(getattr(model, name)))
    gazelle.datasets.get_file = gazelle.utils.get_file = get_file
    gazelle.datasets.download.get_file = get_file
    from gazelle.applications import build_model, imagenet_utils

    build_model._fetched = lambda file: None
    load_weights = model.load_weights

    @functools.wraps(load_weights)
    def load(self, filepath=None, *args, **kwargs):
        given = filepath is not None and not str(filepath).startswith(_WEIGHTS)
        return load_weights(self, filepath, *args, **kwargs) if given else []

    model.load_weights = load
    for module in (imagenet_utils, build_model):
        if hasattr(module, "get_file"):
            module.get_file = get_file


def _counted(call, most=ENOUGH):
    numbers = itertools.count()

    @functools.wraps(call)
    def counted(*args, **kwargs):
        if next(numbers) > most:
            raise SystemExit(0)
        return call(*args, **kwargs)

    return counted


# outcome ------------------------------------------------------------------------------------------------------------


class _Failures:
    """A plugin of pytest that keeps the errors of tests and of their imports."""

    def __init__(self):
        self.found = []

    def pytest_exception_interact(self, node, call):
        self.found.append((node.name, call.excinfo.value))


def run_tests(program, *_):
    """Run a file of tests in the folder of its repository; raises the first error."""
    import pytest

    failures = _Failures()
    program = os.path.abspath(program)
    os.chdir(REPOSITORY)
    options = ["-q", "--assert=plain", "--tb=short", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
    code = pytest.main([program, *options], plugins=[failures])
    for name, error in failures.found:
        causes = (error, error.__cause__, error.__context__)
        raise next((each for each in causes if isinstance(each, ImportError)), None) or AssertionError(
            f"{len(failures.found)} tests fail, {name}: {type(error).__name__}: {error}"
        ) from error
    if code:
        raise AssertionError(f"pytest ends with {code!r}")


def verdict(error):
    """(kind, text): 'passed', 'fails', or why it says nothing about gazelle: 'data', 'package', 'arguments'."""
    if error is None or (isinstance(error, SystemExit) and error.code in (0, None)):
        return "passed", ""
    text = f"{type(error).__name__}: {error}".split("\n")[0][:300]
    if isinstance(error, SystemExit):
        return "arguments", text
    if isinstance(error, ImportError):
        names = ("keras", "tensorflow", "tf_keras", "theano", "gazelle")
        return ("fails" if str(error.name).partition(".")[0] in names else "package"), text
    if isinstance(error, (FileNotFoundError, NotADirectoryError, urllib.error.URLError, ConnectionError)):
        return "fails" if "cannot be written" in text else "data", text
    return "fails", text


def main(program):
    """Run the program and print its outcome."""
    sys.meta_path.append(_Stubs())
    builtins.input = lambda *_: ""
    with open(program, "rb") as file:
        encoding = "utf-8" if program.endswith(".ipynb") else tokenize.detect_encoding(file.readline)[0]
    with open(program, encoding=encoding, errors="surrogateescape") as file:
        text = file.read()
    are_tests = "def test_" in text and "test" in program  # of the numbers of whole trainings
    with open(program, "w", encoding=encoding, errors="surrogateescape") as file:
        file.write(text if are_tests else rewritten(text, program.endswith(".ipynb")))
    project = text + modules()
    import gazelle
    import gazelle.cli.__main__ as cli
    import gazelle.compat.tensorflow.eager.tape as tape
    from gazelle.compat.backend import functions

    data_sets(gazelle)
    if "matplotlib" in project:
        import matplotlib.cm
        import matplotlib.figure
        import matplotlib.style

        gca = matplotlib.figure.Figure.gca
        matplotlib.figure.Figure.gca = lambda self, **kwargs: self.add_subplot(**kwargs) if kwargs else gca(self)

        matplotlib.cm.get_cmap = lambda name=None, lut=None: matplotlib.colormaps[name or "viridis"].resampled(
            lut or 256
        )
        matplotlib.use = matplotlib.style.use = lambda *_, **__: None
        preamble = lambda lines: "\n".join([lines] if isinstance(lines, str) else lines)  # noqa: E731
        matplotlib.RcParams.validate.update(dict.fromkeys(("pgf.preamble", "text.latex.preamble"), preamble))
    if "pandas" in text:
        old_pandas()
    if "cv2" in text:
        no_windows()
    if "skimage" in text:
        old_skimage()
    if "imageio" in text:
        old_imageio()
    pair = r"\w+, *\w+ *= *[\w.]*env[\w.]*\.reset\([^()\n]*\)(?! *,)|(?:[\w.]+, *){4}[\w.]+ *= *[\w.]*env[\w.]*\.step\("
    environments.install(bool(re.search(pair, text if "env.reset(" in text else project)))
    if "sklearn" in text and "datasets" in text:
        sklearn_sets()
    gazelle.config.disable_traceback_filtering()
    if are_tests:
        cli.run = run_tests
    else:
        shorten(gazelle)
        tape.GradientTape.__enter__ = _counted(tape.GradientTape.__enter__)
        functions.Function.__call__ = _counted(functions.Function.__call__, 8 * ENOUGH)
    error = None
    try:
        cli.main(["run", program])
    except BaseException as raised:
        error = raised
        traceback.print_exc()
    sys.stdout.flush()
    print("\nOUTCOME " + json.dumps(verdict(error)), file=sys.stderr, flush=True)
    for process in multiprocessing.active_children():  # which keep the pipes open
        process.kill()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
