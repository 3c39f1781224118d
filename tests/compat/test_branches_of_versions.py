"""Programs for several versions of TensorFlow, and the `__version__` that programs expect."""

import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import version
from gazelle.compat.source import detect

IMPORT = "import tensorflow as tf\nfrom tensorflow import keras\nkeras.Sequential()\n"


def found_in(folder, source, requirements=""):
    (folder / "README.md").touch()  # the root of a project, above which nothing is read
    (folder / "requirements.txt").write_text(requirements)
    program = folder / "program.py"
    program.write_text(source)
    return detect.detect(str(program))


@pytest.mark.parametrize(
    "branches",
    [
        "if tf.__version__[0] == '2':\n    pass\nelse:\n    tf.Session(config=tf.ConfigProto())\n",
        "tf_version = int(tf.__version__.split('.')[0])\nif tf_version == 1:\n    tf.Session()\n",
        "new = None if hasattr(tf, 'config') else tf.Session()\n",
        "try:\n    tf.set_random_seed(1)\n    tf.Session()\nexcept AttributeError:\n    tf.random.set_seed(1)\n",
        "try:\n    gpus = tf.config.list_physical_devices()\nexcept:\n    tf.Session()\n",
    ],
)
def test_names_in_a_branch_for_another_version_do_not_show_tensorflow_1(tmp_path, branches):
    found = found_in(tmp_path, IMPORT + branches)
    assert (found.number, found.standalone, found.version) == (2, False, None)


@pytest.mark.parametrize(
    "further",
    [
        "tf.Session()\n",
        "if use_gpu:\n    tf.Session()\n",
        "try:\n    tf.Session()\nexcept ValueError:\n    tf.reset_default_graph()\n",
        "if sys.version_info[0] == 3:\n    tf.Session()\n",
        "if tf.__version__ < '2':\n    tf.Session()\ntf.placeholder('float32')\n",
    ],
)
def test_names_outside_of_such_branches_show_tensorflow_1(tmp_path, further):
    assert found_in(tmp_path, IMPORT + further).version == (2, 2)


def test_requirements_show_tensorflow_1_to_a_program_for_several_versions(tmp_path):
    branches = "if tf.__version__[0] == '1':\n    tf.Session()\n"
    assert found_in(tmp_path, IMPORT + branches, "tensorflow==1.14.0\n").version == (2, 2)


@pytest.mark.parametrize(
    ("source", "requirements", "expected"),
    [
        ("if not tf.__version__.startswith('1.'):\n    raise Exception\ntf.Session()\n", "", "1.15.5"),
        ("assert int(tf.__version__.split('.')[0]) == 1\ntf.Session()\n", "", "1.15.5"),
        ("assert tf.__version__.startswith('1.4')\ntf.Session()\n", "", "1.4.0"),
        ("assert tf.__version__.startswith('2')\n", "", "2.15.0"),
        ("if tf.__version__[0] == '1':\n    tf.Session()\n", "", "2.15.0"),
        ("", "tensorflow-gpu==2.4\n", "2.4.0"),
        ("", "tensorflow==1.13.0rc1\n", "1.13.0rc1"),
        ("", "tensorflow>=1.4\n", "2.15.0"),
        ("tf.Session()\n", "", "2.15.0"),
    ],
)
def test_the_version_of_tensorflow_that_a_program_expects(keras_2, tmp_path, source, requirements, expected):
    era.set_release(found_in(tmp_path, IMPORT + source, requirements))
    assert version("tensorflow") == expected


@pytest.mark.parametrize(
    ("source", "requirements", "expected"),
    [
        ("assert keras.__version__ == '1.0.0'\nkeras.layers.Convolution3D(1, 2, 2, 2, nb_filter=2)\n", "", "1.0.0"),
        ("keras.optimizers.SGD(lr=0.1)\n", "keras==2.2.4\n", "2.2.4"),
        ("keras.optimizers.SGD(lr=0.1)\n", "", "2.3.1"),
    ],
)
def test_the_version_of_keras_that_a_program_expects(keras_2, tmp_path, source, requirements, expected):
    era.set_release(found_in(tmp_path, "import keras\n" + source, requirements))
    assert version("keras") == expected
