"""Draw edits of one dataset as strips and as a contact sheet: those whose change CMI predicted best, and worst."""

from __future__ import annotations

import argparse

from infodecomp.config import parse
from infodecomp.config.settings import PlotEditStrips
from infodecomp.editing.points import EditPoints, add_edit_arguments
from infodecomp.editing.strips import choose_edits, edit_strip
from infodecomp.figures import editing_sheet, editing_strips
from infodecomp.figures.style import sentence_figure

SHEET = 4  # the contact sheet shows this many times as many cases as the strips

NOTHING = (
    "No case has been edited, or none has maps of CMI and change that vary over the image: there is nothing to show."
)

add_arguments = add_edit_arguments


def run(args: argparse.Namespace) -> None:
    """Rank the edits of the dataset, draw and save both figures."""
    section = parse(PlotEditStrips, args.settings)
    found = EditPoints.read(args)
    count = (section.panels + 1) // 2  # a strip holds twice as many pictures as a panel
    figures = {
        "strips": (editing_strips, choose_edits(found.points, count)),
        "sheet": (editing_sheet, choose_edits(found.points, SHEET * count)),
    }
    by_case = found.edits.set_index("case_id")
    shown = {edit for _, chosen in figures.values() for group in chosen for edit in group}
    strips = {edit: edit_strip(edit, by_case.loc[edit.case_id], args.maps) for edit in sorted(shown)}
    for name, (module, chosen) in figures.items():
        figure = sentence_figure(module.HEADING, NOTHING)
        if chosen.agreements:
            groups = ([strips[edit] for edit in group] for group in chosen)
            figure = module.draw(*groups, section.palette, int(found.points["r"].notna().sum()))
        ranked = {kind: [edit._asdict() for edit in group] for kind, group in chosen._asdict().items()}
        found.save(figure, name, "plot_edit_strips", section, ranked)
