"""Files of a study change behind its back; the same command ends with the right tables, or with a sentence.

Right are the tables of the undisturbed study, or, where a user's input changed, those of a fresh study with that input. The
cells are drawn from every file that a tiny study through all chains read or wrote (`integrity/cells.py`), every change
(`integrity/changes.py`), and two moments: after the study, and before anything is made from the file. `make soak` runs
many more.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.workflow.integrity.bench import Bench, opened, real_python
from tests.workflow.integrity.cells import spread
from tests.workflow.integrity.changes import CHANGES
from tests.workflow.integrity.progress import Progress
from tests.workflow.integrity.study import RESULTS
from tests.workflow.integrity.tables import differences, read_tables
from tests.workflow.integrity.verdict import WRONG, Verdict

CELLS = int(os.environ.get("INTEGRITY_CELLS", "204"))
SEED = int(os.environ.get("INTEGRITY_SEED", "0"))
# With so many cells there is time for commands that make the whole study.
MOST_JOBS = 8 if CELLS < 1000 else None

# What a study of files on this machine does not run: training, downloads, and plans, which read no result.
NOT_RUN = re.compile(r"train_|fetch_|plan|evaluate_scenes_model|write_scenes_")
GATHERING = ("all", "localisation", "retrieval", "editing", "partial_information", "faithfulness", "validation")
GATHERING += ("representation", "explanations", "paper_figures", "report", "plan", "fetch")
RULES = sorted(
    name
    for file in (ROOT / "rules").glob("*.smk")
    for name in re.findall(r"^rule (\w+):", file.read_text(encoding="utf-8"), re.MULTILINE)
    if not NOT_RUN.match(name) and name not in GATHERING
)
INPUTS = ["aro", "clip", "coco", "lora", "model", "pairs", "paper_tables", "prompts", "scenes_classifier"]
INPUTS += ["vg_symmetric_relations"]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """The finished study. Its folder has a short name, because a socket lies in it."""
    room = Path(tempfile.mkdtemp(prefix="integrity"))
    try:
        with opened(ROOT, room) as found:
            yield found
    finally:
        shutil.rmtree(room, ignore_errors=True)


@pytest.fixture(scope="module")
def verdicts(bench: Bench, request: pytest.FixtureRequest) -> dict[str, list[Verdict]]:
    """Stage → verdicts on its cells: of the stages whose tests were asked for, if not of all."""
    asked = {item.callspec.params.get("stage") for item in request.session.items if hasattr(item, "callspec")}
    chosen = [cell for cell in spread(bench.cells(SEED, MOST_JOBS), CELLS, SEED) if cell.stage in asked]
    progress = Progress(len(chosen))
    found: dict[str, list[Verdict]] = {}
    for verdict in bench.run_all(chosen, progress.advance):
        found.setdefault(verdict.cell.stage, []).append(verdict)
    print(progress.summary(), f"{bench.server.cpu_seconds():.0f} s of CPU in all", sep="\n")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("stage", [*RULES, *INPUTS])
def test_the_right_tables_or_a_sentence(stage: str, verdicts: dict[str, list[Verdict]]) -> None:
    assert verdicts.get(stage), "nothing of this stage was disturbed"
    wrong = [verdict for verdict in verdicts[stage] if verdict.kind == WRONG]
    assert not wrong, "\n\n".join(f"{verdict}\n{verdict.output}" for verdict in wrong)


@pytest.mark.slow
def test_the_cells_are_of_every_stage_and_every_change(bench: Bench) -> None:
    """Stages that no file belongs to, and changes that none suffers, would not be tested."""
    chosen = spread(bench.cells(SEED, MOST_JOBS), max(CELLS, 200), SEED)
    assert {cell.stage for cell in chosen} == {*RULES, *INPUTS}
    assert {cell.change for cell in chosen} == CHANGES.keys()
    assert min(Counter(cell.change for cell in chosen).values()) >= 12
    assert min(Counter(cell.when for cell in chosen).values()) >= 60
    assert len(chosen) >= 200 and len(set(chosen)) == len(chosen)


@pytest.mark.slow
def test_the_server_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    """A damaged study, run by the server and by a fresh Python: the same status, sentences and tables."""
    damaged = Path("scenes/score_localisation/scores.parquet")
    table = str(RESULTS / "tables" / "localisation.csv")
    ends = []
    for name, run in {"forked": bench.run, "real": partial(real_python, bench.checkout)}.items():
        folder = tmp_path / name
        shutil.copytree(bench.folder, folder)
        os.truncate(folder / RESULTS / damaged, 100)
        status, printed = run(folder, table)
        # Jobs that do not depend on each other may change places.
        lines = [re.sub(r"^Job \d+", "Job", line) for line in printed.splitlines()]
        said = sorted(line for line in lines if line.startswith(("Job: ", str(RESULTS), "error:")))
        ends.append((status, said, read_tables(folder)))
    assert ends[0] == ends[1]
    assert ends[0][0] == 0 and any("damaged" in line for line in ends[0][1])
    assert differences(ends[0][2], bench.judge.undisturbed) == []


@pytest.mark.slow
def test_a_stopped_run_leaves_what_midway_cells_start_from(bench: Bench, tmp_path: Path) -> None:
    """`--until` a stage and deletion of what is made from it leave the same results."""
    cell = next(one for one in bench.cells(SEED, MOST_JOBS) if one.stage == "pair_words" and one.when == "midway")
    shutil.copytree(bench.judge.references.inputs, tmp_path / "stopped")
    shutil.copytree(bench.folder, tmp_path / "unmade")
    status, printed = bench.run(tmp_path / "stopped", "--until", cell.stage)
    assert status == 0, printed
    bench.judge.unmake(cell, tmp_path / "unmade")
    folders = ("scenes/pair_words", "scenes/decompose_information", "scenes/gather_parts")
    left = []
    for name in ("stopped", "unmade"):
        results = tmp_path / name / RESULTS
        left.append({path.relative_to(results) for folder in folders for path in (results / folder).rglob("*.*")})
    assert left[0] == left[1] != set()
