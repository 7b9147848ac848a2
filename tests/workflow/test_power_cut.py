"""The power fails: whatever of it the disk then holds, the same command ends with the results of an undisturbed run.

A command is recorded operation by operation, and disks are made that hold what was synced before some moment and chance's
choice of the rest (`tests/workflow/power_cut`).
"""

from __future__ import annotations

import csv
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.cli import run_stage as main
from infodecomp.fetching.sources import COLUMNS
from infodecomp.runs.contents import file_sha256
from infodecomp.runs.job_record import SUFFIX, read_record
from infodecomp.training.state import TrainState, load_checkpoint, save_checkpoint
from tests.unit.file_server import FileServer, Served, running_server
from tests.workflow.faults import TABLE, without_estimates, without_scores
from tests.workflow.power_cut.cuts import Cut, RecordedRun, recorded
from tests.workflow.power_cut.recording import compile_recorder
from tests.workflow.study import TINY_WITHOUT_GRADIENTS, Study, working_copy

MOMENTS = 40
STEPS = 4


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_recorder(tmp_path_factory.mktemp("recorder"))


def test_the_record_explains_what_is_there(recorder: Path, tmp_path: Path) -> None:
    """Python, Arrow, safetensors and the shell: without a cut, the disk holds what the folder does."""
    code = (
        "import numpy, os, pathlib, pyarrow, pyarrow.parquet, safetensors.numpy, shutil, subprocess\n"
        "pathlib.Path('a/b').mkdir(parents=True); pathlib.Path('a/b/new').write_text('text'); os.replace('a/b/new', 'a/c')\n"
        "pyarrow.parquet.write_table(pyarrow.table({'x': [1, 2]}), 'a/table.parquet')\n"
        "safetensors.numpy.save_file({'x': numpy.zeros(9)}, 'a/tensors'); os.replace('a/tensors', 'a/safe')\n"
        "with open('old', 'r+') as file: file.seek(2); file.write('new'); file.flush(); os.fsync(file.fileno())\n"
        "subprocess.run('echo one > d; cat d > e; mv e a/e; rm d; ln -s a/c link; cp a/c f; mkdir g; rmdir g', shell=True)\n"
        "shutil.copyfile('f', 'h'); shutil.move('a/b', 'b'); shutil.rmtree('away')\n"
    )
    root = tmp_path / "root"
    (root / "away" / "in").mkdir(parents=True)
    (root / "away" / "in" / "it").write_text("gone")
    (root / "old").write_text("old text")
    run = RecordedRun(recorder, root, tmp_path)
    recorded([sys.executable, "-c", code], root, run)
    disk = run.disk(len(run.operations()))
    there = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    assert disk.seen() == {name: path.read_bytes() for name, path in there.items() if not path.is_symlink()}
    assert {"a/table.parquet", "a/safe", "a/e", "link", "h", "old"} <= set(there)


def test_what_is_synced_stays_and_the_rest_may_not(recorder: Path, tmp_path: Path) -> None:
    code = (
        "import os\n"
        "def sync(path, flags=os.O_RDONLY): f = os.open(path, flags); os.fsync(f); os.close(f)\n"
        "for name in 'safe', 'nameless', 'hollow', 'late':\n"
        "    with open(name, 'wb') as file: file.write(b'x' * 5000)\n"
        "    if name != 'hollow': sync(name)\n"
        "    if name not in ('nameless', 'late'): sync('.')\n"
    )
    (root := tmp_path / "root").mkdir()
    run = RecordedRun(recorder, root, tmp_path)
    recorded([sys.executable, "-c", code], root, run)
    found: dict[str, set[bytes | None]] = {"safe": set(), "nameless": set(), "hollow": set(), "late": set()}
    for seed in range(60):
        (cut,) = run.cuts(1, seed)  # right after the end
        for name, contents in found.items():
            path = cut.folder / name
            contents.add(path.read_bytes() if path.exists() else None)
    whole = b"x" * 5000
    assert found["safe"] == {whole}
    assert found["nameless"] == {whole}, "the next sync of the folder is for all its names"
    assert {whole, b"", bytes(5000)} < found["hollow"] and None not in found["hollow"]
    assert found["late"] == {whole, None}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with running_server() as running:
        yield running


RELATIONS = json.dumps([{"image_id": number, "caption": "a dog"} for number in range(400)]).encode()


