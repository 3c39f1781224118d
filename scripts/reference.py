"""Write the API reference as Markdown: `python scripts/reference.py [folder]`; without a folder only the counts.

Every name in `__all__` of the public namespaces has one entry: signature, docstring, source, its name in Keras. A name
that several namespaces offer is described once and listed as an alias. The objects are imported, not parsed, because
the operations are created from tables. A finding of `scripts/check_docstrings.py` is an error. `make docs` calls
`pages` (`scripts/site_hooks.py`).
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import check_docstrings

#: pages of gazelle.layers: title, Chinese title, modules whose name starts with one of these
FAMILIES = {
    "core": ("Core", "核心", "core base input embedding einsum_dense wrappers spectral weight serialization"),
    "convolution": ("Convolution", "卷积", "convolution"),
    "pooling": ("Pooling", "池化", "pooling adaptive_pooling"),
    "recurrent": ("Recurrent", "循环", "rnn lstm gru simple_rnn recurren stacked_cells bidirectional conv_lstm"),
    "attention": ("Attention", "注意力", "attention multi_head grouped_query"),
    "normalization": ("Normalization and regularization", "归一化与正则化", "normalization batch_norm regularization"),
    "activation": ("Activation", "激活", "activation"),
    "merging": ("Merging and reshaping", "合并与变形", "merging reshaping padding upsampling spatial"),
    "preprocessing": ("Preprocessing", "预处理", "scaling categories hashing lookup text spectrogram pipeline numpy"),
    "image": ("Images", "图像", "image"),
    "interop": ("Other libraries", "其他库的模块", "interop stateless saved_model unsupported"),
}
#: names that also are in one of these are described there, as names of gazelle.ops
OPS = ("nn", "linalg", "image", "numpy")
#: namespaces whose modules share a page
SHARED = ("applications", "datasets")
#: labels in Chinese
CHINESE = {
    "Reference": "API 参考",
    "All names": "全部名称",
    "Returns": "返回",
    "Yields": "产出",
    "Raises": "异常",
    "Args": "参数",
    "Call arguments": "调用参数",
    "Attributes": "属性",
    "Example": "示例",
    "Examples": "示例",
    "References": "参考文献",
    "Defined in": "定义于",
    "also": "别名",
    "subclass of": "父类",
    "only in gazelle": "仅 gazelle 提供",
    "property": "属性",
    "name": "名称",
    "page": "页面",
    "names": "名称数",
    "contents": "内容",
    "in Keras": "在 Keras 中",
    "In the gallery": "示例库",
}
#: on pages of the Chinese site
ENGLISH = "说明文字取自代码中的文档字符串，为英文。\n{ .facts }"
HEADING = re.compile(r"^([A-Z][A-Za-z ]+):$")
ENTRY = re.compile(r"(?:\*{0,2}[\w./-]+(?:, \*{0,2}[\w./-]+)*)(?: \([^)]*\))?(?=:\s)")
CODE_SPAN = re.compile(r"(`+)(.+?)\1|(https?://[^\s)>]*[^\s)>.,;])", re.DOTALL)
FORMULA = re.compile(r"(^|\s)(->|<-)\s|\s·\s|\S  +\S")


@dataclass
class Name:
    """A public name: where it is described and what it is called elsewhere."""

    path: str
    value: object
    page: str
    anchor: str
    aliases: list[str] = field(default_factory=list)

    @property
    def short(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def title(self) -> str:
        """The last part; with its module where a page holds several modules, such as `mnist.load_data`."""
        return self.path.removeprefix(f"gazelle.{self.page}.") if self.page in SHARED else self.short

    @property
    def summary(self) -> str:
        """The first line of the docstring, without an equation."""
        return (inspect.getdoc(self.value) or "").partition("\n")[0].partition(":  ")[0].rstrip(".")


@cache
def keras_names(module: str) -> frozenset[str]:
    """The public names of a module of the installed Keras, which is read but not imported."""
    root = importlib.util.find_spec("keras")
    if root is None or root.origin is None:
        raise SystemExit("scripts/reference.py needs an installed Keras for its names: pip install '.[docs]'")
    place = Path(root.origin).parent.joinpath(*module.split(".")[1:])
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.exists():
            return frozenset(re.findall(r"\bas (\w+)", file.read_text(encoding="utf-8")))
    return frozenset()


def keras_name(name: Name) -> str | None:
    """The name in Keras, of the name or one of its aliases."""
    for path in (name.path, *name.aliases):
        module, _, last = path.replace("gazelle", "keras", 1).rpartition(".")
        if last in keras_names(module):
            return f"{module}.{last}"
    return None


def page_of(namespace: str, value: object) -> str:
    """The page, such as "layers/pooling", on which a name of a namespace is described."""
    parts = namespace.split(".")[1:]
    if not parts:
        return "gazelle"
    if parts == ["layers"]:
        file = check_docstrings.location(value).removeprefix("gazelle/layers/")
        for family, (_, _, prefixes) in FAMILIES.items():
            if file.startswith(tuple(prefixes.split())):
                return f"layers/{family}"
        return "layers/core"
    if parts[0] == "ops":
        return "/".join(parts[:2])
    return parts[0] if parts[0] in SHARED else "-".join(parts)


@cache
def collect() -> list[Name]:
    """All public names, each object once under its best path, sorted by page."""
    spaces = check_docstrings.namespaces()
    order = [space for space in spaces if space != "gazelle"] + ["gazelle"]
    found: dict[object, Name] = {}
    for namespace in order:
        module = spaces[namespace]
        for short in check_docstrings.public_names(module):
            value = getattr(module, short)
            if inspect.ismodule(value):
                continue
            key = id(value) if callable(value) else (namespace, short)
            path = f"{namespace}.{short}"
            if key in found:
                name = found[key]
                name.aliases.append(path)
                if getattr(value, "__name__", None) == short and name.short != short:
                    name.aliases.append(name.path)  # `absolute` describes itself, `abs` is an alias
                    name.aliases.remove(path)
                    name.path = path
            else:
                found[key] = Name(path, value, page_of(namespace, value), path)
    for name in found.values():
        if name.page == "ops":
            homes = [part for part in OPS if any(alias.startswith(f"gazelle.ops.{part}.") for alias in name.aliases)]
            name.page = f"ops/{homes[0]}" if homes else "ops/core"
        name.anchor = name.path
    return sorted(found.values(), key=lambda name: (name.page, name.short.lower(), name.path))


class Writer:
    """Markdown of entries, in one language."""

    def __init__(
        self,
        names: list[Name],
        language: str = "en",
        repository: str = "",
        examples: Mapping[str, Sequence[str]] | None = None,
    ):
        self.names = names
        self.examples = examples or {}
        self.labels = CHINESE if language.startswith("zh") else {}
        self.repository = repository
        self.targets: dict[str, list[Name]] = {}
        for name in names:
            for path in (name.path, *name.aliases):
                self.targets.setdefault(path, []).append(name)
                if name not in self.targets.setdefault(path.rpartition(".")[2], []):
                    self.targets[path.rpartition(".")[2]].append(name)

    def label(self, english: str) -> str:
        """A label of the page in its language."""
        return self.labels.get(english, english)

    def link(self, text: str, page: str) -> str:
        """A code span; a link if it is `A`, `a()` or `a.b` and exactly one name is called so."""
        found = self.targets.get(text.removesuffix("()"), []) if re.search(r"^[A-Z]|\.|\(\)$", text) else []
        if len(found) > 1:
            found = [name for name in found if name.page == page]
        if len(found) != 1:
            return f"`{text}`"
        to = found[0]
        return f"[`{text}`]({'' if to.page == page else up(page) + to.page + '.md'}#{to.anchor})"

    def prose(self, text: str, page: str) -> str:
        """Text of a docstring as Markdown: only code spans and addresses are markup."""
        out, position = [], 0
        for match in CODE_SPAN.finditer(text):
            out.append(escape(text[position : match.start()]))
            out.append(f"<{match[3]}>" if match[3] else self.link(match[2], page))
            position = match.end()
        return "".join([*out, escape(text[position:])])

    def body(self, lines: list[str], page: str) -> Iterator[str]:
        """Paragraphs, lists, formulas and examples of a docstring."""
        for block in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
            if not block.strip():
                continue
            if block.lstrip().startswith(">>>"):
                yield f"```pycon\n{inspect.cleandoc(block)}\n```"
            elif block.startswith("| "):
                yield block  # a table
            elif block.startswith("    ") or (FORMULA.search(block) and "`" not in block):
                yield f"```text\n{inspect.cleandoc(block)}\n```"
            elif re.match(r"[-*] ", block):
                items = re.split(r"^[-*] ", block, flags=re.MULTILINE)[1:]
                yield "\n".join(f"- {self.prose(' '.join(item.split()), page)}" for item in items)
            else:
                yield self.prose(block, page)

    def section(self, title: str, lines: list[str], page: str) -> Iterator[str]:
        """A section with a heading: `Args:`, `Returns:`, `Example:`."""
        text = inspect.cleandoc("\n".join(lines)).split("\n")
        yield f"**{self.label(title)}**"
        if title in ("Args", "Raises", "Call arguments", "Attributes"):
            items: list[str] = []
            for line in text:
                match = ENTRY.match(line)
                if match:
                    entry = self.link(match[0], page) if title == "Raises" else f"`{match[0]}`"
                    items.append(f"- {entry}: {self.prose(line[match.end() + 1 :].strip(), page)}")
                elif items:
                    items[-1] += " " + self.prose(line.strip(), page)
                else:
                    items.append(f"- {self.prose(line.strip(), page)}")
            yield "\n".join(items)
        elif title == "References":
            yield "\n".join(f"- {self.prose(line, page)}" for line in "\n".join(text).replace("\n ", " ").split("\n"))
        else:
            yield from self.body(text, page)

    def docstring(self, doc: str, page: str) -> Iterator[str]:
        """A Google style docstring."""
        first, _, rest = doc.partition("\n")
        sentence, gap, equation = first.partition(":  ")
        if gap:
            yield self.prose(sentence, page) + ":"
            yield f"```text\n{equation.strip().removesuffix('.')}\n```"
        elif "  " in first.strip() or " = " in first:
            yield f"```text\n{first}\n```"
        else:
            yield self.prose(first, page)
        lines: list[str] = []
        title = ""
        for line in [*rest.split("\n"), "End:"]:
            heading = HEADING.match(line)
            if heading or (title and line and not line.startswith(" ")):
                if any(map(str.strip, lines)):
                    yield from self.section(title, lines, page) if title else self.body(lines, page)
                title, lines = (heading[1], []) if heading else ("", [line])
            else:
                lines.append(line)

    def source(self, value: object) -> str:
        """The file and line, as a link if the address of the repository is known."""
        file, _, line = check_docstrings.location(value).partition(":")
        if file == "?":
            return ""
        shown = f"`{file}:{line}`"
        return f"[{shown}]({self.repository}/blob/main/{file}#L{line})" if self.repository else shown

    def entry(self, name: Name) -> Iterator[str]:
        """The entry of a name."""
        value = name.value
        yield f"## {name.title} {{ #{name.anchor} }}"
        if not callable(value):
            yield f"```python\n{name.path} = {value!r}\n```"
            return
        yield f"```python\n{signature(name.path, value)}\n```"
        keras = keras_name(name)
        facts = [f"Keras: `{keras}`" if keras else self.label("only in gazelle")]
        if source := self.source(value):
            facts.append(f"{self.label('Defined in')} {source}")
        if name.aliases:
            facts.append(f"{self.label('also')} " + ", ".join(f"`{alias}`" for alias in sorted(set(name.aliases))))
        if inspect.isclass(value):
            base = next((b for b in value.__mro__[1:] if b.__name__ in self.targets), None)
            if base is not None:
                facts.append(f"{self.label('subclass of')} {self.link(base.__name__, name.page)}")
        yield f"{' · '.join(facts)}\n{{ .facts }}"
        yield from self.docstring(inspect.getdoc(value) or "", name.page)
        if found := [link for path in (name.path, *name.aliases) for link in self.examples.get(path, ())]:
            links = ", ".join(link.replace("](", f"](../{up(name.page)}") for link in found[:4])
            yield f"**{self.label('In the gallery')}**: {links}"
        if inspect.isclass(value):
            yield from self.members(name, value)

    def members(self, name: Name, cls: type) -> Iterator[str]:
        """The public methods and properties with a docstring that a class defines itself, without its arguments."""
        try:
            arguments: Container[str] = inspect.signature(cls).parameters
        except ValueError:  # an exception
            arguments = ()
        for short, member in vars(cls).items():
            plain = member.__func__ if isinstance(member, staticmethod | classmethod) else member
            doc = inspect.cleandoc(getattr(plain, "__doc__", None) or "")
            if (
                short.startswith("_")
                or short in arguments
                or not doc
                or not (inspect.isfunction(plain) or isinstance(plain, property))
            ):
                continue
            yield f"### {name.short}.{short} {{ #{name.anchor}.{short} }}"
            if isinstance(plain, property):
                yield f"*{self.label('property')}*"
            else:
                yield f"```python\n{signature(short, plain)}\n```"
            yield from self.docstring(doc, name.page)


def up(page: str) -> str:
    """The relative path from a page to the folder of the reference."""
    return "../" * page.count("/")


def escape(text: str) -> str:
    """Text without meaning to Markdown."""
    return re.sub(r"([*_<>\[\]#|$~\\])", r"\\\1", text)


def signature(path: str, value: object) -> str:
    """`path(arguments) -> result`, one argument per line if it is long; types without their modules."""
    try:
        found = inspect.signature(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return f"{path}(...)"
    parameters = [p for p in found.parameters.values() if p.name not in ("self", "cls")]
    rows = []
    for number, parameter in enumerate(parameters):
        keyword_only = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        kinds = [p.kind for p in parameters[:number]]
        if keyword_only and not {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.KEYWORD_ONLY} & set(kinds):
            rows.append("*")
        rows.append(plain_types(str(parameter)))
    result = found.return_annotation
    arrow = "" if inspect.isclass(value) or result is inspect.Signature.empty else f" -> {annotation(result)}"
    line = f"{path}({', '.join(rows)}){arrow}"
    return line if len(line) <= 76 else f"{path}(\n    " + ",\n    ".join(rows) + f",\n){arrow}"


def annotation(value: object) -> str:
    """A type as text."""
    return plain_types(value if isinstance(value, str) else inspect.formatannotation(value))


def plain_types(text: str) -> str:
    """Types without quotes and without the modules they come from."""
    text = re.sub(r"(: |-> )'((?:[^'\\]|\\.)*)'", r"\1\2", text)
    text = re.sub(r'(: |-> )"([^"]*)"', r"\1\2", text)
    text = re.sub(r"\b(?:[a-z_]\w*\.)+([A-Z]\w*)", r"\1", text)
    text = re.sub(r"(\*\*\w+): (?:Unpack\[\w+\]|Never)", r"\1", text)  # listed in the docstring
    return re.sub(r"<(function|class|object) '?([\w.]+)[^>]*>", r"\2", text)


def title_of(page: str, chinese: bool) -> str:
    """The title of a page."""
    first, _, rest = page.partition("/")
    if first == "layers":
        return ("层：" if chinese else "Layers: ") + FAMILIES[rest][1 if chinese else 0]
    return page.replace("/", ".").replace("-", ".").removesuffix(".core")


def links(folder: str) -> Callable[[str], str | None]:
    """A function from a path such as `gazelle.layers.Dense` to a link, for a page with this path to the reference."""
    targets = {path: name for name in collect() for path in (name.path, *name.aliases)}

    def link(path: str) -> str | None:
        name = targets.get(path)
        return f"[`{name.title}`]({folder}{name.page}.md#{name.anchor})" if name else None

    return link


def pages(
    language: str = "en", repository: str = "", examples: Mapping[str, Sequence[str]] | None = None
) -> dict[str, str]:
    """The Markdown of each page by its path; raises SystemExit if a docstring is incomplete.

    `examples` are programs that use a name, by its path: links to pages, relative to the folder of the site.
    """
    if found := check_docstrings.findings():
        raise SystemExit("\n".join(f"{place}: {name}: {text}" for _, place, name, text in found))
    names, chinese = collect(), language.startswith("zh")
    writer = Writer(names, language, repository, examples)
    by_page: dict[str, list[Name]] = {}
    for name in names:
        by_page.setdefault(name.page, []).append(name)
    written = {}
    for page, entries in by_page.items():
        table = [f"| {writer.label('name')} | {writer.label('contents')} |", "|---|---|"]
        table += [f"| [`{n.title}`](#{n.anchor}) | {writer.prose(n.summary, page)} |" for n in entries]
        text = [f"# {title_of(page, chinese)}", *([ENGLISH] if chinese else []), "\n".join(table)]
        text += [part for name in entries for part in writer.entry(name)]
        written[f"{page}.md"] = "\n\n".join(text) + "\n"
    heads = [f"| {writer.label('page')} | {writer.label('names')} | {writer.label('contents')} |", "|---|---|---|"]
    for page, entries in by_page.items():
        some = ", ".join(f"`{n.title}`" for n in entries[:6]) + (" …" if len(entries) > 6 else "")
        heads.append(f"| [{title_of(page, chinese)}]({page}.md) | {len(entries)} | {some} |")
    described = [name for name in names if callable(name.value)]
    counts = (
        f"{len(names)} 个名称，其中 {len(described)} 个类和函数都有完整的文档字符串；有不完整的，网站就无法生成。"
        if chinese
        else f"{len(names)} names; all of the {len(described)} classes and functions have complete docstrings, without "
        "which the site is not built."
    )
    written["index.md"] = "\n\n".join([f"# {writer.label('Reference')}", counts, "\n".join(heads)]) + "\n"
    rows = [f"| {writer.label('name')} | {writer.label('in Keras')} |", "|---|---|"]
    for name in sorted(names, key=lambda n: n.path.lower()):
        rows.append(f"| {writer.link(name.path, '')} | {f'`{keras_name(name)}`' if keras_name(name) else '–'} |")
    written["names.md"] = (
        "---\nsearch:\n  exclude: true\n---\n\n" + f"# {writer.label('All names')}\n\n" + "\n".join(rows)
    )
    return written


def main(arguments: list[str]) -> int:
    written = pages(arguments[1] if len(arguments) > 1 else "en")
    if arguments:
        for path, text in written.items():
            file = Path(arguments[0], path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    names = collect()
    described = [name for name in names if callable(name.value)]
    examples = sum(">>>" in (inspect.getdoc(name.value) or "") for name in described)
    print(f"{len(names)} names on {len(written) - 2} pages, {sum(len(name.aliases) for name in names)} aliases")
    print(f"{len(described)} classes and functions: complete docstrings 100 %, with an example {examples}")
    print(f"{sum(keras_name(name) is not None for name in names)} have a name in Keras")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
