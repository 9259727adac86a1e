"""The docs say what the code does: settings, options, fields, links, and examples that run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import click
import numpy as np
import pytest

import learn_64_pairs
import model_sizes
import snippets
from onediff_core.data import Record, sources
from onediff_core.data.commands import data
from onediff_core.evaluation.commands import evaluate
from onediff_core.evaluation.protocols import PROTOCOLS
from onediff_core.training import dense, export
from onediff_core.training.commands import train
from onediff_core.training.tune import __main__ as tune
from onediff_core.training.tune import recipe as recipes
from onediff_core.training.tune.reading import read_recipe
from onediff_core.training.words import __main__ as words
from onediff_fiftyone.app_commands import fiftyone_group
from onediff_fiftyone.commands import review
from onediff_plugins.demo import pairs_file
from onediff_plugins.host import Host
from onediff_plugins.settings import RESERVED_ENV, DomainSettings

REPO = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/*.md",
        "core_model/README.md",
        "domains/*/README.md",
        "integrations/*/README.md",
        "examples/*/README.md",
    )
    for path in REPO.glob(pattern)
)


def page(name: str) -> str:
    return (REPO / name).read_text(encoding="utf-8")


def rows(markdown: str) -> dict[str, list[str]]:
    """First cell of each table row, without backticks -> the other cells."""
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in markdown.splitlines() if line.startswith("|")]
    return {row[0].strip("`"): row[1:] for row in cells}


def section(markdown: str, heading: str) -> str:
    """Text under a heading whose line starts with `heading`, up to the next of its level."""
    level = heading.split(" ", 1)[0]
    _, found, rest = markdown.partition(f"\n{heading}")
    assert found, f"no heading {heading!r}"
    return re.split(rf"^{level} ", rest, flags=re.MULTILINE)[0]


# --- settings ---


def settings_of(heading: str) -> dict[str, list[str]]:
    table = rows(section(page("docs/settings.md"), f"## {heading}"))
    return {name: cells for name, cells in table.items() if name not in ("setting", "---")}


def as_written(value: object) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value)


def test_settings_of_every_domain_are_documented_with_their_defaults() -> None:
    documented = {name: cells[0] for name, cells in settings_of("Every domain").items()}
    assert documented == {name: as_written(field.default) for name, field in DomainSettings.model_fields.items()}


@pytest.mark.parametrize("domain", ["ui", "satellite"])
def test_settings_of_a_domain_are_documented_with_their_defaults(domain: str) -> None:
    fields, shared = type(Host().settings(domain)).model_fields, DomainSettings.model_fields
    own = {name for name, field in fields.items() if name not in shared or field.default != shared[name].default}
    documented = {name: cells[0] for name, cells in settings_of(f"`{domain}`").items()}
    assert documented == {name: as_written(fields[name].default) for name in own}


def test_settings_of_models_are_documented_with_their_defaults() -> None:
    sections = Host().sections()
    assert "vlm" in sections
    for section, settings in sections.items():
        documented = {name: cells[0] for name, cells in settings_of(f"`{section}`").items()}
        assert documented == {name: as_written(field.default) for name, field in type(settings).model_fields.items()}


def test_variables_that_are_no_settings_are_documented() -> None:
    assert set(RESERVED_ENV) <= rows(section(page("docs/settings.md"), "## Variables")).keys()


# --- the command line ---


def commands() -> dict[str, click.Command]:
    from onediff_plugins.cli import cli

    return dict(cli.commands)


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_documented(name: str) -> None:
    text = section(page("docs/cli.md"), f"## `onediff {name}")
    options = [option for option in commands()[name].params if isinstance(option, click.Option)]
    missing = [option.opts[-1] for option in options if f"`{option.opts[-1]}" not in text]
    assert missing == []


def test_the_docs_name_no_command_or_option_that_does_not_exist() -> None:
    text = page("docs/cli.md")
    assert set(re.findall(r"^## `onediff (\w+)", text, flags=re.MULTILINE)) == set(commands())
    stages = (train.commands["head"], dense.main, words.main, tune.main, export.main)
    everything = [*commands().values(), *data.commands.values(), *stages, evaluate, learn_64_pairs.main, review]
    everything += fiftyone_group.commands.values()
    known = {opt for command in everything for param in command.params for opt in param.opts}
    lines = [line for file in PAGES for line in file.read_text("utf-8").splitlines() if "python benchmarks" not in line]
    used = {option for line in lines for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)}
    of_other_tools = {"--strict", "--benchmark-only", "--prefix", "--no-deps", "--limit-mm-per-prompt"}
    of_other_tools |= {"--multi", "--num", "--no", "--nproc-per-node"}  # of accelerate, as far as letters and dashes go
    of_other_tools |= {"--force-reinstall", "--no-cache-dir"}
    assert sorted(used - known - of_other_tools - {"--help", "--verbose", "--version"}) == []


@pytest.mark.parametrize("name", data.commands)
def test_every_option_for_pairs_to_learn_from_is_documented(name: str) -> None:
    text = section(page("docs/data.md"), "## In a folder") if name == "synth" else page("docs/converters.md")
    assert f"onediff data {name}" in text
    options = [param.opts[-1] for param in data.commands[name].params if isinstance(param, click.Option)]
    assert [option for option in options if f"`{option}`" not in text] == []


def test_every_option_of_a_head_of_ones_own_is_documented() -> None:
    text = section(page("docs/training.md"), "## Your own head")
    options = [param.opts[-1] for param in train.commands["head"].params if isinstance(param, click.Option)]
    assert [option for option in options if option not in text] == []


def test_every_option_and_protocol_of_an_evaluation_is_documented() -> None:
    text = page("docs/evaluation.md")
    options = [param.opts[0] for param in evaluate.params if isinstance(param, click.Option)]
    assert options
    assert [option for option in options if f"`{option}" not in section(text, "## Options")] == []
    assert PROTOCOLS.keys() <= rows(section(text, "## Protocols")).keys()


def test_every_option_and_source_of_tuning_is_documented() -> None:
    text = page("docs/tuning.md")
    options = [param.opts[-1] for param in tune.main.params if isinstance(param, click.Option)]
    assert [option for option in options if option not in text] == []
    assert set(recipes.KINDS) <= rows(text).keys()


def test_the_recipes_on_the_page_of_tuning_are_whole(tmp_path: Path) -> None:
    trained = []
    for text in re.findall(r"```yaml\n(.*?)```", page("docs/tuning.md"), flags=re.DOTALL):
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        trained.append([stage.trains for stage in read_recipe(tmp_path / "mine.yaml").stages])
    assert trained == [["new", "lora"], ["words"]]


@pytest.mark.parametrize("code", ["0", "1", "2"])
def test_exit_codes_are_documented(code: str) -> None:
    assert code in rows(section(page("docs/cli.md"), "## Exit codes"))


# --- the record ---


def test_every_field_of_the_record_is_documented() -> None:
    schema = json.loads((REPO / "onediff_plugins/schemas/change-result-1.json").read_text(encoding="utf-8"))
    text = page("docs/record.md")
    documented = set(re.findall(r"`(\w+)`", text))
    for part in ("result", "region", "side", "registration", "model", "fallback", "provenance", "georef"):
        found = schema["$defs"][part] if part in schema["$defs"] else schema["$defs"]["result"]["properties"][part]
        properties = (found.get("oneOf", [{}])[-1] | found).get("properties", {})
        assert properties, part
        assert sorted(set(properties) - documented) == [], part


# --- the report ---


def test_the_keys_of_the_report_are_those_of_its_help() -> None:
    template = (REPO / "onediff_plugins/report/templates/pair.html").read_text(encoding="utf-8")
    helped = re.findall(r"<kbd>(.+?)</kbd>", template[template.index("<dialog") : template.index("</table>\n    <p")])
    documented = re.findall(r"`(.+?)`", "".join(re.findall(r"^\| (`.*?) \|", page("docs/report.md"), re.MULTILINE)))
    assert documented == [key.replace("\u2212", "-") for key in helped]


# --- links and words ---


def anchors(markdown: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", markdown, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(REPO)))
def test_links_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", file.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (file.parent / path).resolve() if path else file
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(REPO)))
def test_no_page_installs_the_core_model_from_an_index(file: Path) -> None:
    assert re.findall(r"install[^\n]*(?<![./\w])core_model", file.read_text(encoding="utf-8")) == []


# --- code that is a copy of tested files ---


@pytest.mark.parametrize("file", snippets.pages(), ids=lambda file: str(file.relative_to(REPO)))
def test_code_in_the_docs_is_what_its_file_says(file: Path) -> None:
    assert snippets.stale(file.read_text(encoding="utf-8")) == [], "run: python tools/snippets.py"


def test_the_walk_through_shows_every_file_of_the_template() -> None:
    text = page("docs/writing-a-plugin.md")
    files = (REPO / "examples/plugin_template/onediff_documents").glob("*.py")
    missing = [file.name for file in files if f"<!-- include: {file.relative_to(REPO)}" not in text]
    assert missing == ["__init__.py"]


# --- examples ---


def examples(name: str) -> list[tuple[str, str]]:
    """(language, source) of the blocks marked to be run."""
    return re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", page(name), flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples name, in which the README's have run."""
    made = tmp_path_factory.mktemp("examples")
    pairs = [json.loads(line) for line in pairs_file().read_text(encoding="utf-8").splitlines()]
    for pair in pairs:
        for side in ("before", "after"):
            source = pairs_file().parent / pair[side]
            shutil.copy(source, made / f"{side}{source.suffix}")
    made_of = {path.name for path in made.iterdir()}
    assert made_of == {f"{side}{suffix}" for side in ("before", "after") for suffix in (".png", ".tif", ".jpg")}
    (made / "pairs.csv").write_text("before,after\nbefore.png,after.png\nbefore.tif,after.tif\n", encoding="utf-8")
    return made


