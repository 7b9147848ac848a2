"""Tokenizers of a few hundred tokens, made without a network: of CLIP, T5, Gemma and Qwen."""

from __future__ import annotations

from tokenizers.processors import TemplateProcessing
from transformers import CLIPTokenizer, GemmaTokenizer, Qwen2Tokenizer, T5Tokenizer

from infodecomp.scenes.model import byte_alphabet

WORDS = ["a", "the", "red", "blue", "dog", "cat", "robot", "below", "above", "on", "of", "and", "in", "with"]
LIMIT = 16


def tiny_clip_tokenizer(pad: str = "<|endoftext|>") -> CLIPTokenizer:
    """Every word of `WORDS` is one token, other words are letters; pad: the token that fills captions up."""
    letters = byte_alphabet()
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            if (pair := (pieces[-2], pieces[-1])) not in merges:
                merges.append(pair)
            pieces[-2:] = ["".join(pair)]
            if pieces[-1] not in tokens:
                tokens.append(pieces[-1])
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=LIMIT, pad_token=pad)


def tiny_t5_tokenizer() -> T5Tokenizer:
    """As unigrams with log probabilities; the first three are T5's own."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    words = [(f"▁{word}", -2.0) for word in WORDS]
    letters = [(chr(code), -6.0) for code in range(33, 127)]
    return T5Tokenizer(vocab=[*special, *words, *letters], extra_ids=0, model_max_length=LIMIT)


def tiny_qwen_tokenizer() -> Qwen2Tokenizer:
    """Bytes, and the marks of a chat."""
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: number for number, token in enumerate([*byte_alphabet(), *marks])}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], model_max_length=2000)
    tokenizer.add_special_tokens({"additional_special_tokens": marks[1:]})
    return tokenizer


def tiny_gemma_tokenizer() -> GemmaTokenizer:
    """Letters, after the token that begins every text."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    pieces += [chr(code) for code in range(33, 127)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = GemmaTokenizer(vocab=vocabulary, merges=[], model_max_length=4 * LIMIT)
    start = ("<bos>", vocabulary["<bos>"])
    tokenizer._tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[start])
    return tokenizer
