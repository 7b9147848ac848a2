"""Figure: one edited picture, its change and what predicted it, as in the figures of the editing study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infodecomp.explaining.edit import Edit
from infodecomp.figures.editing_layout import Strip, draw_strips
from infodecomp.figures.editing_strips import LAYOUT, draw_strip
from infodecomp.figures.fonts import use_font
from infodecomp.figures.style import colour_map
from infodecomp.metrics.correlation import pearson

PALETTE = "cividis"
HEADING = "Where does the edited caption change the picture, and did CMI predict it?"
_HEADS = 0.25  # inches, height of the heads over the cells
_NOTE = (
    "A word of the caption is left out (struck through) or replaced (new word in blue). Reconstruction and edited picture"
    " start from the same noise; change: squared difference of their latents. CMI: of the caption against the edited one."
    " Under each map: its scale; in its corner: its total. CMI and MI share a scale, in nats per cell of the latent; change"
    " and attention have no unit. r: correlation of CMI and change over the cells; Spearman's ρ: {rho}. The reconstruction"
    " has a PSNR of {psnr:.1f} dB."
)


def edit_figure(edit: Edit, *, palette: str = PALETTE, font: str | None = None) -> Figure:
    """The picture | reconstruction | edited | change | CMI | MI | attention, under the edited caption.

    palette: a Matplotlib colour map. font: for letters that DejaVu Sans lacks. Raises InputError if there is no such colour
    map.
    """
    colours, strip = colour_map(palette), _strip(edit)
    rho = f"{edit.correlation():.2f}".replace("-", "−").replace("nan", "undefined")
    note = " ".join([_NOTE.format(rho=rho, psnr=edit.psnr), *(f"Warning: {warning}" for warning in edit.warnings)])

    def draw_cells(cells: Sequence[Axes], _: int) -> None:
        most = float(max(strip.cmi.max(), strip.mi.max()))
        draw_strip(cells, strip, colours, float(strip.change.max()), most)

    layout = replace(LAYOUT, heading=HEADING, note=note, titles=_HEADS)
    figure = draw_strips([strip], [0], {0: ""}, 1, layout, draw_cells)
    use_font(figure, "the plot", font, "font=")
    return figure


def _strip(edit: Edit) -> Strip:
    cmi, mi, change = edit.quantities["cmi"], edit.quantities["mi"], edit.change
    inside = edit.inside
    return Strip(
        before=edit.caption,
        after=edit.edited_caption,
        real=edit.picture,
        unchanged=edit.round_trip,
        edited=edit.edited,
        change=change,
        cmi=cmi.map,
        mi=mi.map,
        attention=edit.attention,
        change_total=float(change.sum()),
        cmi_nats=cmi.total,
        mi_nats=mi.total,
        r=float(pearson(cmi.map[inside].astype(np.float64), change[inside].astype(np.float64))),
    )