def run_example(language: str, source: str, folder: Path) -> str:
    if language == "python":
        commands = [[sys.executable, "-W", "error", "-c", source]]
    else:
        lines = [shlex.split(line, comments=True) for line in source.splitlines() if line.strip()]
        commands = [[sys.executable, "-m", "onediff_plugins", *line[1:]] for line in lines if line[0] == "onediff"]
        assert len(commands) == len(lines), "only onediff commands are run"
    output = ""
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        output += done.stdout
    return output


def test_the_examples_of_hooks_make_a_working_domain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = ModuleType("my_package.settings")
    settings.MySettings = DomainSettings
    monkeypatch.setitem(sys.modules, "my_package", ModuleType("my_package"))
    monkeypatch.setitem(sys.modules, "my_package.settings", settings)
    plugin = ModuleType("xray")
    sources = re.findall(r"```python\n(from onediff_plugins import hookimpl\n.*?)```", page("docs/hooks.md"), re.DOTALL)
    for source in sources:
        # Loading, aligning and the detector of the examples need files of the reader's own.
        if not re.search(r"my_package\.(?!settings)", source):
            exec(source, vars(plugin))
    hooks = {name for name in vars(plugin) if name.startswith("onediff_")}
    assert len(hooks) == 13

    host = Host(plugins=[plugin], entry_points=False)
    assert [info.error for info in host.plugins] == [None, None]
    before = np.random.default_rng(1).uniform(60, 90, (64, 64)).astype(np.float32)
    after = before.copy()
    after[20:40, 10:30] += 150
    result = host.compare(before, after, domain="xray")
    assert result.changed
    assert len(result.regions) == 1
    assert result.caption.endswith("Please have it reviewed.")
    assert result.pair is not None
    assert "score" in [overlay.name for overlay in host.overlays(result, result.pair)]
    assert host.exporter(".txt").write([result], tmp_path / "x.txt") == {"captions": "x.txt"}
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == result.caption
    assert sorted(host.executor("threads").run(str, [1, 2], 2)) == [(0, "1"), (1, "2")]
    assert [command.name for command in host.commands()] == ["archive"]
    assert host.head("xray.fracture").kinds == {"new": "added", "healed": "removed"}


