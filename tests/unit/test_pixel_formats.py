"""Pictures of every depth, colour space and transparency: the right colours, and what is assumed said once."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from infodecomp.cli import run_stage
from infodecomp.config import CustomDataset
from infodecomp.jobs.image_latents import read_pixels
from infodecomp.pictures.images import load_image
from infodecomp.runs.assumptions import assume, forget_assumptions
from infodecomp.runs.errors import InputError
from tests.stage_settings import settings

# Greys 0, 85, 170, 255 of the picture that each file is meant to show.
GREYS = np.array([[0, 85], [170, 255]])
SHARES = GREYS / 255
RED, GREEN = (200, 30, 40), (20, 180, 60)


@pytest.fixture(autouse=True)
def _new_job() -> None:
    forget_assumptions()


def write_tiff(path: Path, values: np.ndarray, photometric: int = 1, bits: int = 0, width: int = 0) -> None:
    """An uncompressed grey TIFF of any type of number, of which Pillow writes few."""
    data = np.ascontiguousarray(values).tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    entries = {256: width or values.shape[1], 257: values.shape[0], 258: bits or 8 * values.dtype.itemsize, 259: 1}
    entries |= {262: photometric, 273: 8, 277: 1, 278: values.shape[0], 279: len(data), 339: kind}
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, entry) for tag, entry in entries.items())
    path.write_bytes(
        struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + struct.pack("<H", len(entries)) + tags + bytes(4)
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (SHARES.astype(np.float32), "floats from 0 to 1, and white is taken to be 1"),
        ((SHARES * 1.005 - 0.002).astype(np.float32), "white is taken to be 1"),
        ((SHARES * 255).astype(np.float32), "white is taken to be 255"),
        ((SHARES * 65535).astype(np.float32), "white is taken to be 65535"),
        (GREYS.astype(np.uint8), ""),
        ((GREYS // 2).astype(np.int8), ""),
        ((GREYS * 257).astype(np.uint16), ""),
        (GREYS.astype(np.uint16), "the greys take 16 bits, the largest is 255, and white is taken to be 255"),
        (np.rint(SHARES * 32767).astype(np.int16), ""),
        (GREYS.astype(np.int16), "white is taken to be 255"),
        ((GREYS * 257).astype(np.int32), "white is taken to be 65535"),
        (GREYS.astype(np.int32), "the greys take 32 bits, the largest is 255, and white is taken to be 255"),
        (np.rint(SHARES * (2**31 - 1)).astype(np.int32), ""),
        (np.rint(SHARES * (2**32 - 1)).astype(np.uint32), ""),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, np.ndarray) else value[-12:],
)
def test_greys_of_any_depth(tmp_path: Path, values: np.ndarray, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiff(tmp_path / "a.tif", values)
    found = np.asarray(load_image(tmp_path / "a.tif")).astype(int)
    assert np.abs(found - GREYS[..., None]).max() <= 2, found[..., 0]
    note = capsys.readouterr().err
    assert (said in note and "a.tif: " in note) if said else not note


def test_greys_whose_white_is_zero(tmp_path: Path) -> None:
    for name, values in {"deep": (GREYS * 257).astype(np.uint16), "float": SHARES.astype(np.float32)}.items():
        write_tiff(tmp_path / name, values, photometric=0)
        assert np.array_equal(np.asarray(load_image(tmp_path / name))[..., 0], 255 - GREYS), name


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (SHARES * 2 - 1, "greys in floats from -1 to 1; allowed are 0 to 1, 0 to 255 and 0 to 65535"),
        (SHARES * 3.5, "from 0 to 3.5"),
        (SHARES * 1e6, "from 0 to 1e.06"),
        (np.where(SHARES == 1, np.nan, SHARES), r"not finite \(NaN or infinite\)"),
        (GREYS.astype(np.int16) - 100, "greys from -100 to 155, and negative ones mean nothing"),
        (GREYS.astype(np.int32) - 100, "greys from -100 to 155"),
        ((GREYS - 128).astype(np.int8), "greys from -128 to 127"),
        ((GREYS * 1000).astype(np.int32), "up to 255000 of 2147483647 in 32 bits: black throughout"),
    ],
)
def test_greys_without_a_clear_white_are_refused(tmp_path: Path, values: np.ndarray, told: str) -> None:
    write_tiff(tmp_path / "a.tif", values.astype(np.float32) if values.dtype.kind == "f" else values)
    with pytest.raises(InputError, match=rf"a\.tif: this image has .*{told}.*save it as PNG with 8 bits"):
        load_image(tmp_path / "a.tif")


def test_dark_and_black_pictures_in_sixteen_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray((GREYS * 16).astype(np.uint16)).save(tmp_path / "twelve.png")
    assert np.asarray(load_image(tmp_path / "twelve.png")).max() == 15
    assert "the largest grey is 4080 of 65535, so that the picture is dark" in capsys.readouterr().err
    Image.new("I;16", (2, 2)).save(tmp_path / "black.png")
    assert np.asarray(load_image(tmp_path / "black.png")).max() == 0
    assert not capsys.readouterr().err


def half_clear(mode: str = "RGBA") -> Image.Image:
    """Red and opaque on the left, green and transparent on the right, 8 x 8."""
    image = Image.new("RGBA", (8, 8), (*RED, 255))
    image.paste((*GREEN, 0), (4, 0, 8, 8))
    return image.convert(mode) if mode != "P" else image.quantize(4)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.gif", "palette.png", "grey.png"])
def test_transparency_is_put_on_white(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    image = half_clear({"palette.png": "P", "grey.png": "LA"}.get(name, "RGBA"))
    image.save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    found = np.asarray(load_image(tmp_path / name)).astype(int)
    assert (found[:, 4:] == 255).all()
    left = (np.asarray(Image.new("RGB", (1, 1), RED).convert("L")).item(),) * 3 if name == "grey.png" else RED
    assert np.abs(found[:, :4] - left).max() <= 3
    assert "is transparent in places, and is put on white" in capsys.readouterr().err
    load_image(tmp_path / name)
    assert not capsys.readouterr().err


def test_half_transparent_pixels_are_mixed_and_named_colours_are_holes(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 51)).save(tmp_path / "veil.png")
    assert np.asarray(load_image(tmp_path / "veil.png")).tolist() == [[[204] * 3] * 2] * 2
    two = half_clear("RGB")
    two.save(tmp_path / "rgb.png", transparency=GREEN)
    two.convert("L").point(lambda value: 9 if value > 100 else 0).save(tmp_path / "grey.png", transparency=9)
    deep = np.where(np.arange(8) < 4, 25700, 51400).astype(np.uint16)[None].repeat(8, axis=0)
    Image.fromarray(deep).save(tmp_path / "deep.png", transparency=51400)
    for name, left in {"rgb": list(RED), "grey": [0, 0, 0], "deep": [100, 100, 100]}.items():
        found = np.asarray(load_image(tmp_path / f"{name}.png"))
        assert found[0, 0].tolist() == left and (found[:, 4:] == 255).all(), name


def test_opaque_and_wholly_transparent_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, alpha in (("opaque", 255), ("void", 0)):
        Image.new("RGBA", (4, 4), (*RED, alpha)).save(tmp_path / f"{name}.png")
    assert np.asarray(load_image(tmp_path / "opaque.png"))[0, 0].tolist() == list(RED)
    assert not capsys.readouterr().err
    with pytest.raises(InputError, match=r"void\.png: this image is transparent throughout"):
        load_image(tmp_path / "void.png")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.gif", "frames"), ("a.webp", "frames"), ("a.png", "frames"), ("a.tif", "pages"), ("a.mpo", "")],
)
def test_the_first_of_several_pictures(
    tmp_path: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN))
    first.save(tmp_path / name, save_all=True, append_images=[second])
    assert np.abs(np.asarray(load_image(tmp_path / name)).astype(int) - RED).max() <= 6
    note = capsys.readouterr().err
    assert f"several {kind}, and the first one is taken" in note if kind else not note


def test_inks_and_lab(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "inks.tif")
    assert np.asarray(load_image(tmp_path / "inks.tif"))[0, 0].tolist() == [255, 0, 0]
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    picture = ImageCms.profileToProfile(Image.new("RGB", (4, 4), RED), srgb, lab, outputMode="LAB")
    assert picture is not None
    picture.save(tmp_path / "lab.tif")
    assert np.abs(np.asarray(load_image(tmp_path / "lab.tif"))[0, 0].astype(int) - RED).max() <= 3


@pytest.mark.parametrize("profile", [b"no profile", None])
def test_inks_without_a_usable_profile(
    tmp_path: Path, profile: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "inks.tif", icc_profile=profile)
    assert np.asarray(load_image(tmp_path / "inks.tif"))[0, 0].tolist() == [255, 0, 0]
    said = "its colour profile cannot be used" if profile else "in CMYK without a colour profile"
    assert said in capsys.readouterr().err


def test_twelve_bits(tmp_path: Path) -> None:
    packed = np.array([[0x00, 0x05, 0x55], [0xAA, 0xAF, 0xFF]], dtype=np.uint8)  # 0, 1365; 2730, 4095
    write_tiff(tmp_path / "a.tif", packed, bits=12, width=2)
    assert np.array_equal(np.asarray(load_image(tmp_path / "a.tif"))[..., 0], GREYS)


def test_a_foreign_profile_of_rgb_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sRGB", "XYZ"):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]
        Image.new("RGB", (4, 4), RED).save(tmp_path / f"{name}.png", icc_profile=profile)
        assert np.asarray(load_image(tmp_path / f"{name}.png"))[0, 0].tolist() == list(RED)
    assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == [str(tmp_path / "XYZ.png")]


def cut(suffix: str, share: float) -> bytes:
    """The first part of a picture file."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format=suffix)
    return buffer.getvalue()[: int(share * len(buffer.getvalue()))]


