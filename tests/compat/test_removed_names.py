"""Names that Python, NumPy, SciPy and scikit-learn removed, in programs; images are those of SciPy 1.2.3."""

import importlib
import importlib.util
import sys
import types

import numpy as np
import pytest

from gazelle.compat import removed_names, tables
from gazelle.compat.removed_names import functions, images

IMAGE = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


@pytest.fixture
def program():
    """program(source) -> the variables of a program, for which the names exist."""
    removed_names.activate()
    yield _run
    removed_names.deactivate()


def _run(source, name="program", file="program.py"):
    module = types.ModuleType(name)
    exec(compile(source, file, "exec"), vars(module))
    return vars(module)


@pytest.mark.parametrize("section", tables.objects("removed_names"))
def test_each_name_means_something(section):
    for path in tables.objects("removed_names")[section].values():
        package = path.partition(":")[0].partition(".")[0]
        if package not in ("gazelle", "builtins", *sys.stdlib_module_names):
            pytest.importorskip(package)
        if not path.startswith("scipy.datasets"):  # needs pooch
            tables.resolve(path, section)


@pytest.mark.parametrize("section", tables.objects("removed_names"))
def test_each_module_is_there(program, section):
    package = section.partition(".")[0]
    if package not in sys.stdlib_module_names and importlib.util.find_spec(package) is None and package != "imp":
        pytest.skip(f"{package} is not installed")
    names = " ".join(tables.objects("removed_names")[section])
    program(f"from {section} import {names.split()[0]}")


def test_types_of_numpy(program):
    found = program(
        """
import numpy as np
floats = np.sctypes["float"][:3], np.sctypes["uint"], np.float32 in np.sctypes["int"], [*np.sctypes]
of = np.obj2sctype(np.ones(2)), np.obj2sctype("nothing", 3), np.sctype2char("float32"), np.maximum_sctype(np.int8)
is_type = np.issctype(np.int32), np.issctype(3), np.issctype(dict)
common = [np.find_common_type(a, b).name for a, b in (("f", "l"), (["i8", "f4"], []), ("l", "f"), ([], "?"))]
"""
    )
    unsigned = [np.uint8, np.uint16, np.uint32, np.uint64]
    parts = ["int", "uint", "float", "complex", "others"]
    assert found["floats"] == ([np.float16, np.float32, np.float64], unsigned, False, parts)
    assert found["of"] == (np.float64, 3, "f", np.int64)
    assert found["is_type"] == (True, False, False)
    assert found["common"] == ["float32", "float64", "float64", "bool"]


def test_names_of_numpy(program):
    found = program(
        """
import numpy as np
from numpy import product
types = np.zeros(2, np.float).dtype, np.array([1, 0], np.bool).dtype, np.array([1]).astype(np.str).dtype.kind
numbers = np.int(2.7), product([2, 3]), np.asscalar(np.array([[4]])), np.Inf, np.NINF
rows = np.row_stack([[1], [2]]), np.msort([[2], [1]]), np.asfarray([1, 2])
"""
    )
    assert found["types"] == (np.float64, np.bool_, "U")
    assert found["numbers"] == (2, 6, 4, np.inf, -np.inf)
    assert [rows.tolist() for rows in found["rows"]] == [[[1], [2]], [[1], [2]], [1.0, 2.0]]


def test_packages_do_not_see_them(program):
    import numpy.testing

    source = "import numpy\nfound = hasattr(numpy, 'float')"
    assert not _run(source, "package", numpy.testing.__file__)["found"]
    assert program(source)["found"]
    removed_names.deactivate()
    with pytest.raises(AttributeError, match=r"module 'numpy' has no attribute 'float'"):
        program("import numpy\nnumpy.float")


def test_unknown_names_are_errors(program):
    with pytest.raises(AttributeError, match=r"module 'numpy' has no attribute 'nothing'"):
        program("import numpy\nnumpy.nothing")
    with pytest.raises(AttributeError, match=r"module 'time' has no attribute 'nothing'") as error:
        program("import time\ntime.nothing")
    assert error.value.name == "nothing"
    with pytest.raises(ImportError, match=r"cannot import name 'nothing'"):
        program("from imp import nothing")