def test_downloads(
    recorder: Path,
    server: FileServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file without a known hash, sent in two pieces, and an archive. A receipt is only there if all it declares is."""
    (root := tmp_path / "root").mkdir()
    images = {f"val/{number}.jpg": np.random.default_rng(number).bytes(3000) for number in range(3)}
    server.files["relation.json"] = Served(RELATIONS, cut_after=9000, cuts=1)
    server.files["val.zip"] = Served(_zip_of(images))
    table = _table(tmp_path / "sources.csv", server)
    stages = [
        ["fetch_data", "--source", f"aro/{file}", "--table", str(table), "--output", f"data/aro/fetched/{file}.json"]
        for file in ("relation.json", "val.zip")
    ]
    code = (
        "import sys, json; from infodecomp.cli import run_stage as main\n"
        "for one in json.loads(sys.argv[1]): assert main(one) == 0"
    )
    run = RecordedRun(recorder, root, tmp_path)
    recorded([sys.executable, "-c", code, json.dumps(stages)], root, run)
    wanted = {"data/aro/relation.json": RELATIONS} | {f"data/aro/{name}": content for name, content in images.items()}
    for cut in run.cuts(MOMENTS, seed=1):
        monkeypatch.chdir(cut.folder)
        for stage in stages:
            if not Path(stage[-1]).exists() and main(stage) != 0:
                assert len(capsys.readouterr().err.strip().splitlines()) > 0, str(cut)
                assert main(stage) == 0, str(cut)
        assert {name: Path(name).read_bytes() for name in wanted} == wanted, str(cut)
        for record in Path("data/aro/fetched").glob("[!.]*.json"):
            json.loads(record.read_text(encoding="utf-8"))


def test_checkpoints_of_a_training(recorder: Path, tmp_path: Path) -> None:
    """There is one to continue from, whole, and it is the last that was declared written or a later one."""
    (root := tmp_path / "root").mkdir()
    run = RecordedRun(recorder, root, tmp_path)
    code = "from tests.workflow.test_power_cut import train; train()"
    path = os.pathsep.join([str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        recorded([sys.executable, "-c", code], root, run)
    declared = [one.number for one in run.operations() if one.kind == "create" and one.name.startswith("declared-")]
    assert len(declared) == STEPS
    straight = [training_state()]
    for _ in range(STEPS):
        straight.append(training_state())
        for _ in range(len(straight) - 1):
            descend(straight[-1])
    for cut in run.cuts(MOMENTS, seed=2):
        least = sum(number < cut.moment for number in declared)
        folder, state = cut.folder / "checkpoints" / "one", training_state()
        if least or (folder / "checkpoint.safetensors").exists():
            load_checkpoint(state, folder)
        assert least <= state.step <= least + 1, str(cut)
        for name, weight in straight[state.step].parameters().items():
            assert torch.equal(weight, state.parameters()[name]), str(cut)


def train() -> None:
    """A training that says after each checkpoint that it has written it."""
    state = training_state()
    for step in range(1, STEPS + 1):
        descend(state)
        save_checkpoint(state, Path("checkpoints/one"))
        Path(f"declared-{step}").touch()


def training_state() -> TrainState:
    """A layer under training."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(40, 40)
    return TrainState({"layer": layer}, [torch.optim.AdamW([{"params": layer.parameters(), "scale": 1e-3}], lr=1e-3)])


def descend(state: TrainState) -> None:
    """One step."""
    (layer,) = state.networks.values()
    state.descend(layer(torch.ones(3, 40)).square().mean(), factor=1.0, ema=0.9, ranks=1)


@pytest.mark.parametrize(
    ("start", "again"),
    [
        ("scores", 2),
        pytest.param("estimates", 6, marks=pytest.mark.slow),
        pytest.param("nothing", 6, marks=pytest.mark.slow),
    ],
)
def test_a_study(recorder: Path, finished: Study, repository: Path, tmp_path: Path, start: str, again: int) -> None:
    """From nothing, the cases or the estimates to the tables of localisation; the command runs again after some cuts."""
    if start == "nothing":
        study = working_copy(repository, tmp_path / "study", TINY_WITHOUT_GRADIENTS)
    else:
        study = {"scores": without_scores, "estimates": without_estimates}[start](finished.copy(tmp_path / "study"))
    run = RecordedRun(recorder, study.folder, tmp_path)
    done = study.snakemake(TABLE, environment=run.environment)
    assert done.status == 0, done.output
    wanted = _results(study.folder)
    assert len(wanted) > 6
    for number, cut in enumerate(run.cuts(MOMENTS // 2, seed=3), start=1):
        assert _declared_but_lost(cut.folder) == [], str(cut)
        if number * again % (MOMENTS // 2) < again:
            _assert_it_ends_the_same(Study(cut.folder, study.base), cut, wanted)


def _declared_but_lost(folder: Path) -> list[str]:
    """Results that a record declares finished and that are not on the disk as it says. A record is whole or not there."""
    paths = [path for top in ("data", "results") for path in (folder / top).rglob(f"[!.]*{SUFFIX}")]
    records = [read_record(path) for path in paths]
    outputs = {name: digest for record in records if record for name, digest in record.outputs.items()}
    return [name for name, digest in outputs.items() if not Path(name).is_file() or file_sha256(Path(name)) != digest]


def _assert_it_ends_the_same(study: Study, cut: Cut, wanted: dict[str, bytes]) -> None:
    """The same command, once more after a sentence if need be; `--unlock` if that is what it says."""
    for _ in range(2):
        again = study.snakemake(TABLE)
        assert "Traceback" not in again.output, f"{cut}\n{again.output}"
        if again.status == 0:
            break
        if "cannot be locked" in again.output:
            assert study.snakemake("--unlock").status == 0
    assert again.status == 0, f"{cut}\n{again.output}"
    found = _results(study.folder)
    wrong = [name for name, content in wanted.items() if found.get(name) != content]
    assert not wrong, f"{cut}\n{wrong} differ\n{again.output}"


def _results(folder: Path) -> dict[str, bytes]:
    """The tables and maps of a study, which are the same whenever they are made."""
    files = [path for path in (folder / "results").rglob("*") if path.suffix in (".csv", ".md", ".parquet", ".npz")]
    shown = [path for path in files if not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in shown}


def _zip_of(files: dict[str, bytes]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def _table(path: Path, server: FileServer) -> Path:
    places = {"relation.json": "relation.json", "val.zip": "val/"}
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, restval="")
        writer.writeheader()
        for file, place in places.items():
            row = {"dataset": "aro", "file": file, "version": "1", "licence": "none", "url": server.url(file)}
            writer.writerow({**row, "places": place})
    return path
