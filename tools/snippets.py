"""Code in the docs is a copy of tested files.

    python tools/snippets.py [--check]

A block that follows `<!-- include: PATH -->` holds that file, and one that follows `<!-- include: PATH#NAME -->` only a
part of it: a function, class or assignment of a Python file by name, a table of a TOML file. Several names are divided
by commas. Without --check the blocks are rewritten; with it, exit code 1 says which are not what their file says.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import Final

REPO: Final = Path(__file__).resolve().parent.parent
_BLOCK: Final = re.compile(
    r"(<!-- include: (?P<path>[^#\s]+)(?:#(?P<names>\S+))? -->\n```\w+\n)(?P<code>.*?)(```)", re.S
)
_MARK: Final = "<!-- include:"


def pages() -> list[Path]:
    """Markdown files that may include code."""
    return sorted([*REPO.glob("*.md"), *REPO.glob("docs/*.md"), *REPO.glob("examples/*/*.md")])


def stale(page: str) -> list[str]:
    """What the blocks of a page include and do not show as it is.

    Args:
        page: Markdown.

    Raises:
        LookupError: a file or a name in it that does not exist, or a mark that no block follows.
    """
    if page.count(_MARK) != len(_BLOCK.findall(page)):
        raise LookupError("an include mark is not followed by a block: write ```python and ``` below it")
    return [mark(block) for block in _BLOCK.finditer(page) if block["code"] != part(block)]


def rewritten(page: str) -> str:
    """The page with every block as its file has it now."""
    return _BLOCK.sub(lambda block: f"{block[1]}{part(block)}{block[5]}", page)


def mark(block: re.Match[str]) -> str:
    """PATH or PATH#NAME of a block."""
    return block["path"] + (f"#{block['names']}" if block["names"] else "")


def part(block: re.Match[str]) -> str:
    """The code that a block should hold."""
    path = REPO / block["path"]
    if not path.is_file():
        raise LookupError(f"{mark(block)}: there is no such file")
    text = path.read_text(encoding="utf-8")
    if not block["names"]:
        return text
    named = _toml_tables(text) if path.suffix == ".toml" else _python_names(text)
    wanted = block["names"].split(",")
    if missing := [name for name in wanted if name not in named]:
        raise LookupError(f"{block['path']} has no {', '.join(missing)}")
    gap = "\n" if path.suffix == ".toml" else "\n\n"
    return gap.join(named[name] for name in wanted)


def _python_names(text: str) -> dict[str, str]:
    """Source of each function, class and assignment at module level, decorators included."""
    lines = text.splitlines(keepends=True)
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            first = node.lineno
        else:
            continue
        found.update(dict.fromkeys(names, "".join(lines[first - 1 : node.end_lineno])))
    return found


def _toml_tables(text: str) -> dict[str, str]:
    """Lines of each table, its heading included and comments above the next one left out."""
    found = {}
    for table in re.split(r"^(?=\[)", text, flags=re.M):
        if heading := re.match(r"\[(.+)\]", table):
            found[heading[1]] = re.sub(r"\n\n(#.*\n)*\Z", "\n", f"{table.rstrip()}\n")
    return found


def main() -> int:
    """Rewrite the pages, or check them."""
    parser = argparse.ArgumentParser(description="code blocks of the docs, from the files that they name")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 when a block is stale")
    check = parser.parse_args().check
    found = [(path, path.read_text(encoding="utf-8")) for path in pages()]
    wrong = {path: blocks for path, text in found if (blocks := stale(text))}
    for path, text in found:
        if path in wrong and not check:
            path.write_text(rewritten(text), encoding="utf-8")
    for path, blocks in wrong.items():
        print(f"{path.relative_to(REPO)}: {', '.join(blocks)} {'is stale' if check else 'rewritten'}", file=sys.stderr)
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