def test_modules_of_python(program, tmp_path):
    (tmp_path / "settings.py").write_text("value = 3\n")
    found = program(
        f"""
import collections, imp, inspect, string, time
from collections import Mapping
from distutils.util import strtobool
from distutils.dir_util import copy_tree
from fractions import gcd
settings = imp.load_source("settings", {str(tmp_path / "settings.py")!r})
results = isinstance({{}}, Mapping), strtobool("Yes"), gcd(4, 6), time.clock() >= 0, string.lowercase[:3]
names, rest, keywords, defaults = inspect.getargspec(lambda a, b=2, *c: 0)
"""
    )
    assert found["results"] == (True, 1, 2, True, "abc")
    assert (found["names"], found["rest"], found["keywords"], found["defaults"]) == (["a", "b"], "c", None, (2,))
    assert found["settings"].value == 3
    with pytest.raises(ValueError, match=r"val of strtobool: expected 'yes' or 'no', got 'perhaps'"):
        functions.strtobool("perhaps")


def test_functions_of_strings_and_versions(program):
    found = program(
        """
import string, sys
from distutils.version import LooseVersion as Version
from itertools import izip
from numpy import cast
from numpy.compat import asbytes, asstr
sys.setdefaultencoding("utf-8")
texts = string.join(["a", "b"], "-"), string.upper("a"), string.atoi("3"), asbytes("a"), asstr(b"a")
order = Version("1.10") > Version("1.9.1"), Version("2.0.0-rc1") == "2.0.0-rc1", Version("1.13.0-rc1") > "1.13"
version = str(Version("1.2b")), repr(Version("1.2b")), Version("1.2b").version, len({Version("1"), Version("1")})
values = cast["int32"]([1.7]), list(izip([1], [2]))
"""
    )
    assert found["texts"] == ("a-b", "A", 3, b"a", "a")
    assert found["order"] == (True, True, True)
    assert found["version"] == ("1.2b", "LooseVersion ('1.2b')", [1, 2, "b"], 1)
    assert (found["values"][0].dtype, found["values"][1]) == (np.int32, [(1, 2)])


def test_members_of_classes(program, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = [1, 2]
        found = program(
            """
import random, threading
def read(file): return file["a"].value.tolist()
alive = threading.Thread().isAlive()
one = random.sample({1}, 1)
"""
        )
        assert found["read"](file) == [1, 2]
        with pytest.raises(AttributeError, match=r"'Dataset' has no attribute 'value'"):
            _run("def read(file): return file['a'].value", "package", np.testing.__file__)["read"](file)
        removed_names.deactivate()
        assert not hasattr(file["a"], "value")
    assert (found["alive"], found["one"]) == (False, [1])


def test_former_arguments_of_scikit_learn(program):
    pytest.importorskip("sklearn")
    found = program(
        """
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.manifold import TSNE
from sklearn.preprocessing import OneHotEncoder
encoder, maps, clusters = OneHotEncoder(sparse=False), TSNE(2, n_iter=300), KMeans(3, n_jobs=2)
counts = CountVectorizer()
counts.fit(["a word"])
names = counts.get_feature_names()
def wrong(): OneHotEncoder(sparse=False, other=1)
"""
    )
    assert found["encoder"].get_params()["sparse_output"] is False
    assert found["maps"].max_iter == 300
    assert found["clusters"].n_clusters == 3
    assert found["names"] == ["word"]
    with pytest.raises(TypeError, match=r"other"):
        found["wrong"]()


def test_modules_of_scikit_learn(program):
    pytest.importorskip("sklearn")
    for name in [name for name in sys.modules if name.startswith("sklearn.externals")]:
        del sys.modules[name]
    found = program(
        "from sklearn.cross_validation import train_test_split as split\nfrom sklearn.externals import joblib"
    )
    assert found["split"] is importlib.import_module("sklearn.model_selection").train_test_split
    assert found["joblib"] is importlib.import_module("joblib")
    with pytest.raises(ImportError, match=r"KFold"):  # whose arguments are others now
        program("from sklearn.cross_validation import KFold")


@pytest.mark.parametrize(
    ("size", "interp", "expected"),
    [
        (50, "nearest", [[70, 90, 110], [190, 210, 230]]),
        (0.5, "bilinear", [[50, 68, 86], [144, 162, 180]]),
        ((2, 3), "bilinear", [[50, 68, 86], [144, 162, 180]]),
        ([2, 3, 1], "bilinear", [[50, 68, 86], [144, 162, 180]]),
    ],
)
def test_resized_images(size, interp, expected):
    found = images.imresize(IMAGE, size, interp)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected, atol=1)


