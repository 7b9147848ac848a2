"""From prompts to pictures, cases and explanations on disk, with the embedded model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import (
    ExplanationSection,
    GeneratedDataset,
    GenerationSection,
    GradientsSection,
    InformationSection,
    PromptListSection,
    default_config,
    section_json,
)
from infodecomp.datasets.cases import read_cases
from infodecomp.runs.storage import read_arrays
from tests.stage_settings import settings

PROMPTS = ("a yellow dog", "a cat and a dog", "a bed")


class Made:
    """Images of prompts in a folder; `folder`/given.png is an image to start from, its left half to be made anew."""

    def __init__(self, folder: Path, batch_size: int = 4, guidance: float = 2.0) -> None:
        self.folder, self.batch_size = folder, batch_size
        self.config = default_config()
        folder.mkdir(exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "given.png")
        mask = np.zeros((64, 64), dtype=np.uint8)
        mask[:, :32] = 255
        Image.fromarray(mask).save(folder / "mask.png")
        rows = [f"{prompt},," for prompt in PROMPTS] + ["a dog,given.png,", "a dog,given.png,mask.png"]
        (folder / "prompts.csv").write_text("\n".join(["prompt,image,mask", *rows]) + "\n", encoding="utf-8")
        self.generate = self.config.generate.model_copy(
            update={
                "source": PromptListSection(list=str(folder / "prompts.csv")),
                "sampling": GenerationSection(steps=3, guidance=guidance),
            }
        )
        self.root = folder / "generate_images"
        self.prompts = folder / "prompts.parquet"

    def model_arguments(self, cases: Path, images: Path, maps: Path, output: Path) -> list[str]:
        return [
            *("--cases", str(cases), "--images", str(images), "--maps", str(maps), "--output", str(output)),
            *("--shard", "0", "--shards", "1", "--seed", "0", "--max-failed-fraction", "0"),
            *("--model", section_json(self.config.model.without_mirrors), "--device", "cpu", "--threads", "1"),
            *("--batch-size", str(self.batch_size)),
        ]

    @property
    def sampling(self) -> str:
        """What generate_images reads."""
        return settings("generate_images", generate=self.generate)

    @property
    def datasets(self) -> dict[str, GeneratedDataset]:
        return {"generated": GeneratedDataset(root=str(self.root))}

    def list_prompts(self) -> int:
        read = settings("list_prompts", generate=self.generate)
        return main(["list_prompts", "--settings", read, "--output", str(self.prompts)])

    def make(self) -> int:
        arguments = self.model_arguments(
            self.prompts, self.folder, self.root / "latents", self.root / "shard-0000.parquet"
        )
        pictures = ["--pictures", str(self.root / "images")]
        return main(["generate_images", *arguments, "--settings", self.sampling, *pictures])

    def build(self) -> pd.DataFrame:
        read = settings("build_cases", "generated", datasets=self.datasets)
        arguments = ["--dataset", "generated", "--settings", read, "--prompts", str(self.prompts)]
        assert main(["build_cases", *arguments, "--output", str(self.folder / "cases.parquet")]) == 0
        return read_cases(self.folder / "cases.parquet")

    def explain(self, *, folder: str = "explained", **gradients: object) -> int:
        section = GradientsSection(steps=(4,), explanation=ExplanationSection(**gradients))
        read = settings("explain_images", gradients=section, information=InformationSection())  # which needs no pilot
        output = self.folder / folder
        arguments = self.model_arguments(
            self.folder / "cases.parquet", self.root / "images", output / "maps", output / "shard-0000.parquet"
        )
        made = ["--prompts", str(self.prompts), "--trajectories", str(self.root / "latents"), "--given"]
        made += [str(self.folder), "--generation", self.sampling]
        return main(["explain_images", *arguments, "--settings", read, *made])

    def arrays(self, case_id: str, folder: str = "explained") -> dict[str, np.ndarray]:
        return read_arrays(self.folder / folder / "maps" / f"{case_id}.npz")

    def picture(self, image_id: str) -> np.ndarray:
        return np.asarray(Image.open(self.root / "images" / f"{image_id}.png"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Images, their cases, and explanations of the whole picture and its two halves."""
    made = Made(tmp_path_factory.mktemp("made"))
    assert made.list_prompts() == made.make() == 0
    made.build()
    assert made.explain(boxes=((0, 0, 32, 64), (32, 0, 64, 64))) == 0
    return made


