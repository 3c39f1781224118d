"""No function of the compatibility package drops an argument: it reads it, refuses it, or says that it has no effect.

A parameter that a function does not read must be in `ignores` (gazelle/compat/arguments/ignored.py), in `HARMLESS` or
in `REASONS`.
"""

import ast
import importlib.util
import inspect
import pathlib
import re

import pytest

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import listed
from gazelle.core.errors import ArgumentError

ROOT = pathlib.Path(__file__).parents[2] / "gazelle" / "compat"
#: parameters that have no effect on results in any function: names of nodes, sessions, hints for the execution
HARMLESS = frozenset(
    listed("""name _ session sess options parallel_iterations swap_memory unroll use_locking alg
        copy""")
)
#: methods that are called with fixed arguments, of which a class need not read all
HOOKS = frozenset(
    listed("""weight_decay_of next_velocity init_slot after_update rule keras_order _rate _apply_rule
        compute_mask call step get_constants preprocess_input get_initial_state build record
        is_affected_by setdefault result _create_slots _resource_apply_dense _merge_function
        _get_batches_of_transformed_samples _of_unknown compute_loss crf_loss on_train_begin
        on_train_end on_epoch_begin on_epoch_end on_test_begin __get__ __set__ __new__ joined stacked product result
        compute_gradients weights _is_validated _per_leaf __set_name__ _rate_of_step
        initialize sample next_inputs finalize update _update _calculate_attention mark
        after_create_session before_run after_run end""")
)
#: functions that do nothing or raise an error, with any arguments
NOTHING_TO_DO = frozenset(
    listed("""get_session generate_legacy_interface manual_variable_initialization track_variable unchanged
        preprocess_weights_for_loading check_loss_and_target_compatibility func_load is_sparse _same
        _set_inputs add_update estimator add_graph build_graphs reset unchanged
        get_cell set refuse _not_written _ignored tpu_cluster_resolver stop set_legacy_weight_ordering""")
)
#: "file function": what it does not read, for a reason of its own
REASONS = {
    "addons/embedding_losses.py __init__": "kwargs",  # tensorflow_addons ignores them, too
    "addons/metrics.py __init__": "kwargs",
    "addons/rnn.py __init__": """gamma_initializer gamma_regularizer gamma_constraint
        dropout recurrent_dropout unit_forget_bias""",  # read by their ending; passed to the base class by `_of_base`
    "backend/arithmetic.py print_tensor": "summarize",  # JAX prints
    "backend/loops.py rnn": "input_length",  # that of the inputs
    "backend/sessions.py __init__": "target",  # this process
    "private/keras_src.py make": "metadata",
    "private/legacy_serialization.py deserialize_keras_object": "printable_module_name",  # for error messages
    "closures.py lambda": "y_pred",  # computed in the graph again
    "mixins/masks.py called": "dtype",
    "old_variable.py get_value": "borrow",  # a copy
    "old_variable.py set_value": "borrow",
    "preprocessing/image/affine.py apply_channel_shift": "channel_axis",  # the limits are those of all channels
    "private/utils.py hash_file": "chunk_size",
    "private/utils.py validate_file": "chunk_size",
    "metrics/layer_metrics.py update_state": "sample_weight",  # metrics had no weights
    "pytorch/activation.py _torch_function": "types",  # those of the arguments
    "pytorch/functions.py _backward": "function",
    "pytorch/modules.py __init__": "output_shape",  # that of the result
    "recorded_variable.py method": "read_value",  # the result can be read
    "layers/recurrent.py __init__": "consume_less weights",  # the same results; set by the mixin of layers
    "optimizers/resource_optimizers.py _get_or_make_slot": "op_name",  # of a node
    "scikit_learn.py get_params": "deep",  # no estimators inside
    "tensorflow/ops/arrays.py register_tensor_conversion_function": "priority",
    "tensorflow/ops/arrays.py get_static_value": "partial",
    "tensorflow/ops/arrays.py split": "num",  # the number of sizes
    "tensorflow/v1/global_steps.py global_step": "graph",
    "tensorflow/eager/control.py case": "exclusive strict",
    "tensorflow/eager/control.py cond": "strict",
    "tensorflow/ops/gathering.py argsort": "stable",  # always
    "tensorflow/private_modules.py __init__": "description",
    "tensorflow/private_modules.py _concat": "static",
    "tensorflow/queues.py __init__": "shared_name min_after_dequeue",  # no other threads and processes
    "tensorflow/queues.py close": "cancel_pending_enqueues",
    "tensorflow/initializers.py variance_scaling": "dtype",  # float32
    "tensorflow/v1/rnn_cells.py __init__": "reuse",  # deprecated there
    "tensorflow/v1/rnn_cell_wrappers.py __init__": "dtype input_size reuse",
    "tensorflow/ops/sampling.py sampler": "num_true",  # that of the labels
    "tensorflow/saved_models.py load": "tags",
    "tensorflow/tf_config.py __init__": "__",  # one replica on the devices of JAX
    "tensorflow/tf_config.py get_memory_info": "device",  # the first
}
#: files of base classes, whose methods state what those of others do
INTERFACES = frozenset(("tensor_adapter.py",))
#: files with tables of lambdas, each of which has the signature of a method
TABLES = frozenset(
    listed("""attributes.py mixins/steps.py tensorflow/__init__.py tensorflow/data/dataset.py
        tensorflow/data/dataset_iterators.py tensorflow/data/transformations.py tensorflow/v1/graph_variables.py
        tensorflow/v1/layers.py tensorflow/v1/metrics.py tensorflow/v1/summaries.py tensorflow/ops/sampling.py
        tensorflow/tf_config.py""")
)