def test_images_of_scipy(program, tmp_path):
    found = program("from scipy.misc import imread, imrotate, imsave, toimage\nfrom scipy import misc, ndimage")
    path = str(tmp_path / "a.png")
    found["imsave"](path, np.linspace(-1, 1, 12).reshape(2, 2, 3))
    expected = [[[0, 23, 46], [70, 93, 116]], [[139, 162, 185], [209, 232, 255]]]
    np.testing.assert_array_equal(found["imread"](path), expected)
    np.testing.assert_array_equal(found["ndimage"].imread(path, mode="L"), [[19, 89], [158, 228]])
    assert found["misc"].imread(path, flatten=True).dtype == np.float32
    np.testing.assert_array_equal(found["imrotate"](IMAGE[:4, :4], 90), np.rot90(IMAGE[:4, :4]))
    assert found["toimage"](np.zeros((3, 5, 7))).size == (7, 5)
    with pytest.raises(ValueError, match=r"arr of toimage: expected \(rows, columns\) or 3 or 4 channels, got \(2"):
        images.toimage(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"interp: expected one of nearest, lanczos, bilinear, bicubic, cubic"):
        images.imresize(IMAGE, 50, "linear")
    with pytest.raises(ValueError, match=r"mode of a gray image: expected None, 'L' or 'F', got 'RGB'"):
        images.toimage(IMAGE, mode="RGB")


def test_arrays_of_rows_of_several_lengths(program, tmp_path):
    source = f"""
import numpy as np
a = np.array([[1, 2], [3]])
np.save({str(tmp_path / "a.npy")!r}, [[1], [2, 3]])
"""
    with pytest.warns(UserWarning, match=r"rows of an array have several lengths: it is an array of objects"):
        found = program(source)
    assert found["a"].dtype == object
    assert found["a"].tolist() == [[1, 2], [3]]
    assert np.load(tmp_path / "a.npy", allow_pickle=True).tolist() == [[1], [2, 3]]
    for call in ("array([[1, 2], [3]], float)", "zeros('a')"):
        with pytest.raises((ValueError, TypeError)):
            program(f"import numpy\nnumpy.{call}")
    with pytest.raises(ValueError, match=r"inhomogeneous"):  # a package
        _run("import numpy\nnumpy.array([[1, 2], [3]])", "package", np.testing.__file__)


def test_earlier_arguments_of_numpy(program):
    found = program(
        """
import numpy as np
shapes = np.reshape([1, 2], newshape=(2, 1)).shape, np.vstack(np.ones(2) for _ in range(3)).shape
bytes = np.fromstring(b"\\x01\\x02", dtype=np.uint8)
bytes[0] += 1
same = np.array(bytes, copy=False)
copied = np.array([1, 2], copy=False)
sizes = np.zeros(3.0).shape, np.ones((2.0, 1)).shape, np.linspace(0, 1, 1e1).size, np.linspace(0, 1, num=2.0).size
np.set_printoptions(threshold=np.nan)
density = np.histogram([0.0, 1.0, 1.0], bins=2, normed=True)[0]
"""
    )
    assert found["shapes"] == ((2, 1), (3, 2))
    assert found["bytes"].tolist() == [2, 2]
    assert found["sizes"] == ((3,), (2, 1), 10, 2)
    for size in ("2.5", "'a'", "(1.5, 2)"):
        with pytest.raises(TypeError, match=r"integer"):
            program(f"import numpy\nnumpy.zeros({size})")
    assert found["same"] is found["bytes"]
    assert found["copied"].tolist() == [1, 2]
    np.testing.assert_allclose(found["density"], [2 / 3, 4 / 3])
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'other'"):
        program("import numpy\nnumpy.reshape([1], other=1)")


def test_numpy_is_given_back(program):
    assert np.array.__wrapped__
    removed_names.deactivate()
    assert not hasattr(np.array, "__wrapped__")
