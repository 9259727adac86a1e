"""hf-vlm on the command line, against a real server: the words, and who writes them when the server fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins.cli import main
from onediff_plugins.demo import pairs_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "sk-very-secret-0123456789"
PAIRS = {pair["domain"]: pair for pair in map(json.loads, pairs_file().read_text(encoding="utf-8").splitlines())}


@pytest.fixture
def server(chat: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.chdir(tmp_path)
    with chat.ChatServer() as running:
        yield running


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str], server: Any) -> Callable[..., tuple[int, str, str]]:
    """`onediff compare` of a shipped pair with hf-vlm: exit code, stdout and stderr."""

    def run(domain: str, *more: str) -> tuple[int, str, str]:
        sources = [str(pairs_file().parent / PAIRS[domain][side]) for side in ("before", "after")]
        asked = ["--domain", domain, "--captioner", "hf-vlm", "--set", f"vlm.endpoint={server.url}"]
        try:
            main(["compare", *sources, *asked, *more])
            code: Any = 0
        except SystemExit as exc:
            code = exc.code
        out, err = capsys.readouterr()
        return code or 0, out, err

    return run


@pytest.mark.parametrize("domain", ["ui", "satellite", "surveillance"])
def test_every_domain_is_described_by_the_server(
    compare: Callable[..., Any], server: Any, chat: Any, schema_errors: Callable[[Any], list[str]], domain: str
) -> None:
    code, out, err = compare(domain, "--json")
    record = json.loads(out)
    assert (code, err) == (0, "")
    assert (record["caption"], record["caption_source"]) == ("Several things are new.", "hf-vlm:test-vlm")
    assert all(region["caption"].startswith("The thing at place") for region in record["regions"])
    assert schema_errors(record) == []
    assert {place for body in server.questions for place in chat.places(body)} == {r["id"] for r in record["regions"]}


def test_the_words_are_shown_and_written(compare: Callable[..., Any], tmp_path: Path) -> None:
    code, out, _ = compare("ui", "--out", str(tmp_path / "out"))
    assert code == 0
    assert out.startswith("Several things are new.")
    assert "words by hf-vlm:test-vlm" in out
    assert "Several things are new." in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert list((tmp_path / "caches" / "onediff" / "vlm").glob("*.vlm-answer.json"))


FAILURES = {
    "slow": (lambda c: c.Raw(wait=2), "gave no whole answer within 0.5 s"),
    "500": (lambda c: c.Raw(500, b"boom"), 'is busy or broken (HTTP 500): "boom"'),
    "401": (
        lambda c: c.Raw(401, KEY.encode()),
        "wants a valid key (HTTP 401), and ONEDIFF_VLM_API_KEY holds a key that",
    ),
    "junk": (lambda c: c.Raw(body=b"\xff\xfejunk"), "answers with no JSON but"),
    "schema": (lambda c: c.Raw(body=b"{}"), "answers with other JSON in place of a chat completion"),
    "prose": (lambda c: c.completion("A button changed."), "cannot be used, asked twice: it holds no JSON object"),
    "places": (lambda c: c.completion('{"regions": {"99": "x"}, "caption": "y"}'), "and it speaks of 99"),
    "cut": (lambda c: c.completion('{"regions": [{"id": 1'), "its JSON breaks off"),
    "blind": (
        lambda c: c.completion('{"regions": {"1": ""}, "caption": ""}'),
        "sees no difference at any of the places",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_server_that_fails_costs_the_words_and_not_the_result(
    compare: Callable[..., Any],
    server: Any,
    chat: Any,
    schema_errors: Callable[[Any], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    monkeypatch.setenv("ONEDIFF_VLM_API_KEY", KEY)
    reply, says = FAILURES[name]
    server.replies = [lambda body: reply(chat)]
    limit = 0.5 if name == "slow" else 60
    code, out, err = compare("ui", "--json", "--set", f"vlm.timeout_s={limit}", "--set", "vlm.retries=0", "--exit-code")
    record = json.loads(out)
    assert (code, record["changed"], record["caption_source"]) == (1, True, "template")
    (fallback,) = record["provenance"]["fallbacks"]
    assert says in fallback["reason"]
    # On a command line of its own, this is what stderr shows.
    assert caplog.messages == [f"pair '000001': words by template, since hf-vlm has none: {fallback['reason']}"]
    assert all(region["caption"] for region in record["regions"])
    assert schema_errors(record) == []
    assert KEY not in out + err + caplog.text


@pytest.mark.parametrize("status", [200, 500])
def test_a_server_is_asked_without_torch_and_stderr_says_when_it_fails(server: Any, chat: Any, status: int) -> None:
    if status != 200:
        server.replies = [lambda body: chat.Raw(status, b"boom")]
    sources = [str(pairs_file().parent / PAIRS["ui"][side]) for side in ("before", "after")]
    told = ["--domain", "ui", "--captioner", "hf-vlm", "--set", f"vlm.endpoint={server.url}", "--set", "vlm.retries=0"]
    script = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'huggingface_hub'): sys.modules[name] = None\n"
        f"from onediff_plugins.cli import main; main({['compare', *sources, *told]!r})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0
    if status == 200:
        assert (done.stdout.splitlines()[0], done.stderr) == ("Several things are new.", "")
    else:
        assert "words by template" in done.stdout
        reason = f'{server.url} is busy or broken (HTTP 500): "boom"'
        assert done.stderr == f"pair '000001': words by template, since hf-vlm has none: {reason}\n"


def test_without_a_server_or_a_model_nothing_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    sources = [str(pairs_file().parent / PAIRS["ui"][side]) for side in ("before", "after")]
    with pytest.raises(SystemExit) as exit_:
        main(["compare", *sources, "--domain", "ui", "--captioner", "hf-vlm"])
    out, err = capsys.readouterr()
    assert (exit_.value.code, out, err.count("\n")) == (2, "", 1)
    assert "captioner 'hf-vlm' cannot be used here: say which model: --set vlm.endpoint=" in err


def test_a_batch_notes_the_server_and_goes_on_with_the_same_one_alone(
    server: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sources = {side: str(pairs_file().parent / PAIRS["ui"][side]) for side in ("before", "after")}
    Path("pairs.jsonl").write_text(json.dumps(sources | {"domain": "ui"}) + "\n", encoding="utf-8")
    told = ["batch", "pairs.jsonl", "--out", "out", "--workers", "1", "--captioner", "hf-vlm"]
    main([*told, "--set", f"vlm.endpoint={server.url}"])
    (line,) = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["caption_source"] == "hf-vlm:test-vlm"
    main([*told, "--resume", "--set", f"vlm.endpoint={server.url}"])
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([*told, "--resume", "--set", "vlm.endpoint=http://127.0.0.1:9/v1"])
    assert f'vlm.endpoint: "{server.url}" then, "http://127.0.0.1:9/v1" now' in capsys.readouterr().err