def parameters(node):
    given = node.args
    named = [each.arg for each in given.posonlyargs + given.args + given.kwonlyargs]
    return named + [each.arg for each in (given.vararg, given.kwarg) if each]


def names_read(node):
    body = node.body if isinstance(node.body, list) else [node.body]
    found = [n for part in body for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    return {name.id for name in found}


def declared(call, namespace):
    """The names in the argument of `ignores(...)`."""
    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "ignores":
        text = eval(compile(ast.Expression(call.args[0]), "", "eval"), dict(namespace))
        return {one.partition("=")[0] for one in text.split()}
    return set()


def is_read_later(name, source):
    """Whether a class reads the attribute of this name, perhaps for a weight that it adds."""
    weight = re.fullmatch(r"(\w+)_(?:initializer|regularizer|constraint)", name)
    return bool(re.search(rf"\.{name}\b", source) or (weight and re.search(rf'"{weight[1]}[":]', source)))


def unread(path):
    """(place, parameters) of the functions in a file that drop an argument."""
    source = path.read_text()
    tree = ast.parse(source)
    relative = path.relative_to(ROOT)
    module = ".".join(("gazelle.compat", *relative.with_suffix("").parts)).removesuffix(".__init__")
    is_missing = relative.parts[0] == "pytorch" and importlib.util.find_spec("torch") is None
    namespace = {} if is_missing else vars(importlib.import_module(module))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        name = getattr(node, "name", "lambda")
        if not isinstance(node, ast.FunctionDef | ast.Lambda) or name in HOOKS | NOTHING_TO_DO:
            continue
        if name == "lambda" and relative.as_posix() in TABLES:
            continue
        known = HARMLESS | names_read(node) | {"self", "cls", "instance"}
        known |= set(listed(REASONS.get(f"{relative.as_posix()} {name}", "")))
        for call in (*getattr(node, "decorator_list", ()), getattr(parents[node], "func", None)):
            known |= declared(call, namespace)
        missing = [p for p in parameters(node) if p not in known]
        missing = [p for p in missing if name != "__init__" or not is_read_later(p, source)]
        if missing and "locals" not in known:
            yield f"{relative.as_posix()}:{node.lineno} {name}", missing


def test_every_argument_is_read():
    paths = [path for path in sorted(ROOT.rglob("*.py")) if path.name not in INTERFACES]
    found = [one for path in paths for one in unread(path)]
    assert not found, "read them, or declare them with gazelle.compat.arguments.ignored.ignores"


def test_a_dropped_argument_is_found(tmp_path, monkeypatch):
    file = tmp_path / "graph.py"  # a module of the package has this name
    file.write_text("def f(x, axis=0, **_):\n    return x\n\n\n@ignores('axis')\ndef g(x, axis=0):\n    return x\n")
    monkeypatch.setattr("tests.compat.test_ignored_arguments.ROOT", tmp_path)
    monkeypatch.setattr("gazelle.compat.graph.ignores", ignores, raising=False)
    assert list(unread(file)) == [("graph.py:1 f", ["axis"])]


def test_values():
    @ignores("name axis=0 mode='a'")
    def double(x, axis=0):
        return 2 * x

    assert double(1, 0, "name", "a") == double(1, name="n", mode=None) == 2
    for wrong in ({"axis": 1}, {"mode": "b"}, {"axis": [0, 0]}):
        with pytest.raises(ArgumentError, match=r"(axis|mode) of .*double: expected (0|'a'), got"):
            double(1, **wrong)
    with pytest.raises(ArgumentError, match="axis of"):
        double(1, 1)
    with pytest.raises(TypeError, match="axes"):
        double(1, axes=1)


def test_positions():
    @ignores("name@1 check@3=True note")
    def power(base, exponent=2, times=1):
        return base**exponent * times

    assert list(inspect.signature(power).parameters) == ["base", "name", "exponent", "check", "times", "note"]
    assert power(3) == power(3, "n") == power(3, "n", 2, True, 1, "x") == power(3, exponent=2, name="n") == 9
    assert power(3, None, 3, None, 2) == power(3, times=2, exponent=3) == 54
    with pytest.raises(ArgumentError, match=r"check of .*power: expected True, got False"):
        power(3, "n", 2, False)
    with pytest.raises(TypeError, match="positional"):
        power(3, "n", 2, True, 1, "x", 7)
