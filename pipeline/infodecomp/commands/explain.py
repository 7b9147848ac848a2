"""`infodecomp explain photo.jpg "a caption"`: explain one picture at the terminal, and write what was found."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infodecomp.runs.errors import InputError
from infodecomp.runs.memory_errors import memory_problem
from infodecomp.runs.shipped import shipped
from infodecomp.runs.storage_errors import disk_problem

if TYPE_CHECKING:
    from infodecomp.explaining.explanation import Explanation, Quantity

EMBEDDED = "data/models/scenes"
_EMBEDDED_WARNING = (
    "The embedded model knows 65 words and scenes of emoji alone: numbers for photographs and other words mean NOTHING. "
    "Name another model with --model, by its folder or Hub id."
)
# Between two lines of progress in a log.
_LOG_SECONDS = "10"
# The exit status of a program that Ctrl-C ended, as shells have it.
_INTERRUPTED = 130
_NARROWEST, _WIDEST_WORD, _BAR = 60, 30, 24


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = argparse.ArgumentParser(
        prog="infodecomp explain",
        description="How much each word of a caption says about a picture, and where, in nats.",
    )
    made.add_argument("image", type=Path, help="the picture: any format, size and mode")
    made.add_argument("caption", help="what is on it")
    made.add_argument(
        "--word", action="append", metavar="WORD", help="a word or phrase to explain; repeat it for several"
    )
    made.add_argument("--model", metavar="ID|FOLDER", help="a pipeline of diffusers (default: the embedded model)")
    made.add_argument(
        "--draws", type=int, default=100, help="draws of log-SNR and noise, an even number (default: 100)"
    )
    made.add_argument("--seed", type=int, default=0, help="seed of the draws (default: 0)")
    made.add_argument(
        "--fit", choices=("squeeze", "letterbox", "crop"), default="squeeze", help="how it becomes square"
    )
    made.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1 (default: auto)")
    made.add_argument("--out", type=Path, metavar="DIR", help="folder for the files (default: <image>-explained)")
    made.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return made


def explain(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 done, 1 bad input (one sentence on stderr). Wrong usage exits with 2."""
    args = parser().parse_args(arguments)
    try:
        _run(args)
    except InputError as error:
        print(f"error: {memory_problem(error) or error}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError, OSError) as error:
        sentence = memory_problem(error) or (disk_problem(error) if isinstance(error, OSError) else None)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return _INTERRUPTED
    return 0


def _run(args: argparse.Namespace) -> None:
    image = shipped(args.image)
    if not image.is_file():
        raise InputError(f"{args.image}: no such file; expected an image.")
    folder = args.out or _beside(args.image)
    _make_folder(folder)
    if args.model is None:
        _warn(_EMBEDDED_WARNING)
        if not shipped(EMBEDDED).is_dir():
            raise InputError(
                f"the embedded model is not in {shipped(EMBEDDED)}, where the checkout and the package have it; install "
                "the package again, or name a model with --model."
            )
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", _LOG_SECONDS)  # read when tqdm is imported
    print(f"loading {args.model or 'the embedded model'} …", file=sys.stderr, flush=True)
    from infodecomp.explain import Explainer  # torch takes seconds, and the line above should not wait for them

    explainer = Explainer(args.model or EMBEDDED, device=args.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are printed below, from the result
        found = explainer(
            image, args.caption, words=args.word, draws=args.draws, seed=args.seed, fit=args.fit, progress=True
        )
    for sentence in found.warnings:
        _warn(sentence)
    written = write_files(found, folder)
    if args.json:
        print(json.dumps(as_json(found, written), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print(as_text(found, shutil.get_terminal_size((100, 24)).columns))
        print(f"\n{written[0]}" + (f" and {len(written) - 1} more files in {folder}/" if len(written) > 1 else ""))


def _beside(image: Path) -> Path:
    """The folder of the results: beside the picture, or in the working folder if the picture came with the package."""
    name = f"{image.stem}-explained"
    return image.with_name(name) if image.is_file() else Path(name)


def _make_folder(folder: Path) -> None:
    """Make the folder of the results before minutes are spent on them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder} cannot be made ({error}); name a folder that can be written to.") from error


def _warn(sentence: str) -> None:
    print(f"warning: {sentence}", file=sys.stderr, flush=True)


def write_files(explanation: Explanation, folder: Path) -> list[Path]:
    """Write the page, the figure, the whole explanation and one overlay a word; returns the files, the page first."""
    from infodecomp.explaining.html import write_explanation_page

    page, figure, archive = (folder / f"explanation.{suffix}" for suffix in ("html", "png", "zip"))
    write_explanation_page(page, explanation)
    explanation.plot().savefig(figure, dpi=200)
    explanation.save(archive)
    overlays = []
    for number, word in enumerate(explanation.words, 1):
        if word.status == "ok":
            overlays.append(folder / f"{number:02d}-{_file_name(word.span.text)}.png")
            explanation.overlay(word.span.key).save(overlays[-1])
    return [page, figure, archive, *overlays]


def _file_name(word: str) -> str:
    """A word as a part of a file's name on any system."""
    return "".join(one if one.isalnum() or one == "-" else "_" for one in word)[:40] or "_"


def as_json(explanation: Explanation, files: Sequence[Path]) -> dict[str, Any]:
    """The numbers as plain values; null where there is none."""
    table = explanation.table()
    rows = [{name: _plain(value) for name, value in row.items()} for row in table.to_dict("records")]
    totals = {kind: _plain(found.total) for kind, found in explanation.caption_nats.items()}
    return {
        "caption": explanation.caption,
        "caption_nats": totals,
        "words": rows,
        "settings": dict(explanation.settings),
        "warnings": list(explanation.warnings),
        "files": [str(file) for file in files],
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def as_text(explanation: Explanation, columns: int) -> str:
    """The words with their nats as a table of at most `columns` characters: CMI with its interval, a bar, and MI.

    A terminal that is too narrow for bars or MI shows neither.
    """
    words = explanation.words
    width = min(max(map(_width, ["word", *(word.span.text for word in words)])), _WIDEST_WORD)
    cmi = [_nats(word.quantities.get(("cmi", "orthogonal"))) for word in words]
    mi = [_nats(word.quantities.get(("mi", "orthogonal"))) for word in words]
    shares = [_total(word.quantities.get(("cmi", "orthogonal"))) for word in words]
    cmi_width, mi_width = (max(map(len, ["CMI, nats [95 %]", *texts])) for texts in (cmi, mi))
    with_mi = columns >= width + cmi_width + mi_width + 4
    room = columns - width - cmi_width - (mi_width + 2 if with_mi else 0) - 4
    bar = min(room, _BAR) if columns >= _NARROWEST and room >= 4 else 0
    lines = [
        _line("word", "CMI, nats [95 %]", "MI, nats [95 %]" if with_mi else "", "", width, cmi_width, mi_width, bar)
    ]
    most = max([*shares, 1e-9])
    for word, one, other, share in zip(words, cmi, mi, shares, strict=True):
        drawn = "█" * round(bar * max(share, 0) / most)
        lines.append(_line(word.span.text, one, other if with_mi else "", drawn, width, cmi_width, mi_width, bar))
    whole = _nats(explanation.caption_nats.get("orthogonal"))
    ratio = _nats(explanation.caption_nats.get("standard"))
    return "\n".join([*lines, "", f"whole caption: {whole} nats; log likelihood ratio {ratio}"])


def _line(word: str, cmi: str, mi: str, drawn: str, width: int, cmi_width: int, mi_width: int, bar: int) -> str:
    shown = word
    while _width(shown) > width:
        shown = f"{shown.rstrip('…')[:-1]}…"
    parts = [shown + " " * (width - _width(shown)), cmi.rjust(cmi_width)]
    if bar:
        parts.append(drawn.ljust(bar))
    if mi:
        parts.append(mi.rjust(mi_width))
    return "  ".join(parts).rstrip()


def _nats(found: Quantity | None) -> str:
    if found is None:
        return "–"
    low, high = found.interval()
    return f"{found.total:.2f} [{low:.2f}, {high:.2f}]" if low == low else f"{found.total:.2f}"


def _total(found: Quantity | None) -> float:
    return 0.0 if found is None else found.total


def _width(text: str) -> int:
    """Columns that a text takes at a terminal: East Asian letters take two, marks none."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )
