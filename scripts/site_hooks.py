"""Hooks of the site (`mkdocs.yml`): which files are pages, and in which language.

Pages are read where they are: `docs/NAME.md`, the README, the changelog and CONTRIBUTING.md. A Chinese page is
`NAME.zh-CN.md` next to the English one; where there is none, the Chinese site has the English page with a note. The
reference and the gallery are generated (`scripts/reference.py`, `scripts/gallery.py`). A link to a file that is not a
page becomes its path, or a link to the repository if `repo_url` is set.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
import gallery  # noqa: E402
import reference  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

#: pages outside docs/
OUTSIDE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
#: the links at the head of a page, to the other language and other pages; the site has menus for them
HEAD = re.compile(r"^\[(?:中文|English)\]\(.*\n", re.MULTILINE)
#: line breaks within a Chinese text, which would be shown as spaces
WIDE = r"[\u3000-\u9fff\uff00-\uffef]"
BREAK = re.compile(rf"(?<={WIDE})\n(?={WIDE})|(?<=[，、；：。（）])\n(?=[\[`\w])(?!\d+\. )")
NOTE = "本页没有中文版，以下为英文原文。"
FENCE = re.compile(r"^(```.*?^```$)", re.DOTALL | re.MULTILINE)


def joined(text: str) -> str:
    """A Chinese text without the line breaks in its paragraphs; a heading keeps the one after it."""

    def join(found: re.Match[str]) -> str:
        line = found.string[: found.start()].rpartition("\n")[2]
        return "\n" if line.startswith("#") else ""

    return BREAK.sub(join, text)


def chinese(config: MkDocsConfig) -> bool:
    """Whether the Chinese site is built."""
    return config.theme["language"] == "zh"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Generate reference and gallery, and add their pages to the navigation in place of their index."""
    language = "zh" if chinese(config) else "en"
    config.extra["reference"] = reference.pages(language, config.repo_url or "", gallery.uses(language))
    config.extra["gallery"] = gallery.pages(language, reference.links("../reference/"))
    listed = sorted(
        (f"reference/{path}" for path in config.extra["reference"]), key=lambda path: path.removesuffix(".md")
    )
    first = ["reference/index.md", "reference/names.md", "reference/gazelle.md"]
    pages: list[object] = [*first]
    for path in listed:
        if path in first:
            continue
        group = path.split("/")[1]
        if group in ("layers", "ops"):
            if not (isinstance(pages[-1], dict) and group in pages[-1]):
                pages.append({group: []})
            title = reference.title_of(path[len("reference/") : -len(".md")], chinese(config))
            pages[-1][group].append({re.split("[:：.] ?", title)[-1]: path})  # type: ignore[index]
        else:
            pages.append(path)
    for entry in config.nav or []:
        for title, value in entry.items():
            if value == ["reference/index.md"]:
                entry[title] = pages
            elif value == ["gallery/index.md"]:
                entry[title] = gallery.navigation(language)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Choose the file of each page in the language of the site."""
    from mkdocs.structure.files import File

    translated = {}
    for file in list(files):
        if file.src_uri.endswith(".zh-CN.md"):
            files.remove(file)
            translated[file.src_uri.replace(".zh-CN", "")] = file.abs_src_path
    for name, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
        other = ROOT / name.replace(".md", ".zh-CN.md")
        if other.exists():
            translated[page] = str(other)
    config.extra["translated"] = translated
    if chinese(config):
        for page, path in translated.items():
            if (english := files.get_file_from_path(page)) is not None:
                files.remove(english)
            files.append(File.generated(config, page, abs_src_path=path))
    for part in ("reference", "gallery"):
        for path, content in config.extra[part].items():
            files.append(File.generated(config, f"{part}/{path}", content=content))
    return files


def page_for(path: str) -> str | None:
    """The page made from a file of the repository, None if there is none."""
    path = path.replace(".zh-CN.md", ".md")
    if path == "examples/gallery":
        return "gallery/index.md"
    return OUTSIDE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)


def anchors(file: Path) -> list[str]:
    """The anchors of the headings of a page, in their order."""
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]


def translated(path: str, anchor: str) -> str:
    """The anchor of a heading in the translation of a page: both languages have the same headings in the same order."""
    other = ROOT / path.replace(".md", ".zh-CN.md")
    if ".zh-CN." in path or not anchor or not other.exists():
        return anchor
    return anchors(other)[anchors(ROOT / path).index(anchor)]


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Change links between files of the repository into links between pages."""
    uri = page.file.src_uri
    if uri.startswith(("reference/", "gallery/")):
        return markdown
    origin = next((name for name, target in OUTSIDE.items() if target == uri), f"docs/{uri}")

    def change(match: re.Match[str]) -> str:
        mark, text, target = match.groups()
        path, hash_sign, anchor = target.partition("#")
        if not path or re.match(r"\w+:", target) or target.startswith(("reference/", "../reference/")):
            return match[0]
        path = os.path.normpath(os.path.join(os.path.dirname(origin), path))
        if chinese(config) and path == origin:  # the English version
            return f'<a href="{"../" * (page.url.count("/") + 1)}{page.url}">{text}</a>'
        if (to := page_for(path)) is not None:
            relative = os.path.relpath(to, os.path.dirname(uri) or ".")
            anchor = translated(path, anchor) if chinese(config) else anchor
            return f"{mark}[{text}]({relative}{hash_sign}{anchor})"
        if config.repo_url:
            return f"[{text}]({config.repo_url}/blob/main/{path})"
        return text if text.strip("`") == path else f"{text} (`{path}`)"

    def text(part: str) -> str:
        linked = LINK.sub(change, HEAD.sub("", part))
        return joined(linked) if chinese(config) else linked

    if chinese(config) and uri not in config.extra["translated"]:
        title, _, rest = markdown.partition("\n")
        markdown = f'{title}\n\n!!! note "{NOTE}"\n{rest}'
    return "".join(part if part.startswith("```") else text(part) for part in FENCE.split(markdown))


def on_page_context(context: dict, page: Page, config: MkDocsConfig, nav: object) -> dict:
    """The language menu leads to the same page of the other language; both sites have the same pages."""
    here = page.url
    to_root = "" if not chinese(config) else "../"
    config.extra["alternate"] = [
        {"name": "English", "lang": "en", "link": f"{to_root}{here}" or "./"},
        {"name": "中文", "lang": "zh", "link": here or "./" if chinese(config) else f"zh/{here}"},
    ]
    return context


def on_post_build(config: MkDocsConfig) -> None:
    """Rank shorter names higher: a search for Conv2D also finds Conv2DTranspose, which is rarer and would be first."""
    file = Path(config.site_dir, "search", "search_index.json")
    index = json.loads(file.read_text(encoding="utf-8"))
    for entry in index["docs"]:
        path = entry["location"].partition("#gazelle.")[2]
        if path and path.rpartition(".")[2] == entry["title"]:
            entry["boost"] = round(1 + 1000 / len(entry["title"]) ** 2, 2)
    file.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