FOREIGN: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "it is empty"),
    "zeros.png": (bytes(900), "it holds zeros"),
    "pointer.png": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
    "page.jpg": (b"\n<!DOCTYPE html><html>", "a web page in place of the picture"),
    "drawing.svg": (b'<?xml version="1.0"?>\n<svg/>', "an SVG drawing"),
    "phone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), "it is HEIC, for which there is no decoder here"),
    "film.jpg": (b"\0\0\0\x14ftypisom\0\0\0\0mp42" + bytes(40), "it is a film"),
    "paper.pdf": (b"%PDF-1.7", "it is a PDF"),
    "vector.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0", "it is PostScript"),
    "light.exr": (b"v/1\x01" + bytes(40), "OpenEXR"),
    "camera.dng": (b"II*\0" + bytes(40), "the raw file of a camera"),
    "scan.dcm": (bytes(128) + b"DICM", "DICOM"),
    "text.png": (b"no picture", "it is not a picture"),
    **{f"cut.{suffix}": (cut(suffix, 0.9), "copy") for suffix in ("jpeg", "png", "gif", "webp", "tiff", "bmp")},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_that_are_no_whole_picture(tmp_path: Path, name: str) -> None:
    content, told = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        load_image(tmp_path / name)
    assert str(raised.value).startswith(f"{tmp_path / name}: this image cannot be read") and told in str(raised.value)


