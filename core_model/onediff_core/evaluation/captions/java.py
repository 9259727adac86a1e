"""The tools in Java that COCO's captions are scored with: one process a call, which always ends.

Both come with pycocoevalcap. Its own wrappers write into the package's folder, depend on the locale, wait for ever
where Java hangs, and leave the pipes of a process open.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.captions.meteor import STATISTICS
from onediff_core.evaluation.captions.ptb import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PACKAGE: Final = "pycocoevalcap"
METEOR_JAR: Final = "meteor/meteor-1.5.jar"
_PARSER_JAR: Final = "tokenizer/stanford-corenlp-3.4.1.jar"
# What the COCO script takes away after tokenisation. Its brackets never come: the words are in lower case by then.
_PUNCTUATION: Final = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
_UTF_8: Final = "-Dfile.encoding=UTF-8"  # before Java 18 it is the locale's
_START_S: Final = 120.0  # on a busy core METEOR takes 20 s to read its paraphrases
_A_LINE_S: Final = 0.1


def package() -> Path | None:
    """The folder of pycocoevalcap, or None where it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None  # it has no __init__.py
    return Path(next(iter(places))) if places else None


def missing() -> str:
    """Why the tools cannot run here; empty where they can."""
    folder = package()
    if folder is None:
        return "pycocoevalcap is not installed"
    if shutil.which("java") is None:
        return "there is no Java on the PATH"
    gone = [name for name in (_PARSER_JAR, METEOR_JAR) if not (folder / name).is_file()]
    return f"pycocoevalcap lacks {' and '.join(gone)}" if gone else ""


def words(texts: Sequence[str], timeout: float | None = None) -> list[str]:
    """What the PTB tokenizer makes of texts, in lower case and without punctuation.

    Args:
        texts: one caption each.
        timeout: seconds; by default two minutes and a tenth of a second a text.

    Returns:
        The words of each, with one space between two.

    Raises:
        EvaluationError: Java failed, or took longer.
    """
    different = list(dict.fromkeys(line for line in map(one_line, texts) if line))
    if not different:
        return [""] * len(texts)
    folder = _folder()
    command = ["-cp", str(folder / _PARSER_JAR), "edu.stanford.nlp.process.PTBTokenizer"]
    told = _run([*command, "-preserveLines", "-lowerCase", "-encoding", "UTF-8"], different, folder, timeout)
    kept = {
        line: " ".join(token for token in tokens.split() if token not in _PUNCTUATION)
        for line, tokens in zip(different, told, strict=True)
    }
    return [kept.get(one_line(text), "") for text in texts]


def meteor_statistics(
    references: Sequence[Sequence[str]], said: Sequence[str], timeout: float | None = None
) -> NDArray[np.float64]:
    """The counts of METEOR 1.5, each answer against that of its references that it fits best.

    Args:
        references: words of each, at least one an answer.
        said: words of each answer.
        timeout: as of `words`.

    Returns:
        (N, 23), as `meteor.score` takes them.

    Raises:
        EvaluationError: Java failed, or took longer.
    """
    lines = [
        " ||| ".join(["SCORE", *(_plain(text) for text in some), _plain(answer)])
        for some, answer in zip(references, said, strict=True)
    ]
    if not lines:
        return np.zeros((0, STATISTICS))
    folder = _folder()
    command = ["-Xmx2G", "-jar", METEOR_JAR, "-", "-", "-stdio", "-l", "en", "-norm"]
    different = list(dict.fromkeys(lines))
    told = dict(zip(different, _run(command, different, folder, timeout), strict=True))
    counts = np.array([[float(count) for count in told[line].split()] for line in lines])
    if counts.shape != (len(lines), STATISTICS):
        raise EvaluationError(f"METEOR answered with {counts.shape[-1]} counts instead of {STATISTICS}")
    return counts


def _plain(text: str) -> str:
    return one_line(text.replace("|||", ""))


def _folder() -> Path:
    folder = package()
    if folder is None or (why := missing()):
        raise EvaluationError(f"captions cannot be scored with Java: {why if folder else 'pycocoevalcap is missing'}")
    return folder


def _run(arguments: Sequence[str], lines: Sequence[str], folder: Path, timeout: float | None) -> list[str]:
    """What Java answers to lines, as many as they are."""
    seconds = _START_S + _A_LINE_S * len(lines) if timeout is None else timeout
    command = [shutil.which("java") or "java", _UTF_8, *arguments]
    text = "".join(f"{line}\n" for line in lines)
    try:
        # Its pipes are read while it is written to, and it is killed and waited for where it takes too long.
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, cwd=folder, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise EvaluationError(
            f"Java took more than {seconds:.0f} s for {len(lines)} captions and was stopped; --no-java scores without"
        ) from error
    except OSError as error:
        raise EvaluationError(f"Java cannot be started: {error}; --no-java scores without it") from error
    told = done.stdout.decode("utf-8", "replace").split("\n")[:-1]
    if done.returncode or len(told) != len(lines):
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise EvaluationError(
            f"Java answered {len(told)} of {len(lines)} captions (exit {done.returncode}: {last[0]}); "
            "--no-java scores without it"
        )
    return told
