"""The files that a user would bring to the tiny study: pictures with annotations, captions to sort, lists, and models."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils.state_dict_utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from infodecomp.scenes.aro import write_aro_scenes
from infodecomp.scenes.dataset import draw, write_scenes

# Shipped files that every study reads; those in the working folder come first.
SHIPPED = (
    "data/models/scenes_classifier",
    "data/reference/paper_tables.csv",
    "data/reference/vg_symmetric_relations.txt",
)
PROMPTS = (
    "a white bear in the sky",
    "a small airplane in the sky",
    "a brown bed on the snow",
    "a blue horse on the grass",
)


def write_inputs(repository: Path, folder: Path, seed: int) -> None:
    """Write all inputs of the study; another seed gives files of the same names and shapes with other content."""
    for name in SHIPPED:
        _copy(repository / name, folder / name)
    _copy(repository / "data/models/scenes_clip", folder / "clip")
    write_scenes(folder / "coco", seed=50 + seed, count=2)
    _write_csv(
        folder / "coco" / "words.csv",
        [("image_id", "caption_id", "label", "word", "word_type"), *_nouns(folder / "coco")],
    )
    write_aro_scenes(folder / "aro", seed=50 + seed, cases=1)
    # Other pictures than those of the study's own sets of captions.
    for unused in ("visual_genome_relation", "visual_genome_attribution", "noun_swap", "flickr30k_test"):
        (folder / "aro" / f"{unused}.json").unlink()
    named = {record["image"] for record in json.loads((folder / "aro/coco_karpathy_test.json").read_text("utf-8"))}
    for picture in (folder / "aro" / "images").iterdir():
        if f"images/{picture.name}" not in named:
            picture.unlink()
    for part in ("coco", "aro"):
        (folder / part / "LICENSE.txt").unlink()  # nobody reads it
    _write_csv(folder / "prompts.csv", [("prompt", "seed"), *((PROMPTS[2 * seed + number], seed) for number in (0, 1))])
    _write_csv(folder / "pairs.csv", [("first", "second", "caption"), *_pairs(seed)])
    write_model(repository, folder / "model", folder / "lora", seed)


def write_model(repository: Path, folder: Path, lora: Path, seed: int) -> None:
    """A Stable Diffusion of a few thousand weights, drawn at random, with the embedded model's words; and a LoRA for it."""
    torch.manual_seed(seed)
    tokenizer = CLIPTokenizer.from_pretrained(repository / "data/models/scenes/tokenizer")
    known = json.loads((repository / "data/models/scenes/text_encoder/config.json").read_text(encoding="utf-8"))
    width = 16
    text = CLIPTextConfig(
        **{
            name: known[name]
            for name in ("vocab_size", "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id")
        },
        hidden_size=width,
        intermediate_size=width,
        projection_dim=width,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        cross_attention_dim=width,
    )
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            num_encoder_blocks=(1, 1, 1, 1),
            num_decoder_blocks=(1, 1, 1, 1),
        ),
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    unet.add_adapter(LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v"]))
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    pipeline.save_lora_weights(lora, unet_lora_layers=layers)


def _pairs(seed: int) -> Iterable[tuple[str, str, str]]:
    """A pair of words of each caption of the scenes, whichever of the two seeds drew them; another seed, another word."""
    for scenes in (0, 1):
        for image_id in (1, 2, 3):
            caption = draw(scenes, image_id).captions[0]
            words = [word for word in caption.split() if len(word) > 2]
            yield words[seed], words[-1], caption


def _nouns(coco: Path) -> Iterable[tuple[object, ...]]:
    """A row of each picture: the first caption that names one of its things."""
    instances, captions = (
        json.loads((coco / "annotations" / f"{name}_val2017.json").read_text(encoding="utf-8"))
        for name in ("instances", "captions")
    )
    names = {category["id"]: category["name"] for category in instances["categories"]}
    things = {one["image_id"]: names[one["category_id"]] for one in instances["annotations"]}
    for image_id, name in sorted(things.items()):
        row = next(
            one for one in captions["annotations"] if one["image_id"] == image_id and name in one["caption"].split()
        )
        yield image_id, row["id"], name, name, "noun"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _write_csv(path: Path, rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
