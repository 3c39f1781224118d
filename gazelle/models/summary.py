"""Summary of a model: its layers, their output shapes and their numbers of weights."""

from __future__ import annotations

import html as escaping
import io
import logging
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, message
from gazelle.core.printable import printable
from gazelle.models.layer_costs import size
from gazelle.models.summary_rows import Row, is_chain, rows
from gazelle.training.callbacks.progress_output import is_terminal

if TYPE_CHECKING:
    from gazelle.models.model import Model

_TITLES = {
    "name": "Layer (type)",
    "shape": "Output Shape",
    "params": "Param #",
    "connected": "Connected to",
    "trainable": "Trainable",
    "time": "Forward",
    "memory": "Output Memory",
}
_RIGHT, _CENTER = ("params", "time", "memory"), ("trainable",)
#: rules of "_" and "=" around the header and at the end, as Keras prints where there are only letters
_PLAIN_BOX = "____\n    \n====\n    \n    \n____\n    \n____\n"
_HINT = "Unbuilt: give the first layer input_shape, or call model.build((None, ...))."


def summary(
    model: Model,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    batch_size: int | None = None,
) -> None:
    """Print the layers of `model`, their output shapes, their numbers of weights, and the totals.

    Args:
        model: the model.
        line_length: columns of the table; as many as it needs, up to the screen's width, if None.
        positions: where the columns end, as parts of the line (0.45, 0.8, 1.0) or as numbers of characters.
        print_fn: a function that receives the whole text instead of the screen.
        expand_nested: also list the layers of models inside the model.
        show_trainable: add a column with Y or N.
        layer_range: (first, last) names of layers or regular expressions; only those between them are listed.
        batch_size: also measure each layer by itself on a batch of this size: the time of a forward call and the memory
            of its output. In the model XLA computes layers together, so that it takes less than the sum.

    Raises:
        ArgumentError: for a range that names no layer, for positions that leave no width for a column, and for a
            batch_size below 1.
    """
    if batch_size is not None and batch_size < 1:
        raise ArgumentError(message("summary's batch_size", expected="a number of samples above 0", got=batch_size))
    if print_fn is None and not settings.is_interactive_logging_enabled():
        print_fn = logging.getLogger("gazelle").info
    names = columns(model, show_trainable) + ([] if batch_size is None else ["time", "memory"])
    listed = rows(model, expand_nested, layer_range, batch_size)
    width = line_length or min(shutil.get_terminal_size((80, 24)).columns, 88 + 24 * (len(names) - 3))
    widths = None if positions is None else _widths(positions, width, len(names))
    if print_fn is None and is_terminal():
        from rich.console import Console

        _print(model, names, listed, Console(file=sys.stdout, highlight=False), line_length, widths, plain=False)
        return
    text = _text(model, names, listed, width, line_length, widths)
    if print_fn is None:
        sys.stdout.write(text + "\n")
    else:
        print_fn(text)


def _text(model: Model, names: Any, listed: Any, width: int, line_length: int | None, widths: Any) -> str:
    from rich.console import Console

    page = io.StringIO()
    console = Console(file=page, width=width, color_system=None, force_terminal=False, highlight=False, _environ={})
    _print(model, names, listed, console, line_length, widths, plain=True)
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip().split("\n"))


def columns(model: Model, show_trainable: bool = False) -> list[str]:
    """The fields of `Row` to show; connections only if the layers are not a plain sequence."""
    connected = [] if is_chain(model) else ["connected"]
    return ["name", "shape", "params", *connected, *(["trainable"] if show_trainable else [])]


def _print(
    model: Model,
    names: list[str],
    listed: list[Row],
    console: Any,
    line_length: int | None,
    widths: list[int] | None,
    *,
    plain: bool,
) -> None:
    """Format the table with rich. Cells are Text without markup, because a layer may be named "[red]"."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    edges = box.Box(_PLAIN_BOX, ascii=True) if plain else box.ROUNDED
    table = Table(
        box=edges,
        width=line_length,
        show_edge=True,
        pad_edge=not plain or widths is not None,
        header_style="bold",
        border_style="" if plain else "bright_black",
    )
    for index, name in enumerate(names):
        side: Any = "right" if name in _RIGHT else "center" if name in _CENTER else "left"
        # two columns go to the padding, and a border takes one
        width = None if widths is None else max(widths[index] - 2 - (not plain), 1)
        table.add_column(_TITLES[name], justify=side, width=width, overflow="fold")
    for row in listed:
        indent = "   " * (row.level - 1) + ("|_ " if plain else "└─ ") if row.level else ""
        cells = {
            "name": Text.assemble(f"{indent}{row.name} (", (row.kind, "cyan"), ")"),
            "shape": Text(row.shape),
            "params": Text(row.params, style="green" if row.params != "unbuilt" else "yellow"),
            "connected": Text(row.connected),
            "trainable": Text(row.trainable),
            "time": Text(row.time),
            "memory": Text(row.memory),
        }
        table.add_row(*(cells[name] for name in names))
    console.print(Text(f'Model: "{printable(model.name)}"', style="bold"))
    console.print(table)
    for label, count, space in totals(model):
        console.print(Text.assemble((f" {label}: ", "bold"), (f"{count:,}", "green"), f" ({space})"))
    if any(row.params == "unbuilt" for row in listed):
        console.print(Text(_HINT, style="yellow"))


def totals(model: Model) -> list[tuple[str, int, str]]:
    """(label, number of weights, memory) of all, the trainable and the other weights."""
    trainable, other = list(model.trainable_weights), list(model.non_trainable_weights)
    groups = (("Total params", trainable + other), ("Trainable params", trainable), ("Non-trainable params", other))
    return [(label, sum(v.size for v in group), size(group)) for label, group in groups]


def _widths(positions: Any, width: int, count: int) -> list[int]:
    """Widths of the columns from their end positions."""
    ends = list(positions)
    if ends and ends[-1] <= 1:
        ends = [int(width * end) for end in ends]
    if len(ends) == count - 1:  # without a position for the column of show_trainable or of connections
        ends = [int(end * 0.9) for end in ends] + [ends[-1]]
    widths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    if len(widths) != count or min(widths) < 4:
        raise ArgumentError(
            message(
                "summary's positions",
                expected=f"{count} columns of 4 characters or more",
                got=ends,
                hint=f"Or raise line_length: the line has {width} characters.",
            )
        )
    return widths


def html(model: Model) -> str:
    """The summary as a table for notebooks."""
    names = columns(model)

    def line(tag: str, cells: Iterable[str]) -> str:
        styles = (f"text-align:{'right' if name in _RIGHT else 'left'}" for name in names)
        return "".join(f'<{tag} style="{s}">{escaping.escape(c)}</{tag}>' for s, c in zip(styles, cells, strict=True))

    def cells(row: Row) -> list[str]:
        own = {"name": f"{row.name} ({row.kind})", "shape": row.shape, "params": row.params, "connected": row.connected}
        return [own[name] for name in names]

    head = f"<thead><tr>{line('th', (_TITLES[name] for name in names))}</tr></thead>"
    listed = rows(model)
    body = "".join(f"<tr>{line('td', cells(row))}</tr>" for row in listed)
    ends = "<br>".join(f"{label}: {count:,} ({space})" for label, count, space in totals(model))
    hint = f"<br>{escaping.escape(_HINT)}" if any(row.params == "unbuilt" for row in listed) else ""
    name = escaping.escape(f'{type(model).__name__} "{printable(model.name)}"')
    return f"<div><b>{name}</b><table>{head}<tbody>{body}</tbody></table><p>{ends}{hint}</p></div>"
