"""Prompts become images with ids, seeds and words; what is wrong with them is told line by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import GenerateSection, PromptListSection, load_config
from infodecomp.datasets.annotations import open_captions, open_instances
from infodecomp.datasets.cases import cases_table
from infodecomp.datasets.coco import coco_it_cases
from infodecomp.datasets.prompts import generated_cases, prompt_table, read_prompts
from infodecomp.datasets.word_pairs import pairs_listed, read_pair_list
from infodecomp.runs.errors import InputError
from infodecomp.scenes.dataset import write_scenes
from tests.stage_settings import settings


def listed(folder: Path, text: str, **values: object) -> PromptListSection:
    path = folder / "prompts.csv"
    path.write_text(text, encoding="utf-8")
    return PromptListSection(list=str(path), **values)


def test_every_word_is_a_case_once_with_all_its_letters() -> None:
    table = prompt_table(PromptListSection(prompts=("a yellow cow and a cow on snow",)))
    assert list(table["words"][0]) == ["a", "yellow", "cow", "and", "on", "snow"]
    cases = generated_cases("generated", table)
    assert [case["word"] for case in cases] == ["a", "yellow", "cow", "and", "on", "snow"]
    assert cases[2]["prompt_context"] == "a yellow and a on snow"
    assert {case["image_path"] for case in cases} == {f"{table['image_id'][0]}.png"}


def test_an_image_of_each_prompt_for_each_seed() -> None:
    section = PromptListSection(prompts=("a dog", "a cat"), seeds=(0, 3))
    table = prompt_table(section)
    assert table[["prompt", "seed"]].values.tolist() == [["a dog", 0], ["a dog", 3], ["a cat", 0], ["a cat", 3]]
    assert table["image_id"].is_unique
    # What else is generated does not change what an image is.
    assert prompt_table(PromptListSection(prompts=("a cat",), seeds=(3,)))["image_id"][0] == table["image_id"][3]


def test_a_csv_names_words_seeds_images_and_masks(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 6, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((4, 6), 255, dtype=np.uint8)).save(tmp_path / "m.png")
    rows = "prompt,words,seed,image,mask\na red dog,dog;red,7,a.png,m.png\na dog,,,a.png,\n"
    table = prompt_table(listed(tmp_path, rows, seeds=(1,)))
    assert [list(words) for words in table["words"]] == [["dog", "red"], ["a", "dog"]]
    assert table[["seed", "image_path", "mask"]].values.tolist() == [[7, "a.png", "m.png"], [1, "a.png", ""]]
    Image.fromarray(np.full((4, 6, 3), 9, dtype=np.uint8)).save(tmp_path / "a.png")
    assert prompt_table(listed(tmp_path, rows, seeds=(1,)))["image_id"][1] != table["image_id"][1]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",,,,", None),
        (",dog,,,", "`prompt` is empty"),
        ("!?,,,,", "has no word"),
        ("a dog,cat,,,", "the word 'cat' is not in the prompt 'a dog' as a whole word"),
        ("a dog,dog;dog,,,", "the word 'dog' is named twice"),
        ("a dog,,-1,,", "`seed` is '-1'; expected a whole number ≥ 0"),
        ("a dog,,,b.png,", "no such file"),
        ("a dog,,,,m.png", "`mask` is 'm.png' without an `image`"),
        ("a dog,,,a.png,m.png", "m.png has 3 x 4: annotate the picture as it is"),
        ("a dog,,,a.png,black.png", "the mask is black all over"),
        ("a bed,,,,", "the same prompt, seed and image as line 2"),
    ],
)
def test_bad_rows_are_told_with_their_lines(tmp_path: Path, row: str, problem: str | None) -> None:
    Image.fromarray(np.zeros((4, 6, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((4, 3), 255, dtype=np.uint8)).save(tmp_path / "m.png")
    Image.fromarray(np.zeros((4, 6), dtype=np.uint8)).save(tmp_path / "black.png")
    section = listed(tmp_path, f"prompt,words,seed,image,mask\na bed,,,,\n{row}\n")
    if problem is None:
        assert len(prompt_table(section)) == 1  # an empty line
        return
    with pytest.raises(InputError, match="line 3: ") as error:
        prompt_table(section)
    assert problem in str(error.value)


def test_a_prompt_of_one_word_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = settings(
        "list_prompts", generate=GenerateSection(source=PromptListSection(prompts=("dog", "a dog", "一只白熊")))
    )
    assert main(["list_prompts", "--settings", read, "--output", str(tmp_path / "prompts.parquet")]) == 0
    told = capsys.readouterr().out
    assert "warning: the prompt 'dog' has one word" in told and "'a dog' has" not in told
    assert "'一只白熊' has one word" in told and told.count("separate its words by spaces") == 1
    assert len(read_prompts(tmp_path / "prompts.parquet")) == 3


def test_prompts_stand_before_a_list(tmp_path: Path) -> None:
    section = listed(tmp_path, "prompt\na cat\n")
    assert list(prompt_table(section)["prompt"]) == ["a cat"]
    assert list(prompt_table(section.model_copy(update={"prompts": ("a dog",)}))["prompt"]) == ["a dog"]


def test_a_list_of_pairs_is_one_of_prompts(tmp_path: Path) -> None:
    rows = "first,second,caption\ndog,bed,a dog on a red bed\nred,bed,a dog on a red bed\ncat,sky,a cat in the sky\n"
    table = prompt_table(listed(tmp_path, rows, seeds=(0, 4)))
    assert table[["prompt", "seed"]].values.tolist() == [
        *(["a dog on a red bed", seed] for seed in (0, 4)),
        *(["a cat in the sky", seed] for seed in (0, 4)),
    ]
    assert [list(words) for words in table["words"][::2]] == [["dog", "bed", "red"], ["cat", "sky"]]
    with pytest.raises(InputError, match="line 3: `caption` is empty"):
        prompt_table(listed(tmp_path, "first,second,caption\ndog,bed,a dog on a bed\ncat,sky,\n"))


def test_the_built_in_pairs_make_images_whose_pairs_they_are(repository: Path) -> None:
    """Homonyms, synonyms, co-hyponyms and occupations: every row is a pair of the image of its caption."""
    path = repository / "data/reference/word_pairs.csv"
    table = prompt_table(PromptListSection(list=str(path), seeds=(0,)))
    rows = read_pair_list(path)
    assert len(table) == len({row.caption for row in rows})
    cases = cases_table(generated_cases("generated", table))
    pairs, unused = pairs_listed("generated", cases, rows, join="and")
    assert not unused and {pair["kind"] for pair in pairs} == {row.kind for row in rows}
    assert all(pair["case_first"] and pair["case_second"] for pair in pairs)


def test_prompts_of_the_embedded_study_are_captions_of_its_scenes(tmp_path: Path) -> None:
    """Twenty images or more, each of a caption of one scene, with words that are objects of it."""
    config = load_config({})
    write_scenes(tmp_path, seed=config.scenes.seed, count=40)
    scenes = coco_it_cases(
        "scenes",
        open_instances(tmp_path / "annotations/instances_val2017.json"),
        captions := open_captions(tmp_path / "annotations/captions_val2017.json"),
        "word",
    )
    texts = {str(annotation["caption"]) for annotation in captions.anns.values()}
    table = prompt_table(config.generate.source)
    assert len(table) >= 20 and table["prompt"].is_unique and set(table["prompt"]) <= texts
    assert {word for words in table["words"] for word in words} <= {case["word"] for case in scenes}


def test_what_is_generated_is_a_dataset() -> None:
    config = load_config({"study": "mine", "generate": {"source": {"prompts": ["a dog"]}}})
    dataset = config.datasets["generated"]
    assert (dataset.kind, dataset.root, dataset.localisation) == (
        "generated",
        "results/mine/generated/generate_images",
        False,
    )
    kept = {
        "generate": {"source": {"prompts": ["a dog"]}},
        "datasets": {"generated": {"kind": "generated", "editing": True}},
    }
    assert load_config(kept).datasets["generated"].editing


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"generate": {"source": {"prompts": []}}}, "generate → source → prompts is []"),
        (
            {"datasets": {"generated": {"kind": "generated"}}, "generate": {"source": {"list": None}}},
            "generate → source → prompts is null; allowed is one prompt or more",
        ),
        ({"datasets": {"other": {"kind": "generated"}}}, "datasets → other → kind is generated"),
        ({"datasets": {"generated": {"kind": "generated", "draws": 4}}}, "draws is 4; allowed is 6 or more"),
        ({"datasets": {"generated": {"kind": "generated", "draws": 7}}}, "draws is 7; allowed are even numbers"),
        (
            {"datasets": {"m": {"kind": "coco_it"}}, "generate": {"source": {"prompts": ["a"]}}},
            "generated → kind is missing",
        ),
        ({"generate": {"source": {"prompts": ["a", "a"]}}}, "allowed is each value once"),
        (
            {"generate": {"sampling": {"steps": 2, "strength": 0.3}}},
            "generate → sampling → strength is 0.3; allowed is 0.5 or more",
        ),
        (
            {
                "generate": {"source": {"prompts": ["a"]}},
                "datasets": {"generated": {"kind": "custom", "list": "a.csv"}},
            },
            "datasets → generated → kind is custom; allowed is generated",
        ),
        (
            {
                "generate": {"source": {"prompts": ["a"]}},
                "datasets": {"generated": {"kind": "generated", "localisation": True}},
            },
            "localisation is true; allowed is null, because `kind` generated has no key `localisation`",
        ),
        (
            {"gradients": {"explanation": {"boxes": [[4, 0, 4, 8]]}}},
            "gradients → explanation → boxes → 0 is [4, 0, 4, 8]; allowed is x0 < x1 and y0 < y1",
        ),
        (
            {"gradients": {"explanation": {"boxes": [[-1, 0, 4, 8]]}}},
            "gradients → explanation → boxes → 0 → 0 is -1; allowed is a list",
        ),
        ({"gradients": {"datasets": ["nothing"]}}, "gradients → datasets → 0 is 'nothing'"),
    ],
)
def test_bad_configurations(values: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError) as error:
        load_config(values)
    assert problem in str(error.value)
