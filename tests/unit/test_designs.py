"""What `design: auto` stands for, and where it is settled."""

from __future__ import annotations

from pathlib import Path

import pytest

import infodecomp
from infodecomp.config import DrawsSection, InformationSection, RangeSection, load_config
from infodecomp.config.designs import Purpose, purpose_of, resolved
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.errors import InputError

AUTO = InformationSection(draws=DrawsSection(design="auto", antithetic_eps=False), range=RangeSection(loc=0.5))


@pytest.mark.parametrize(("purpose", "antithetic"), [("maps", True), ("i_s", True), ("i_o", False)])
def test_auto_is_what_was_measured_to_be_best(purpose: Purpose, antithetic: bool) -> None:
    chosen = resolved(AUTO, purpose)
    assert (chosen.draws.design, chosen.draws.antithetic_eps, chosen.range.loc) == ("stratified", antithetic, 0.5)


@pytest.mark.parametrize("design", ["iid", "stratified", "midpoint", "sobol"])
def test_a_design_by_name_stays(design: str) -> None:
    section = InformationSection(draws=DrawsSection.model_validate({"design": design, "antithetic_eps": False}))
    assert resolved(section, "maps") is section


def test_auto_names_results_as_the_default_does() -> None:
    """So that finished results are used again."""
    auto = InformationSection(draws=DrawsSection(design="auto"))
    assert resolved(auto, "maps").model_dump() == InformationSection().model_dump()


@pytest.mark.parametrize(
    ("methods", "stopping", "purpose"),
    [
        (("i_o",), "none", "i_o"),
        (("i_o", "clip"), "none", "i_o"),
        (("i_o", "i_s"), "none", "i_s"),
        (("neg_nll",), "none", "i_s"),
        (("i_o",), "racing", "i_s"),  # a race is led by likelihood
    ],
)
def test_what_retrieval_draws_for(methods: tuple[str, ...], stopping: str, purpose: str) -> None:
    assert purpose_of(methods, stopping) == purpose


def test_numbers_of_draws_are_checked_with_the_design_that_auto_stands_for() -> None:
    with pytest.raises(InputError, match=r"information → budget → steps is \[25, 50\]; allowed are even numbers"):
        load_config(
            {"information": {"draws": {"design": "auto", "antithetic_eps": False}, "budget": {"steps": [25, 50]}}}
        )
    with pytest.raises(InputError, match=r"information → budget → steps is \[20, 50\]; .* multiple of the one before"):
        load_config({"information": {"draws": {"design": "auto"}, "budget": {"steps": [20, 50]}}})
    alone = {
        "information": {"draws": {"design": "auto"}},
        "retrieval": {"methods": ["i_o"], "scoring": {"steps": [5, 15]}},
    }
    assert load_config(alone).retrieval.scoring.steps == (5, 15)


def test_stages_run_again_when_the_choice_changes(tmp_path: Path) -> None:
    package = Path(infodecomp.__file__).parent
    for source in package.rglob("*.py"):
        copy = tmp_path / "infodecomp" / source.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    stages = [f"infodecomp.stages.{stage}" for stage in ("estimate_information", "edit_images", "score_retrieval")]
    before = [code_digest(stage, tmp_path) for stage in stages]
    for name in ("settings", "information", "study"):  # their values are in the params of rules
        path = tmp_path / f"infodecomp/config/{name}.py"
        path.write_text(path.read_text(encoding="utf-8") + "\nANOTHER = 1\n", encoding="utf-8")
    assert before == [code_digest(stage, tmp_path) for stage in stages]
    assert before == [code_digest(stage) for stage in stages]
    designs = tmp_path / "infodecomp/config/designs.py"
    text = designs.read_text(encoding="utf-8")
    assert 'purpose != "i_o"' in text
    designs.write_text(text.replace('purpose != "i_o"', 'purpose == "maps"'), encoding="utf-8")
    after = [code_digest(stage, tmp_path) for stage in stages]
    assert all(old != new for old, new in zip(before, after, strict=True))


def budget(**values: object) -> dict[str, object]:
    return {"budget": values}


@pytest.mark.parametrize(
    ("information", "editing", "path", "allowed"),
    [
        (
            {"draws": {"design": "midpoint"}, **budget(extendable=True, steps=[50])},
            {},
            "budget → extendable",
            "is true; allowed is false",
        ),
        (
            {"draws": {"density": "grid"}, **budget(extendable=True, steps=[50])},
            {},
            "budget → extendable",
            "`density` is grid",
        ),
        (budget(extendable=True, stopping="target_error"), {}, "budget → stopping", "allowed is none"),
        (budget(stopping="target_error", steps=[50]), {}, "budget → steps", "two numbers or more"),
        (budget(stopping="target_error", steps=[4, 8]), {}, "budget → steps", "6 or more at its start"),
        (
            {"draws": {"density": "adaptive"}},
            {"range": {"loc": 0.5}},
            "range → loc",
            "allowed is null, because `density` adaptive",
        ),
    ],
)
def test_what_does_not_go_together(
    information: dict[str, object], editing: dict[str, object], path: str, allowed: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_config({"information": information, "editing": {"information": editing}})
    assert f"information → {path} is" in str(caught.value) and allowed in str(caught.value)


def test_retrieval_keeps_the_logistic() -> None:
    adaptive = InformationSection(draws=DrawsSection(density="adaptive"))
    assert resolved(adaptive, "maps").draws.density == "adaptive"
    assert {resolved(adaptive, purpose).draws.density for purpose in ("i_s", "i_o")} == {"logistic"}
