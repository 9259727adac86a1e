"""What METEOR knows of English words, read from the files that pycocoevalcap ships."""

from __future__ import annotations

import gzip
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from onediff_core.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_PARAPHRASES: Final = "meteor/data/paraphrase-en.gz"
_JAR: Final = "meteor/meteor-1.5.jar"
_LONGEST: Final = 7  # words of a phrase
# WordNet's rules of detachment, in its order.
_SUFFIXES: Final = (
    *(("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man")),
    *(("ies", "y"), ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e")),
    *(("ing", ""), ("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
)


@dataclass(frozen=True, eq=False)
class Lexicon:
    """What is known of some words.

    Attributes:
        functions: words that carry little.
        paraphrases: phrase -> others that say the same.
    """

    functions: frozenset[str]
    paraphrases: Mapping[tuple[str, ...], Sequence[tuple[str, ...]]]
    _synsets: Mapping[str, frozenset[str]]
    _bases: Mapping[str, Sequence[str]]
    _stems: dict[str, str] = field(default_factory=dict)
    _senses: dict[str, frozenset[str]] = field(default_factory=dict)

    def stem(self, word: str) -> str:
        """As Snowball cuts English."""
        if word not in self._stems:
            self._stems[word] = str(_stemmer().stemWord(word))
        return self._stems[word]

    def senses(self, word: str) -> frozenset[str]:
        """WordNet's sets of synonyms that a word, or the word that it is a form of, is in."""
        if word not in self._senses:
            forms = [word, *self._bases.get(word, ()), self._base(word)]
            self._senses[word] = frozenset().union(*(self._synsets.get(form, frozenset()) for form in forms))
        return self._senses[word]

    def _base(self, word: str) -> str:
        if word.endswith("ful"):
            rest = self._base(word[: word.rindex("f")])
            return f"{rest}ful" if rest else ""
        if word.endswith("ss") or len(word) <= 2:
            return ""
        forms = (word.removesuffix(end) + instead for end, instead in _SUFFIXES if word.endswith(end))
        return next((form for form in forms if form != word and form in self._synsets), "")


def read_lexicon(package: Path, texts: Iterable[Sequence[str]]) -> Lexicon:
    """What is known of the words of texts.

    Args:
        package: folder of pycocoevalcap.
        texts: words of each, as `meteor.normalised` has them; of the paraphrases those of their phrases are kept.

    Raises:
        EvaluationError: a file is missing or damaged.
    """
    try:
        functions, synsets, bases = _of_jar(package / _JAR)
        paraphrases = _paraphrases(package / _PARAPHRASES, texts)
    except (OSError, EOFError, KeyError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise EvaluationError(
            f"METEOR's words cannot be read from {package}: {error}; install pycocoevalcap again"
        ) from error
    return Lexicon(functions, paraphrases, synsets, bases)


@lru_cache(maxsize=1)
def _of_jar(jar: Path) -> tuple[frozenset[str], dict[str, frozenset[str]], dict[str, list[str]]]:
    with zipfile.ZipFile(jar) as file:
        functions, synsets, exceptions = (
            file.read(name).decode("utf-8").splitlines()
            for name in ("function/english.words", "synonym/english.synsets", "synonym/english.exceptions")
        )
    bases: dict[str, list[str]] = defaultdict(list)
    for base, forms in zip(exceptions[::2], exceptions[1::2], strict=True):
        for form in forms.split():
            bases[form].append(base)
    known = {word: frozenset(ids.split()) for word, ids in zip(synsets[::2], synsets[1::2], strict=True)}
    return frozenset(functions), known, dict(bases)


def _paraphrases(path: Path, texts: Iterable[Sequence[str]]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Of five million pairs of phrases those both of whose sides occur in the texts."""
    phrases = {
        " ".join(words[at : at + length])
        for words in texts
        for at in range(len(words))
        for length in range(1, min(_LONGEST, len(words) - at) + 1)
    }
    asked = {phrase.encode() for phrase in phrases}
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    with gzip.open(path) as lines:  # a probability, a phrase, another
        for _, one, other in zip(lines, lines, lines, strict=True):
            if one[:-1] in asked and other[:-1] in asked:
                found[tuple(one.decode().split())].append(tuple(other.decode().split()))
    return dict(found)


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    try:
        import snowballstemmer
    except ModuleNotFoundError as error:
        raise EvaluationError(
            "METEOR without Java needs the package snowballstemmer: pip install 'onediff-core[eval]'"
        ) from error
    return snowballstemmer.stemmer("english")
