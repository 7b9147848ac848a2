"""What a study will take is said before it runs, and what it did and found afterwards."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.workflow.study import Study


@pytest.mark.slow
def test_plan_measures_and_counts_what_is_then_done(study: Study) -> None:
    """In a finished study, so that what was done can be compared; a second call prints the plan and measures nothing."""
    run = study.snakemake("plan")
    assert run.status == 0, run.output
    assert run.jobs == {"plan_study": 1, "plan": 1}
    table = pd.read_csv(study.results / "tables" / "plan.csv").set_index("stage")
    for stage in ("estimate_information", "record_attention", "record_gradients"):
        shards = (study.results / "scenes" / stage).glob("shard-*.parquet")
        done = sum(pd.read_parquet(path)["evaluations"].sum() for path in shards)
        # Cases count what they take by themselves; cases of one image share the empty prompt and their caption.
        assert 0.5 * done < table.loc[stage, "evaluations"] <= done
        assert table.loc[stage, "hours"] > 0 and table.loc[stage, "shards_advised"] == 1
        size = sum(path.stat().st_size for path in (study.results / "scenes" / stage / "maps").glob("*.npz"))
        assert 1e9 * table.loc[stage, "gigabytes"] == pytest.approx(size, rel=0.2)
    assert (study.results / "tables" / "plan.md").read_text(encoding="utf-8") in run.output
    assert "evaluations/s in batches of 16" in run.output

    again = study.snakemake("plan")
    assert again.status == 0, again.output
    assert again.jobs == {"plan": 1}
    assert "| scenes | estimate_information | 6 |" in again.output


def test_a_run_ends_with_what_it_did_and_where_the_page_is(study: Study) -> None:
    table = pd.read_csv(study.results / "tables" / "summary.csv").set_index("stage")
    assert table["cases"].tolist() == [6] * 5 and table["failed"].tolist() == [0] * 5
    assert (table.loc[["estimate_information", "record_attention"], "hours"] > 0).all()
    assert (study.results / "tables" / "summary.md").is_file()
    (study.results / "tables" / "summary.md").unlink()
    run = study.snakemake()
    assert run.status == 0, run.output
    *_, failures, done, page = run.output.rstrip().splitlines()
    assert failures == "6 cases, none failed in any stage"
    assert done.startswith("Done in ") and done.endswith("tables: results/tiny/tables, figures: results/tiny/figures")
    assert page == f"Open {(study.results / 'report' / 'index.html').as_uri()}"
    assert "| dataset |" not in run.output
    assert "Reason:" not in run.output and "host:" not in run.output


def test_a_profile_for_every_machine_gives_the_same_plan(fresh: Study) -> None:
    plans = {}
    for profile in ("default", "workstation", "slurm"):
        run = fresh.snakemake("--dry-run", "--workflow-profile", f"profiles/{profile}")
        assert run.status == 0, run.output
        plans[profile] = run.jobs
    assert plans["default"] == plans["workstation"] == plans["slurm"] != {}