def test_pictures_and_how_they_came_about(made: Made) -> None:
    table = pd.read_parquet(made.prompts)
    for row in table.itertuples():
        trajectory = read_arrays(made.root / "latents" / f"{row.image_id}.npz")["trajectory"]
        steps = int(3 * 0.7) if row.image_path else 3
        assert len(trajectory) == steps + 1
        with Image.open(made.root / "images" / f"{row.image_id}.webp") as animation:
            assert animation.n_frames == steps + 1 and animation.size == (64, 64)
    cases = read_cases(made.folder / "cases.parquet")
    assert set(cases["status"]) == {"ok"} and len(cases) == sum(map(len, table["words"]))


def test_an_image_does_not_depend_on_what_is_made_with_it(made: Made, tmp_path: Path) -> None:
    alone = Made(tmp_path / "alone", batch_size=1)
    assert alone.list_prompts() == alone.make() == 0
    for path in (made.root / "images").glob("*.png"):
        difference = np.abs(made.picture(path.stem).astype(int) - alone.picture(path.stem).astype(int))
        assert difference.max() <= 1


def test_what_is_there_is_not_made_again(made: Made) -> None:
    dates = {path: path.stat().st_mtime_ns for path in (made.root / "latents").glob("*.npz")}
    lost = next(iter(dates))
    lost.unlink()
    assert made.make() == 0
    again = {path: path.stat().st_mtime_ns for path in dates}
    assert [path for path in dates if again[path] != dates[path]] == [lost]


def test_explanations_have_every_word_and_each_target(made: Made) -> None:
    case = read_cases(made.folder / "cases.parquet").set_index("prompt_full").loc["a yellow dog"].iloc[0]
    arrays = made.arrays(case["case_id"])
    assert arrays["words"].tolist() == ["a", "yellow", "dog"] and set(arrays["kinds"]) == {"word"}
    targets = {key.partition("/")[2] for key in arrays if key.startswith("scores/")}
    assert targets == {"loss", "loss_box0", "loss_box1", "image", "box0", "box1"}
    assert all(
        (arrays[f"scores/{target}"] > 0).all() and arrays[f"cells/{target}"].shape == (16, 16) for target in targets
    )
    # A draw with its gradient is three evaluations; a step is two rows, and back once for each of three targets.
    assert arrays["evaluations"] == 3 * 4 * 3 + 3 * 2 * (1 + 2 * 3)


def test_of_given_images_the_pixels_are_explained(made: Made) -> None:
    table = pd.read_parquet(made.prompts)
    cases = read_cases(made.folder / "cases.parquet").groupby("image_id")["case_id"].first()
    given = table[table["image_path"] != ""]
    for row in given.itertuples():
        cells = made.arrays(cases[row.image_id])["cells/image"]
        assert cells.shape == (64, 64) and (cells > 0).mean() > 0.5


def test_drawn_explanations(made: Made) -> None:
    arguments = ["--cases", str(made.folder / "cases.parquet"), "--maps", str(made.folder / "explained" / "maps")]
    arguments += [
        "--explanations",
        str(made.folder / "explained" / "shard-0000.parquet"),
    ]
    gradients = GradientsSection(explanation=ExplanationSection(boxes=((0, 0, 32, 64), (32, 0, 64, 64))))
    read = settings("draw_explanations", "generated", datasets=made.datasets, gradients=gradients)
    arguments += ["--settings", read, "--output-dir", str(made.folder / "drawn")]
    assert main(["draw_explanations", *arguments]) == 0
    tokens = pd.read_csv(made.folder / "drawn" / "tokens.csv")
    sums = tokens.groupby(["image_id", "prompt", "target"])["percent"].sum()
    np.testing.assert_allclose(sums, 100, rtol=1e-4)
    assert len(list((made.folder / "drawn").glob("*.png"))) == 6 * tokens["image_id"].nunique()


@pytest.mark.parametrize(
    ("gradients", "problem"),
    [
        (
            {"boxes": ((0, 0, 65, 10),)},
            "gradients → explanation → boxes → 0 is [0, 0, 65, 10]; a box must lie inside the model's image",
        ),
        (
            {"n_last_steps": 4},
            "gradients → explanation → n_last_steps is 4; allowed is at most generate → sampling → steps = 3",
        ),
    ],
)
def test_what_cannot_be_explained_is_said_first(
    made: Made, capsys: pytest.CaptureFixture[str], gradients: dict[str, object], problem: str
) -> None:
    assert made.explain(folder="refused", **gradients) == 1
    assert problem in capsys.readouterr().err
    assert not (made.folder / "refused" / "maps").exists()
