"""Drawing: exact disjoint masks, tints that keep outlines, one scene one picture."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from infodecomp.scenes.drawing import background, draw_scene, glyph, sprite
from infodecomp.scenes.world import BACKGROUNDS, CATEGORIES, IMAGE_SIZE, TINTS, Scene, Thing, sample_scene, scene_rng

SCENES = [sample_scene(scene_rng(1, "validation", index)) for index in range(40)]


def without_things(scene: Scene) -> np.ndarray:
    return draw_scene(dataclasses.replace(scene, things=()))[0]


def test_size_and_type() -> None:
    picture, masks = draw_scene(SCENES[0])
    assert picture.shape == (IMAGE_SIZE, IMAGE_SIZE, 3) and picture.dtype == np.uint8
    assert all(mask.shape == (IMAGE_SIZE, IMAGE_SIZE) and mask.dtype == bool for mask in masks)


@pytest.mark.parametrize("scene", SCENES[:12], ids=lambda scene: scene.kind)
def test_drawing_twice_gives_the_same(scene: Scene) -> None:
    first, second = draw_scene(scene), draw_scene(scene)
    assert np.array_equal(first[0], second[0])
    assert all(np.array_equal(a, b) for a, b in zip(first[1], second[1], strict=True))


def test_masks_are_disjoint_and_none_is_empty() -> None:
    for scene in SCENES:
        masks = draw_scene(scene)[1]
        assert len(masks) == len(scene.things)
        assert np.sum(masks, axis=0).max() <= 1
        assert all(mask.sum() > 40 for mask in masks)


def test_masks_are_exact() -> None:
    """A mask is where its thing covers more than half of a pixel and no later thing does."""
    for scene in SCENES:
        covered = []
        for thing in scene.things:
            top, left = round(thing.y - thing.size / 2), round(thing.x - thing.size / 2)
            wide = np.zeros((3 * IMAGE_SIZE, 3 * IMAGE_SIZE))
            wide[IMAGE_SIZE + top :, IMAGE_SIZE + left :][: thing.size, : thing.size] = sprite(
                thing.category, thing.tint, thing.size
            )[..., 3]
            covered.append(wide[IMAGE_SIZE : 2 * IMAGE_SIZE, IMAGE_SIZE : 2 * IMAGE_SIZE] > 0.5)
        for number, mask in enumerate(draw_scene(scene)[1]):
            hidden = np.any([np.zeros_like(mask), *covered[number + 1 :]], axis=0)
            assert np.array_equal(mask, covered[number] & ~hidden)


def test_pixels_change_inside_the_things_only() -> None:
    for scene in SCENES:
        picture, masks = draw_scene(scene)
        changed = (picture != without_things(scene)).any(-1)
        for thing, mask in zip(scene.things, masks, strict=True):
            # A sprite's colour may happen to be that of the ground under it, but seldom is.
            assert changed[mask].mean() > 0.8, thing
        boxes = np.zeros_like(changed)
        for thing in scene.things:
            top, left = (max(0, round(centre - thing.size / 2)) for centre in (thing.y, thing.x))
            boxes[top : top + thing.size, left : left + thing.size] = True
        assert not changed[~boxes].any()


@pytest.mark.parametrize("category", CATEGORIES)
def test_sprites_are_square_and_hold_ink(category: str) -> None:
    assert glyph(category).width == glyph(category).height > 50
    pixels = sprite(category, None, 30)
    assert pixels.shape == (30, 30, 4) and pixels.dtype == np.float32
    assert pixels.min() >= 0 and pixels.max() <= 1.001
    assert (pixels[..., 3] > 0.5).mean() > 0.1
    assert (pixels[..., :3] <= pixels[..., 3:] + 1e-3).all()  # premultiplied


def test_sprites_of_different_categories_differ() -> None:
    shapes = {sprite(category, None, 30).tobytes() for category in CATEGORIES}
    assert len(shapes) == len(CATEGORIES)


@pytest.mark.parametrize("tint", TINTS)
def test_a_tint_colours_the_fill_and_keeps_outlines_black(tint: str) -> None:
    plain, tinted = sprite("dog", None, 50), sprite("dog", tint, 50)
    assert np.array_equal(plain[..., 3], tinted[..., 3])
    solid = tinted[..., 3] > 0.99
    colours = tinted[solid][:, :3]
    wanted = np.array(TINTS[tint]) / 255
    nearest = np.abs(np.median(colours, axis=0) - wanted).max()
    assert nearest < 0.15
    assert (colours.max(1) < 0.25).any()


def test_untinted_things_keep_the_colours_of_the_glyph() -> None:
    """A zebra in the middle of a scene shows the glyph's own pixels."""
    scene = Scene("one", "grass", (Thing("zebra", None, 32, 32, 40),), None, 7)
    picture = draw_scene(scene)[0][12:52, 12:52]
    patch = sprite("zebra", None, 40)
    solid = patch[..., 3] > 0.999
    assert np.abs(picture[solid] / 255 - patch[solid][:, :3]).max() < 0.004


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_backgrounds_are_textured_and_follow_their_generator(name: str) -> None:
    one, again, other = (background(name, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (IMAGE_SIZE, IMAGE_SIZE, 3) and one.dtype == np.float32
    assert one.min() >= 0 and one.max() <= 1
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert one.std(axis=1).max() > 0.005


def test_things_at_the_edge_are_cut() -> None:
    scene = Scene("one", "sky", (Thing("dog", "red", 2, 62, 40),), None, 0)
    picture, (mask,) = draw_scene(scene)
    assert picture.shape == (IMAGE_SIZE, IMAGE_SIZE, 3)
    assert 0 < mask.sum() < (sprite("dog", "red", 40)[..., 3] > 0.5).sum()
