"""Pre-train the text tower of the embedded model to represent what a caption says.

Stable Diffusion starts from a CLIP tower that has read millions of captions. This one learns, from captions alone, to
hold at each noun its category, adjective and side, and at the last noun and the end token the whole layout. Without it the
denoiser would have to discover grammar through the noise.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from infodecomp.runs.durable import put_in_place
from infodecomp.scenes.captions import MAX_TOKENS, training_prompt
from infodecomp.scenes.model import TEXT_WIDTH, build_text_encoder, build_tokenizer
from infodecomp.scenes.parsing import ADJECTIVES, PLACES, SIDES, parse_mentions, parse_place
from infodecomp.scenes.world import CATEGORIES, sample_scene, scene_rng

_IGNORE = -100


class CaptionHeads(nn.Module):
    """Linear readings of the tower's states; thrown away after training."""

    def __init__(self) -> None:
        super().__init__()
        self.noun = nn.ModuleDict(
            {
                "category": nn.Linear(TEXT_WIDTH, len(CATEGORIES)),
                "adjective": nn.Linear(TEXT_WIDTH, len(ADJECTIVES) + 1),
                "side": nn.Linear(TEXT_WIDTH, len(SIDES) + 1),
            }
        )
        self.end_category = nn.Linear(TEXT_WIDTH, (len(SIDES) + 1) * (len(CATEGORIES) + 1))
        self.end_adjective = nn.Linear(TEXT_WIDTH, (len(SIDES) + 1) * (len(ADJECTIVES) + 1))
        self.end_place = nn.Linear(TEXT_WIDTH, len(PLACES) + 1)


def caption_targets(captions: list[str]) -> dict[str, torch.Tensor]:
    """Class targets of a batch; -100 where there is nothing to predict.

    `category`, `adjective`, `side`: (batch, tokens). `end_category`, `end_adjective`: (batch, 5), one for each side and
    one for a thing without a side. `end_place`: (batch,). `last_noun`: (batch,), the position of the last noun's token, at
    which the layout is already given; the start token where there is no noun.
    """
    batch = len(captions)
    by_token = {name: torch.full((batch, MAX_TOKENS), _IGNORE) for name in ("category", "adjective", "side")}
    end_category = torch.full((batch, len(SIDES) + 1), len(CATEGORIES))
    end_adjective = torch.full((batch, len(SIDES) + 1), len(ADJECTIVES))
    end_place = torch.full((batch,), len(PLACES))
    last_noun = torch.zeros(batch, dtype=torch.long)
    for row, caption in enumerate(captions):
        place = parse_place(caption)
        end_place[row] = len(PLACES) if place is None else place
        for mention in parse_mentions(caption):
            token = mention.position + 1  # after the start token; every word is one token
            side = len(SIDES) if mention.side is None else mention.side
            adjective = len(ADJECTIVES) if mention.adjective is None else mention.adjective
            by_token["category"][row, token] = mention.category
            by_token["adjective"][row, token] = adjective
            by_token["side"][row, token] = side
            end_category[row, side] = mention.category
            end_adjective[row, side] = adjective
            last_noun[row] = token
    ends = {"end_category": end_category, "end_adjective": end_adjective, "end_place": end_place}
    return {**by_token, **ends, "last_noun": last_noun}


def caption_loss(tower: CLIPTextModel, heads: CaptionHeads, ids: torch.Tensor, captions: list[str]) -> torch.Tensor:
    """Sum of the cross entropies of all readings.

    The layout is read at the end token, which the denoiser cannot always see, and at the last noun.
    """
    states = tower(input_ids=ids).last_hidden_state
    targets = caption_targets(captions)
    rows, last_noun = torch.arange(len(ids)), targets["last_noun"]
    ends = states[rows, (ids == tower.config.eos_token_id).int().argmax(1)]
    told = last_noun > 0
    layouts = torch.cat([ends, states[rows, last_noun][told]])
    entropy = nn.functional.cross_entropy
    loss = entropy(heads.end_place(ends), targets["end_place"])
    for name, head in heads.noun.items():
        loss = loss + entropy(head(states).flatten(0, 1), targets[name].flatten(), ignore_index=_IGNORE)
    for name, head in (("end_category", heads.end_category), ("end_adjective", heads.end_adjective)):
        readings = head(layouts).unflatten(1, (len(SIDES) + 1, -1))
        wanted = torch.cat([targets[name], targets[name][told]])
        loss = loss + 2 * entropy(readings.flatten(0, 1), wanted.flatten())
    return loss


def train_text(
    *, seed: int, steps: int, batch: int, report: Callable[[int, float], None]
) -> tuple[CLIPTextModel, CLIPTokenizer]:
    """Train the tower on `steps` × `batch` captions; `report(step, loss)` is called after every step."""
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    tower, heads = build_text_encoder(tokenizer), CaptionHeads()
    parameters = [*tower.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.5e-3, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        captions = [_caption(seed, step * batch + k) for k in range(batch)]
        ids = tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
        loss = caption_loss(tower, heads, ids, captions)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        report(step + 1, float(loss.detach()))
    return tower, tokenizer


def _caption(seed: int, index: int) -> str:
    rng = scene_rng(seed, "captions", index)
    return training_prompt(sample_scene(rng), rng)


def save_text(folder: Path, tower: CLIPTextModel, tokenizer: CLIPTokenizer) -> None:
    """Write the tower and its tokenizer as the two subfolders of a pipeline folder."""
    for name, part in (("text_encoder", tower), ("tokenizer", tokenizer)):
        partial = folder / f".{name}.{os.getpid()}"
        part.save_pretrained(partial)
        put_in_place(partial, folder / name)
