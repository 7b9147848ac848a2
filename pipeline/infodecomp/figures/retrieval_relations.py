"""Figure: accuracy by relation or attribute pair, from CLIP's to that of information, one panel per dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infodecomp.figures.style import (
    GUIDE,
    MUTED,
    balanced_columns,
    figure_style,
    method_style,
    panel_figure,
    panel_width,
    sentence_figure,
    shorten,
    title_panel,
)

HEADING = "Where is the model better than CLIP, and where worse?"
HEADING_ALONE = "Which captions does the model get right?"
NOTE = (
    "Share of cases in which the true caption has the highest score, by the subject of the captions; n: number of"
    " cases."
)
COMPARED = "A line runs from CLIP to the dot, in the colour of the better one; the change is in percentage points."
NOT_COMPARED = "Without both a CLIP score and an information score there is no change to show."
LARGEST = "Of many groups, those with the most cases are shown."
MARKED = "Bold: a large change."
SYMMETRIC = "↔ reads the same both ways, so the false caption is equally true."
NOTHING = "No dataset here has groups, such as relations or attribute pairs, with a score: there is nothing to compare."

MOST_GROUPS = 40  # in a panel

_BASELINE, _STANDARD, _ORTHOGONAL = "clip", "i_s", "i_o"
_ROW = 0.17  # inches, height of a group
_NAME = 26  # characters
_MOST_COLUMNS = 2
_RIGHT = 0.75  # inches, for the columns beside a panel


class Group(NamedTuple):
    """One row of a panel; accuracies and the change of `ours` against `clip` are fractions, NaN where unknown."""

    name: str
    n: int
    symmetric: bool
    clip: float
    ours: float
    second: float
    change: float
    marked: bool  # the table marks the change as large


class Roles(NamedTuple):
    """Which method is drawn as what."""

    clip: str
    ours: str
    second: str


def draw(by_group: pd.DataFrame, chances: Mapping[str, float]) -> Figure:
    """One row per group: ring CLIP, dot i^s, small diamond i^o; the change and the number of cases at the right.

    Groups are sorted by their change, without CLIP by accuracy. Without i^s the dot is i^o. Datasets without groups
    have no panel.

    Args:
        by_group: columns dataset, group, symmetric (bool), method, n, accuracy, change (fractions), mark (text).
        chances: dataset → accuracy of guessing, a fraction; a dataset may be missing.
    """
    known = by_group[(by_group["group"] != "") & np.isfinite(by_group["accuracy"])]
    known = known[known["method"].isin([_BASELINE, _STANDARD, _ORTHOGONAL])]
    if known.empty:
        return sentence_figure(HEADING, NOTHING)
    methods = set(known["method"])
    ours = _ORTHOGONAL if _ORTHOGONAL in methods and _STANDARD not in methods else _STANDARD
    roles = Roles(_BASELINE, ours, _ORTHOGONAL if ours == _STANDARD else "")
    panels = {str(name): collect_groups(rows, roles) for name, rows in known.groupby("dataset", sort=False)}
    shown = {name: largest_groups(groups) for name, groups in panels.items()}
    every = [group for groups in shown.values() for group in groups]
    compared = any(np.isfinite(group.change) for group in every)
    notes = {
        NOTE: True,
        COMPARED: compared,
        NOT_COMPARED: not compared,
        "Dashed: chance.": any(np.isfinite(chances.get(name, np.nan)) for name in shown),
        LARGEST: len(every) < sum(map(len, panels.values())),
        MARKED: any(group.marked for group in every),
        SYMMETRIC: any(group.symmetric for group in every),
    }
    columns = balanced_columns(len(shown), _MOST_COLUMNS)
    left = 0.2 + 0.056 * max(len(group_label(group)) for group in every)
    with figure_style():
        figure, axes = panel_figure(
            [_ROW * (len(groups) + 1) for groups in shown.values()],
            columns=columns,
            width=min(panel_width(columns, left, _RIGHT), 3.0),
            left=left,
            right=_RIGHT,
            above=0.42,
            below=0.45,
            heading=HEADING if compared else HEADING_ALONE,
            note=" ".join(note for note, holds in notes.items() if holds),
            legend=[_mark(roles, role) for role, method in enumerate(roles) if method in methods],
        )
        for panel, (dataset, groups) in zip(axes, shown.items(), strict=True):
            _set_axes(panel, groups, chances.get(dataset, float("nan")))
            for place, group in enumerate(groups):
                _draw_group(panel, place, group, roles)
            _write(panel, -1, "change" if compared else "", "n", MUTED)
            count = len(panels[dataset])
            many = f"{len(groups)} of {count} groups" if len(groups) < count else f"{count} groups"
            title_panel(panel, dataset, many if count > 1 else "1 group")
    return figure


def collect_groups(rows: pd.DataFrame, roles: Roles) -> list[Group]:
    """The groups of one dataset: largest change first, then by accuracy and name."""
    groups = []
    for name, part in rows.groupby("group", sort=False):
        by_method = part.set_index("method").reindex([method for method in roles if method])
        accuracy = [float(value) for value in by_method["accuracy"]]
        mark = by_method["mark"][roles.ours]
        groups.append(
            Group(
                name=str(name),
                n=int(part["n"].fillna(0).max()),
                symmetric=bool(part["symmetric"].any()),
                clip=accuracy[0],
                ours=accuracy[1],
                second=accuracy[2] if roles.second else float("nan"),
                change=float(by_method["change"][roles.ours]),
                marked=isinstance(mark, str) and mark != "",
            )
        )
    return sorted(groups, key=_rank)


def _rank(group: Group) -> tuple[float, float, str]:
    change, ours = np.nan_to_num([group.change, group.ours], nan=-2.0)  # the unknown come last
    return -float(change), -float(ours), group.name


def largest_groups(groups: Sequence[Group]) -> list[Group]:
    """The `MOST_GROUPS` groups with the most cases, in their order."""
    chosen = set(sorted(groups, key=lambda group: (-group.n, group.name))[:MOST_GROUPS])
    return [group for group in groups if group in chosen]


def group_label(group: Group) -> str:
    """Name of a group in its row: cut if long, with an arrow if symmetric."""
    name = shorten(group.name, _NAME)
    return f"{name} ↔" if group.symmetric else name


def percentage_points(change: float) -> str:
    """A change in whole percentage points with its sign, such as +12, −3 or 0; empty if it is not known."""
    if not np.isfinite(change):
        return ""
    whole = round(100 * change)
    return f"{whole:+d}".replace("-", "−") if whole else "0"


def _set_axes(axes: Axes, groups: Sequence[Group], chance: float) -> None:
    axes.set(xlim=(0, 100), ylim=(len(groups) - 0.4, -1.4), xticks=range(0, 101, 25), xlabel="accuracy (%)")
    axes.grid(axis="x", color=GUIDE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=6.5)
    ticks = axes.set_yticks(range(len(groups)), [group_label(group) for group in groups])
    for tick, group in zip(ticks, groups, strict=True):
        tick.label1.set_fontweight("bold" if group.marked else "normal")
    if np.isfinite(chance):
        axes.axvline(100 * chance, color="#333333", linestyle=(0, (4, 3)), linewidth=1.0, zorder=1)


def _draw_group(axes: Axes, place: int, group: Group, roles: Roles) -> None:
    if np.isfinite(group.clip) and np.isfinite(group.ours):
        better = roles.ours if group.ours >= group.clip else roles.clip
        axes.plot(
            [100 * group.clip, 100 * group.ours],
            [place, place],
            color=method_style(better).colour,
            alpha=0.45,
            linewidth=2.0,
            solid_capstyle="butt",
            zorder=2,
        )
    for role, accuracy in enumerate((group.clip, group.ours, group.second)):
        if np.isfinite(accuracy):
            axes.add_line(_mark(roles, role, accuracy, place))
    _write(axes, place, percentage_points(group.change), f"{group.n:,}", "black")


def _mark(roles: Roles, role: int, accuracy: float = float("nan"), place: float = float("nan")) -> Line2D:
    """Marker of a method: CLIP's is a ring, so that the dot is seen in it where both agree."""
    style = method_style(roles[role])
    shape, size, order = (("o", 6.4, 4), ("o", 4.0, 5), ("D", 3.0, 3))[role]
    ring = role == 0
    return Line2D(
        [100 * accuracy],
        [place],
        linestyle="none",
        marker=shape,
        markersize=size,
        color=style.colour,
        mfc="none" if ring else style.colour,
        mew=1.2 if ring else 0.0,
        label=style.label,
        clip_on=False,
        zorder=order,
    )


def _write(axes: Axes, place: int, change: str, n: str, colour: str) -> None:
    """The two columns right of a panel."""
    for text, offset in ((change, 28), (n, 50)):
        axes.annotate(
            text,
            xy=(1, place),
            xytext=(offset, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=6.5,
            color=colour,
            annotation_clip=False,
        )
