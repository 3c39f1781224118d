"""`if`, `while` and `for` over `tf.range` on tensors whose values are traced, as AutoGraph of TensorFlow compiles them.

A function is rewritten if Python needed the value of a traced tensor in it. An `if` whose branches assign names or
return becomes a call of `branch`, a `while` one of `loop`, a `for` one of `count`; they run as plain Python if the
value is known. Branches that change objects stay as they are, since JAX traces both.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import sys
import textwrap
import tokenize
from collections.abc import Callable, Iterator
from types import CellType, FunctionType, MethodType
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import listed
from gazelle.compat.tensorflow.eager.captured import recorded
from gazelle.compat.tensorflow.eager.programs import NotCompilableError
from gazelle.compat.tensorflow.eager.recording import is_array, is_box, unboxed
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1 import loops
from gazelle.compat.types import TensorLike
from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, message

#: methods that change an object
_CHANGES = frozenset(listed("add append apply_gradients assign assign_add assign_sub extend pop update update_state"))
_INNER_LOSSES = (
    "A layer adds a loss or a metric in an `if` or loop on tensors, whose values are not known outside of it.\n"
    "Call the layer before it and select with tf.where, or use compile(run_eagerly=True)."
)
_LEAVES = (ast.Return, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom, ast.Raise, ast.Global, ast.Nonlocal)


class _Undefined:
    """The value of a name that was not assigned."""

    def __repr__(self) -> str:
        return "a name that only one branch of an `if` on a tensor assigns"


UNDEFINED = _Undefined()


def current(read: Callable[[], Any]) -> Any:
    """The value of a name, or UNDEFINED."""
    try:
        return read()
    except NameError:
        return UNDEFINED


def _is_leaf(value: Any) -> bool:
    return is_box(value) or value is None or value is UNDEFINED


def _arrays(out: Any, static: list[Any]) -> list[Any]:
    """The numbers of a result as arrays; `static` receives the rest of it."""
    flat, structure = jax.tree.flatten(out, is_leaf=_is_leaf)
    values = [unboxed(v) for v in flat]
    numeric = [is_array(v) or isinstance(v, bool | int | float) for v in values]
    static[:] = [structure, [None if n else v for n, v in zip(numeric, values, strict=True)], numeric]
    return [jnp.asarray(v) for n, v in zip(numeric, values, strict=True) if n]


def _restored(static: list[Any], arrays: Any) -> Any:
    structure, rest, numeric = static
    given = iter(arrays)
    return jax.tree.unflatten(structure, [Tensor(next(given)) if n else v for n, v in zip(numeric, rest, strict=True)])


@contextlib.contextmanager
def _without_losses() -> Iterator[None]:
    """Raise an error if a layer in the block adds a loss or a metric: its value is not known outside of a branch."""
    scope = tracing.current()
    before = scope and (len(scope.losses), len(scope.reports))
    yield
    if scope is not None and (len(scope.losses), len(scope.reports)) != before:
        raise NotCompilableError(_INNER_LOSSES)


def branch(test: TensorLike, yes: Callable[..., Any], no: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    """The result of one of two functions; both are traced if the test is."""
    condition = unboxed(test)
    if not isinstance(condition, jax.core.Tracer):
        return yes(*values) if condition else no(*values)
    first: list[Any] = []
    second: list[Any] = []
    try:
        with _without_losses():
            arrays = recorded(
                lambda holds: jax.lax.cond(
                    jnp.reshape(holds, ()), lambda: _arrays(yes(*values), first), lambda: _arrays(no(*values), second)
                ),
                condition,
            )
    except TypeError as error:
        if "branch" not in str(error) and "true_fun" not in str(error):
            raise
        text = message(
            "An `if` on a tensor",
            expected="branches that assign or return tensors of the same shapes and dtypes",
            got=str(error).split("\n")[0],
        )
        raise ArgumentError(text) from error
    merged = [a if a is b or a == b else UNDEFINED for a, b in zip(first[1], second[1], strict=True)]
    if any(isinstance(a, str) and isinstance(b, str) and a != b for a, b in zip(first[1], second[1], strict=True)):
        raise NotCompilableError("An `if` on a tensor that assigns strings is not compiled.")
    return _restored([first[0], merged, first[2]], arrays)


def loop(test: Callable[..., Any], body: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    """The values after a `while`, which is compiled if its test is traced."""
    while True:
        condition = unboxed(test(*values))
        if isinstance(condition, jax.core.Tracer):
            break
        if not condition:
            return values
        values = body(*values)
    static: list[Any] = []
    start = _arrays(values, static)
    is_local = [value is UNDEFINED for value in values]  # first assigned in the body, unknown after the loop

    def step(arrays: Any) -> Any:
        after = body(*_restored(static, arrays))
        new = _arrays(tuple(UNDEFINED if n else v for n, v in zip(is_local, after, strict=True)), [])
        return [jnp.asarray(v, w.dtype) for v, w in zip(new, arrays, strict=True)]

    holds = lambda arrays: jnp.reshape(jnp.asarray(unboxed(test(*_restored(static, arrays)))), ())  # noqa: E731
    with _without_losses():
        return _restored(static, recorded(lambda start: loops.while_loop(holds, step, start), start))


def count(numbers: Callable[..., Any], args: tuple[Any, ...], body: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    """The values after a `for` over `range(*args)`, which is compiled if an end of the range is traced."""
    ends = [unboxed(v) for v in args]
    if not any(isinstance(v, jax.core.Tracer) for v in ends):
        for number in numbers(*args):
            values = body(number, *values)
        return values
    start, stop, step = (0, *ends, 1) if len(ends) == 1 else (*ends, 1)[:3]
    rising = lambda number, *_: jnp.where(jnp.asarray(step) > 0, unboxed(number) < stop, unboxed(number) > stop)  # noqa: E731
    advance = lambda number, *given: (number + step, *body(number, *given))  # noqa: E731
    return loop(rising, advance, (Tensor(jnp.asarray(start)), *values))[1:]


def _stored(statements: list[ast.stmt]) -> list[str] | None:
    """The names that statements assign; None if they also change objects or leave the block."""
    names: dict[str, None] = {}
    for node in (inner for statement in statements for inner in ast.walk(statement)):
        changes = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES
        stores = isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)
        if changes or stores or isinstance(node, _LEAVES):
            return None
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and not node.id.startswith("_gazelle"):
            names[node.id] = None
    return list(names)


class _Rewriter(ast.NodeTransformer):
    def __init__(self) -> None:
        self.count = 0

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements of a block, rewritten."""
        out: list[ast.stmt] = []
        for position, statement in enumerate(statements):
            rest = statements[position + 1 :]
            if isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Return):
                other = statement.orelse or rest
                if other and isinstance(other[-1], ast.Return) and (rest == [] or not statement.orelse):
                    made = self._branches(statement.test, statement.body, other, returns=True)
                    if made is not None:
                        return out + made
            out += self._statement(statement)
        return out

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        made = None
        if isinstance(statement, ast.If):
            made = self._branches(statement.test, statement.body, statement.orelse)
        elif isinstance(statement, ast.While) and not statement.orelse:
            made = self._loop(statement)
        elif isinstance(statement, ast.For) and not statement.orelse:
            made = self._count(statement)
        if made is not None:
            return made
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(statement, field, None)
            if isinstance(inner, list) and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                setattr(statement, field, self.block(inner))
        return [statement]

    def _branches(self, test: ast.expr, body: Any, orelse: Any, returns: bool = False) -> list[ast.stmt] | None:
        ends = (body[:-1], orelse[:-1]) if returns else (body, orelse)
        stored = [_stored(part) for part in ends]
        if stored[0] is None or stored[1] is None:
            return None
        names = list(dict.fromkeys([*stored[0], *stored[1]]))
        if not names and not returns:
            return None
        yes, no = (self._function(self.block(part), names, returns) for part in (body, orelse))
        call = f"_gazelle_graph.branch(0, {yes.name}, {no.name}, {self._values(names)})"
        return [yes, no, self._call(call, test, names, returns)]

    def _loop(self, statement: ast.While) -> list[ast.stmt] | None:
        names = _stored(statement.body)
        if not names:
            return None
        test = self._function([ast.Return(statement.test)], names, True)
        body = self._function(self.block(statement.body), names, False)
        call = f"_gazelle_graph.loop({test.name}, {body.name}, {self._values(names)})"
        return [test, body, self._call(call, None, names, False)]

    def _count(self, statement: ast.For) -> list[ast.stmt] | None:
        numbers, names = statement.iter, _stored(statement.body)
        if not names or not isinstance(numbers, ast.Call) or not isinstance(statement.target, ast.Name):
            return None
        is_plain = not numbers.keywords and not any(isinstance(arg, ast.Starred) for arg in numbers.args)
        if not is_plain or ast.unparse(numbers.func) not in ("range", "tf.range", "tensorflow.range"):
            return None
        names = [name for name in names if name != statement.target.id]
        body = self._function(self.block(statement.body), names, False)
        body.args.args.insert(0, ast.arg(statement.target.id))
        args = ast.unparse(ast.Tuple(numbers.args, ast.Load()))
        values = f"{ast.unparse(numbers.func)}, {args}, {body.name}, {self._values(names)}"
        return [body, self._call(f"_gazelle_graph.count({values})", None, names, False)]

    def _function(self, body: list[ast.stmt], names: list[str], returns: bool) -> ast.FunctionDef:
        self.count += 1
        text = f"def _gazelle_{self.count}({', '.join(names)}):\n    return ({''.join(f'{n}, ' for n in names)})"
        made = ast.parse(text).body[0]
        assert isinstance(made, ast.FunctionDef)
        made.body = body if returns else [*body, *made.body]
        return made

    @staticmethod
    def _values(names: list[str]) -> str:
        return f"({''.join(f'_gazelle_graph.current(lambda: {n}), ' for n in names)})"

    @staticmethod
    def _call(text: str, test: ast.expr | None, names: list[str], returns: bool) -> ast.stmt:
        made = ast.parse(f"return {text}" if returns else f"{''.join(f'{n}, ' for n in names)} = {text}").body[0]
        value: Any = made.value
        if test is not None:
            value.args[0] = test
        return made


