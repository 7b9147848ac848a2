"""A small data set of the user's own kind with maps on disk, as the stages before the scores leave it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import CustomDataset, FiguresSection, LocalisationSection, StatisticsSection
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.localisation.tables import TABLE_COLUMNS
from infodecomp.maps.outcomes import read_statuses
from infodecomp.maps.word_maps import Maps
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.runs.storage import read_table, write_arrays
from tests.stage_settings import settings

SIZE = 16  # side of images, masks and the comparison; maps are half as large
BOXES = {"dog": (2, 8, 1, 7), "bed": (8, 15, 8, 15)}
LOCALISATION = LocalisationSection(map_size=SIZE)
FIGURES = FiguresSection(panels=3, format="svg")


class Study:
    """A folder with eight images, two words each (the last has one), and maps in which the object is hotter."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.localisation, self.max_failed_fraction = folder, LOCALISATION, 0.05
        self.generator = np.random.default_rng(0)
        self.maps = {source: folder / source / "maps" for source in ("information", "attention", "gradients")}
        rows = []
        for number in range(8):
            image = f"{number}.png"
            pixels = self.generator.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / image)
            for label in ("dog", "bed") if number < 7 else ("dog",):
                mask = f"{number}-{label}.png"
                Image.fromarray(255 * self.mask(label).astype(np.uint8)).save(folder / mask)
                rows.append(
                    make_case(
                        dataset="mine",
                        image_id=image,
                        image_path=image,
                        caption="a dog on a bed",
                        word=label,
                        label=label,
                        mask=f"file:{mask}",
                    )
                )
        self.cases = cases_table(rows)
        write_cases(folder / "cases.parquet", self.cases)
        for case in rows:
            self.write_maps(case)
        self.write_statuses({})

    @staticmethod
    def mask(label: str) -> np.ndarray:
        mask = np.zeros((SIZE, SIZE), dtype=bool)
        top, bottom, left, right = BOXES[label]
        mask[top:bottom, left:right] = True
        return mask

    def heat(self, label: str) -> np.ndarray:
        noise = self.generator.random((SIZE // 2, SIZE // 2))
        return (0.8 * noise + self.mask(label)[::2, ::2]).astype(np.float32)

    def write_maps(self, case: dict[str, str]) -> None:
        estimators = ("mi/orthogonal", "mi/standard", "cmi/orthogonal", "cmi/standard")
        keys = [f"{estimator}/{steps}" for estimator in estimators for steps in (2, 4)]
        information = {key: self.heat(case["label"]) for key in [*keys, "attention_information/-/4"]}
        # Totals and the like stand in the same file; they are no maps.
        others = {"key": np.array("a1b2"), "evaluations": np.array(12), "curve_cmi_standard": np.zeros(4)}
        write_arrays(self.maps["information"] / f"{case['case_id']}.npz", {**information, **others})
        write_arrays(self.maps["attention"] / f"{case['case_id']}.npz", {"attention/-/4": self.heat(case["label"])})
        gradient = self.mask(case["label"])[::2, ::2] + np.linspace(0, 0.5, SIZE // 2, dtype=np.float32)
        write_arrays(self.maps["gradients"] / f"{case['case_id']}.npz", {"gradient/-/6": gradient})

    def write_statuses(self, failed: dict[str, tuple[str, str]]) -> None:
        """Shards in which the cases of `failed` (position → source, status) did not get their maps."""
        for source in self.maps:
            statuses = ["ok"] * len(self.cases)
            for position, (where, status) in failed.items():
                if where == source:
                    statuses[int(position)] = status
            shard = pd.DataFrame({"case_id": self.cases["case_id"], "status": statuses, "reason": "", "key": "-"})
            shard.to_parquet(self.folder / source / "shard-0000.parquet")

    def settings(self, stage: str) -> str:
        """What a stage reads of this study's configuration, as JSON."""
        datasets = {"mine": CustomDataset(root=str(self.folder), list="mine.csv")}
        statistics = StatisticsSection(bootstrap=100)
        return settings(
            stage,
            "mine",
            datasets=datasets,
            localisation=self.localisation,
            statistics=statistics,
            figures=FIGURES,
            max_failed_fraction=self.max_failed_fraction,
        )

    def arguments(self, *names: str) -> list[str]:
        available = {
            "cases": self.folder / "cases.parquet",
            "estimates": self.folder / "information" / "shard-0000.parquet",
            "attention": self.folder / "attention" / "shard-0000.parquet",
            "gradients": self.folder / "gradients" / "shard-0000.parquet",
            "maps-gradients": self.maps["gradients"],
            "maps-information": self.maps["information"],
            "maps-attention": self.maps["attention"],
            "seed": 0,
        }
        return [part for name in names for part in (f"--{name}", str(available[name]))]

    def score(self, status: int = 0) -> pd.DataFrame:
        """Run the stage, which must end with `status`; its table, empty if it failed."""
        names = [
            "cases",
            "estimates",
            "attention",
            "gradients",
            "maps-gradients",
            "maps-information",
            "maps-attention",
            "seed",
        ]
        output = self.folder / "scores.parquet"
        given = ["--settings", self.settings("score_localisation"), "--output", str(output)]
        assert main(["score_localisation", *self.arguments(*names), *given]) == status
        return read_table(output, SCORE_COLUMNS) if status == 0 else pd.DataFrame()

    def tabulate(self) -> pd.DataFrame:
        scores = f"mine={self.folder / 'scores.parquet'}"
        arguments = [
            "--scores",
            scores,
            *("--settings", self.settings("tabulate_localisation")),
            *self.arguments("seed"),
            "--output-dir",
            str(self.folder / "tables"),
        ]
        assert main(["tabulate_localisation", *arguments]) == 0
        return read_table(self.folder / "tables" / "localisation.parquet", TABLE_COLUMNS)

    def plot(self, *arguments: str) -> int:
        stage = "plot_localisation_panels" if "--cases" in arguments else "plot_localisation_curves"
        common = ["--settings", self.settings(stage), "--output-dir", str(self.folder / "figures")]
        return main(["plot_localisation", *arguments, *common])

    def reader(self) -> Maps:
        statuses = {source: read_statuses([self.folder / source / "shard-0000.parquet"]) for source in self.maps}
        return Maps(self.cases, statuses, self.maps, seed=0)

    def stored(self, position: int, key: str) -> np.ndarray:
        source = "attention" if key.startswith("attention/") else "information"
        with np.load(self.maps[source] / f"{self.cases['case_id'][position]}.npz") as archive:
            return archive[key]