def test_avif_without_a_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infodecomp.pictures.foreign_files.features.check", lambda name: False)
    (tmp_path / "a.avif").write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(40))
    with pytest.raises(
        InputError, match="it is AVIF, and this Pillow has no decoder for it; convert it to PNG or JPEG"
    ):
        load_image(tmp_path / "a.avif")


def test_colours_of_sixteen_bits_that_would_be_black(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    for name, pixel in {"dark.png": (200, 100, 50), "fine.png": (51400, 25700, 12850)}.items():
        (tmp_path / name).write_bytes(png(header, b"\0" + struct.pack(">HHH", *pixel)))
    assert np.asarray(load_image(tmp_path / "fine.png")).tolist() == [[[200, 100, 50]]]
    with pytest.raises(InputError, match=r"dark\.png: this image has colours in 16 bits, of which at most the lower 8"):
        load_image(tmp_path / "dark.png")


def png(header: bytes, rows: bytes) -> bytes:
    """A PNG of one header and its rows."""
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_large_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    Image.new("L", (10, 8), 7).save(tmp_path / "large.png")
    assert np.asarray(load_image(tmp_path / "large.png")).max() == 7
    Image.new("L", (9, 9)).save(tmp_path / "huge.png")
    with pytest.raises(
        InputError, match=r"huge\.png: this image cannot be read: it has more than 80 pixels; make it smaller"
    ):
        load_image(tmp_path / "huge.png")


def test_an_assumption_is_said_once_a_job_by_whichever_thread(capsys: pytest.CaptureFixture[str]) -> None:
    def say() -> None:
        assume("kind", Path("a.png"), "it has two meanings, and the first is taken")

    threads = [threading.Thread(target=say) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capsys.readouterr().err.count("a.png: it has two meanings") == 1
    forget_assumptions()
    say()
    assert capsys.readouterr().err.startswith("warning: a.png: ")


def test_a_job_says_what_it_assumes_and_refuses_the_rest_in_one_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through build_cases: notes once a kind, naming the first file; the next job says them again."""
    for number in (1, 2):
        half_clear().save(tmp_path / f"clear{number}.png")
        write_tiff(tmp_path / f"float{number}.tif", SHARES.astype(np.float32))
    write_tiff(tmp_path / "signed.tif", GREYS.astype(np.int16) - 100)
    (tmp_path / "phone.jpg").write_bytes(FOREIGN["phone.jpg"][0])
    good = ["clear1.png", "float1.tif", "clear2.png", "float2.tif"]
    for names in (good, good, [*good, "signed.tif", "phone.jpg"]):
        rows = [f"{name},a bear on grass,bear" for name in names]
        (tmp_path / "c.csv").write_text("\n".join(["image,caption,word", *rows]), encoding="utf-8")
        dataset = CustomDataset(list=str(tmp_path / "c.csv"), localisation=False)
        read = settings("build_cases", "d", datasets={"d": dataset})
        status = run_stage(
            ["build_cases", "--dataset", "d", "--settings", read, "--output", str(tmp_path / "cases.parquet")]
        )
        told = capsys.readouterr().err
        notes = [line.split(": ")[1] for line in told.splitlines() if line.startswith("warning: ")]
        assert notes == [str(tmp_path / "clear1.png"), str(tmp_path / "float1.tif")]
        assert status == (1 if "phone.jpg" in names else 0)
    assert "line 6: " in told and "greys from -100 to 155" in told
    assert "line 7: " in told and "it is HEIC" in told


def test_pixels_of_a_float_picture_reach_the_model_as_of_its_bytes(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "bytes.png")
    write_tiff(tmp_path / "float.tif", (ramp / 255).astype(np.float32))
    expected, found = (read_pixels(tmp_path / name, 16, "squeeze") for name in ("bytes.png", "float.tif"))
    assert torch.equal(expected, found) and expected.min() == -1 and expected.max() == 1