@functools.cache
def rewritten(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function with its `if`, `while` and `for` rewritten; None if there is nothing to rewrite."""
    if isinstance(function, MethodType):
        made = rewritten(function.__func__)
        return made and MethodType(made, function.__self__)
    if not isinstance(function, FunctionType):
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        return None
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        return None
    rewriter = _Rewriter()
    definition.body, definition.decorator_list = rewriter.block(definition.body), []
    if not rewriter.count:
        return None
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    cells["_gazelle_graph"] = CellType(sys.modules[__name__])
    outer = ast.parse(f"def _gazelle_outer({', '.join(cells)}):\n    return 0").body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.body = [definition, ast.Return(ast.Name(definition.name, ast.Load()))]
    tree.body = [outer]
    names: dict[str, Any] = {}
    code = compile(ast.fix_missing_locations(tree), inspect.getsourcefile(function) or "autograph", "exec")
    exec(code, names)
    inner = names["_gazelle_outer"](*cells)
    closure = tuple(cells[name] for name in inner.__code__.co_freevars)
    made = FunctionType(inner.__code__, function.__globals__, function.__name__, function.__defaults__, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _plain(entity: Any) -> Any:
    """The function that a `tf.function` compiles."""
    return getattr(entity, "python_function", entity)


_OPTIONS = "recursive experimental_optional_features arg_values arg_types"
named("autograph.to_graph")(ignores(_OPTIONS)(lambda entity: rewritten(_plain(entity)) or _plain(entity)))
named("autograph.to_code")(
    ignores(_OPTIONS)(lambda entity: textwrap.dedent(inspect.getsource(inspect.unwrap(_plain(entity)))))
)