@pytest.mark.slow
def test_the_examples_run_as_they_are_written(folder: Path, schema_errors) -> None:
    for name in ("README.md", "docs/record.md"):
        blocks = examples(name)
        assert blocks, f"{name} has no block marked to be run"
        for language, source in blocks:
            assert run_example(language, source, folder).strip(), source
    for record in [folder / "out/result.json", *folder.glob("demo-out/*/result.json")]:
        assert schema_errors(json.loads(record.read_text(encoding="utf-8"))) == []
    lines = (folder / "results/results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [schema_errors(json.loads(line)) for line in lines] == [[], []]
    assert {"orders-page", "village"} <= {path.parent.name for path in folder.glob("demo-out/*/result.json")}


@pytest.mark.slow
def test_the_core_models_page_is_one_program_that_learns_two_pairs_by_heart(tmp_path: Path) -> None:
    blocks = examples("core_model/README.md")
    assert {language for language, _ in blocks} == {"python"}
    assert page("core_model/README.md").count("```python") == len(blocks) == 6
    program = "\n".join(source for _, source in blocks)
    output = run_example("python", program, tmp_path)
    promised = re.findall(r"# (\['.*)", program)
    assert promised == [output.splitlines()[-1]]


@pytest.mark.slow
def test_a_head_of_ones_own_is_trained_and_used_as_its_page_says(save_onediff, tmp_path: Path) -> None:
    ((language, source),) = examples("docs/training.md")
    save_onediff(tmp_path / "WEIGHTS", trained_stages=())
    assert "--minutes 10" in source
    output = run_example(language, source.replace("--minutes 10", "--steps 2"), tmp_path)
    assert "satellite.roof (mask: building+, building-)" in output
    last = source.splitlines()[-1]
    assert last.split("--domain")[1] in output  # what the run prints at its end is what the page shows


@pytest.mark.slow
def test_ones_own_data_are_read_as_their_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    for name, value in (("HF_HOME", str(tmp_path / "cache")), ("HF_HUB_OFFLINE", "1")):
        monkeypatch.setenv(name, value)
    shell, python = (run_example(language, source, tmp_path) for language, source in examples("docs/own-data.md"))
    assert "pairs: 8 of 8 pairs" in shell
    assert shell.splitlines()[-1] == "again/pairs.jsonl"
    assert len(python.splitlines()) == 9
    assert python.splitlines()[-1] == "(96, 96)"


def test_every_source_of_pairs_is_documented() -> None:
    assert set(sources.NAMES) <= rows(section(page("docs/converters.md"), "## What there is")).keys()


def test_every_field_of_a_pair_is_documented() -> None:
    cells = " ".join(rows(section(page("docs/own-data.md"), "## 2. Or write a list")))
    assert [field.name for field in fields(Record) if not re.search(rf"\b{field.name}\b", cells)] == []


def test_the_sizes_of_the_presets_are_those_that_are_counted() -> None:
    assert model_sizes.tiny_table() in page("docs/model.md")
    assert model_sizes.recipe_table() in page("docs/model.md")
