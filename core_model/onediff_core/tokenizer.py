"""A small tokenizer for a small language model: lower-case byte-level BPE, with words that are never cut."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAD, START, END = "<pad>", "<s>", "</s>"  # ids 0, 1 and 2


def train_tokenizer(texts: Iterable[str], *, size: int, words: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """Learn a vocabulary from texts; the same texts make the same vocabulary.

    Upper case is read as lower case. Every byte has a token, so any text can be written, and what is lower-case comes
    back from its ids as it was. A text starts with `<s>`, unless special tokens are not asked for.

    Args:
        texts: what the language model shall say and be asked.
        size: tokens in all: 3 special ones, 256 bytes, and merges; fewer where the texts have no more to merge.
        words: each is one token, at the start of a text and after a space; runs of letters or of digits.

    Returns:
        With tokens for padding, start and end; `OneDiffProcessor` adds its placeholders behind the vocabulary.

    Raises:
        ValueError: no text, a word that is no run of letters or digits, or a size too small for bytes and words.

    Source: Sennrich et al., "Neural machine translation of rare words with subword units", ACL 2016, on bytes as in
        Radford et al., "Language models are unsupervised multitask learners" (GPT-2), 2019.
    """
    whole = sorted({word.lower() for word in words})
    if wrong := [word for word in whole if not re.fullmatch(r"[^\W\d_]+|\d+", word)]:
        raise ValueError(f"words holds {wrong[:5]}: a token never crosses from letters to digits, signs or spaces")
    learnt = list(texts)
    if not learnt:
        raise ValueError("texts is empty: a vocabulary is learnt from what the model shall say")

    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.Lowercase()
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(_with_words(learnt, whole), trainer)
    bpe.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, 1)])
    made = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )
    cut = [word for word in whole if any(len(made.tokenize(form)) > 1 for form in (word, f" {word}"))]
    if cut or len(made) > size:
        raise ValueError(
            f"size {size} is too small for 3 special tokens, 256 bytes and {len(whole)} words"
            + (f", of which {', '.join(cut[:5])} came out cut" if cut else "")
        )
    return made


def _with_words(texts: list[str], words: list[str]) -> Iterator[str]:
    """The texts, and each word once a text in both of its forms: its merges come before any that are rarer."""
    forms = "\n".join(words) + "".join(f" {word}" for word in words)
    for text in texts:
        yield text
        yield forms
