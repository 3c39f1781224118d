"""The check for bare `Any` in public signatures."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path

SPEC = importlib.util.spec_from_file_location(
    "check_annotations", Path(__file__).parents[2] / "scripts/check_annotations.py"
)
assert SPEC is not None
assert SPEC.loader is not None
check = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check)

SOURCE = textwrap.dedent(
    """
    def parameter(x: Any, y: list[Any]) -> None: ...
    def optional(*, x: Any | None = None) -> int: ...
    def text(x: "Any") -> "Any": ...
    def forwarding(*args: Any, **kwargs: Any) -> None: ...
    def _private(x: Any) -> Any: ...

    class Public:
        def __init__(self, x: int, **kwargs: Any) -> None: ...
        def __call__(self) -> Any: ...
        def __getattr__(self, name: str) -> Any: ...
        def _private(self, x: Any) -> None: ...
        if TYPE_CHECKING:
            def branch(self, x: Any) -> None: ...

    class _Private:
        def method(self, x: Any) -> None: ...
    """
)


def test_bare_any_is_found_in_public_signatures_only() -> None:
    found = check.in_source(SOURCE)
    assert [(name, text.split("`")[1] if "`" in text else "->") for _, name, text in found] == [
        ("parameter", "x"),
        ("optional", "x"),
        ("text", "x"),
        ("text", "->"),
        ("Public.__init__", "kwargs"),
        ("Public.__call__", "->"),
        ("Public.branch", "x"),
    ]


def test_a_limit_can_only_shrink() -> None:
    found = {"gazelle/a.py": check.in_source("def f(x: Any) -> Any: ...")}
    assert list(check.compare(found, {"gazelle/a.py": 2})) == []
    more = list(check.compare(found, {"gazelle/a.py": 1}))
    assert [place for place, _, _ in more] == ["gazelle/a.py:1"] * 2
    for limits in ({"gazelle/a.py": 3}, {"gazelle/a.py": 2, "gazelle/gone.py": 1}):
        assert "lower the number" in list(check.compare(found, limits))[-1][2]
