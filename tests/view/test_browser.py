"""The page in a headless browser with software GL: what a person can see and do."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.view.devtools import Browser, find_browser
from tests.view.toy import CAR, camera_picture, occupancy, prediction_of, street, truth_of
from voxway.core.benchmark import Benchmark
from voxway.core.grid import VoxelGrid
from voxway.core.ranked import Ranked
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.metrics.rays.directions import directions
from voxway.metrics.rays.walk import cast
from voxway.view import Frame, tiled, write_page
from voxway.view.ray_view import ray_view

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium on this machine"),
]

CANVASES = ('[data-side="prediction"] canvas', '[data-side="truth"] canvas')
GRID = SEMANTIC_KITTI.grid.crop((0, 84, 0), (100, 88, 20))
"""A part of the street, so that software GL keeps up."""

SHOWN = "document.documentElement?.dataset.shown"


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with Browser((1100, 800)) as browser:
        browser.theme("light")
        yield browser


@pytest.fixture(scope="module")
def street_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "street.html"
    frames = []
    for number in range(3):
        prediction, truth = (occupancy(volume, grid=GRID) for volume in volumes(number))
        frames.append(Frame(key=f"08/{5 * number:06d}", image=camera_picture(), prediction=prediction, truth=truth))
    write_page(path, frames, title="A street")
    return path


def volumes(number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and truth of a frame of the street page."""
    whole = street(shift_m=4.0 * number)
    prediction, truth = (volume[:100, 84:172, :20] for volume in (prediction_of(whole), truth_of(whole)))
    return np.ascontiguousarray(prediction), np.ascontiguousarray(truth)


@pytest.fixture
def page(browser: Browser, street_page: Path) -> Generator[Browser]:
    browser.errors.clear()
    browser.requests.clear()
    opened(browser, street_page)
    yield browser
    assert browser.errors == []
    assert all(address.startswith(("file://", "data:")) for address in browser.requests)


def opened(browser: Browser, path: Path) -> None:
    browser.open(path)
    browser.wait(f"{SHOWN} !== undefined")
    browser.settle()


def shots(browser: Browser) -> list[np.ndarray]:
    browser.settle()
    return [browser.screenshot(canvas).astype(int) for canvas in CANVASES]


def changed(before: list[np.ndarray], after: list[np.ndarray]) -> list[float]:
    """Share of pixels that differ, for each canvas."""
    return [float((np.abs(a - b).max(-1) > 12).mean()) for a, b in zip(before, after)]


def middle(browser: Browser, selector: str) -> tuple[float, float]:
    left, top, width, height = browser.box(selector)
    return left + width / 2, top + height / 2


def click(browser: Browser, selector: str) -> None:
    browser.run(f"document.querySelector({selector!r}).click()")
    browser.settle()


def test_shows_image_volumes_legend_and_scores(page: Browser) -> None:
    assert page.run("document.getElementById('image').naturalWidth") == 1226
    assert page.run("document.getElementById('frame-name').value") == "08/000000 · 1 of 3"
    assert page.run("document.querySelectorAll('#legend label').length") == 19
    cars = int((volumes()[1] == CAR).sum())
    assert page.run("document.querySelector('[data-row=\"1\"]').closest('label').innerText").endswith(f"{cars:,}")
    for shot in shots(page):
        assert len(np.unique(shot.reshape(-1, 3), axis=0)) > 200
        assert (shot != shot[2, -2]).any(-1).mean() > 0.2


def test_a_drag_turns_both_pictures_alike(page: Browser) -> None:
    before = shots(page)
    x, y = middle(page, CANVASES[0])
    page.drag((x, y), (x + 120, y - 40))
    after = shots(page)
    assert min(changed(before, after)) > 0.15
    page.drag((x, y), (x, y + 60), modifiers=8)
    assert min(changed(after, shots(page))) > 0.1
    click(page, "#reset")
    assert max(changed(before, shots(page))) < 0.01


def test_the_wheel_zooms_and_the_top_view_looks_down(page: Browser) -> None:
    before = shots(page)
    page.mouse("mouseWheel", *middle(page, CANVASES[1]), deltaX=0, deltaY=-400)
    after = shots(page)
    assert min(changed(before, after)) > 0.15
    page.key("t")
    assert min(changed(after, shots(page))) > 0.15


def test_a_class_can_be_switched_off(page: Browser) -> None:
    before = shots(page)
    click(page, '[data-row="9"]')
    after = shots(page)
    assert min(changed(before, after)) > 0.02
    road = page.run("getComputedStyle(document.querySelector('[data-row=\"9\"] + .swatch')).backgroundColor")
    colour = [int(v) for v in road[4:-1].split(",")]
    assert ((np.abs(before[1] - colour) < 12).all(-1)).mean() > 0.02
    assert ((np.abs(after[1] - colour) < 12).all(-1)).mean() < 0.001
    click(page, "#none")
    assert page.run("document.querySelectorAll('#legend input:checked').length") == 0
    click(page, "#all")
    assert max(changed(before, shots(page))) < 0.01


def test_modes_paint_differently(page: Browser) -> None:
    before = shots(page)
    click(page, '[value="height"]')
    height = shots(page)
    assert min(changed(before, height)) > 0.15
    click(page, '[value="differences"]')
    assert min(changed(height, shots(page))) > 0.15
    predicted, truth = volumes()
    counts = {
        "right": ((truth == predicted) & (truth != 0)).sum(),
        "missed": ((truth != 255) & (truth != 0) & (predicted == 0)).sum(),
        "invented": ((truth == 0) & (predicted != 0)).sum(),
    }
    for row, (name, side) in {0: ("right", 0), 2: ("missed", 1), 3: ("invented", 0)}.items():
        numbers = page.run(
            f"[...document.querySelectorAll('#legend label')][{row}].innerText.split('\\n').map(s => s.trim())"
        )
        assert numbers[0] == name
        assert numbers[1 + side] == f"{counts[name]:,}"


@pytest.fixture(scope="module")
def judged_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frame with confidence, which falls along x from 100 to 50 percent, and one without."""
    path = tmp_path_factory.mktemp("judged") / "page.html"
    prediction, truth = (occupancy(volume, grid=GRID) for volume in volumes())
    values = torch.linspace(1, 0.5, 100).half()[None, :, None, None].expand(1, *GRID.shape).contiguous()
    judged = replace(prediction, likely=Ranked(values, prediction.classes[None]))
    frames = [Frame(key=name, prediction=one, truth=truth) for name, one in (("a", judged), ("b", prediction))]
    write_page(path, frames, title="How sure")
    return path


def slide(browser: Browser, percent: int) -> None:
    browser.run(
        f"(() => {{ const s = document.getElementById('least'); s.value = {percent};"
        " s.dispatchEvent(new Event('input')); })()"
    )
    browser.settle()


def test_confidence_colours_the_prediction_and_hides_what_is_less_sure(browser: Browser, judged_page: Path) -> None:
    browser.errors.clear()
    opened(browser, judged_page)
    before = shots(browser)
    click(browser, '[value="confidence"]')
    after = shots(browser)
    share = changed(before, after)
    assert share[0] > 0.15 and share[1] < 0.001, "the truth keeps the colours of its classes"
    assert "100 %, sure" in browser.run("document.getElementById('legend').innerText")
    predicted, _ = volumes()
    percent = np.round(100 * np.linspace(1, 0.5, 100)[:, None, None]) * np.ones(GRID.shape)
    count = "document.querySelector('.view .count').textContent"
    for least in (0, 75, 90):
        slide(browser, least)
        # Half precision and rounding may move a slice across the threshold's edge; none lies near these.
        assert browser.run(count) == f"{int(((predicted != 0) & (percent >= least)).sum()):,} voxels"
    slide(browser, 75)
    fewer = shots(browser)
    assert changed(after, fewer)[0] > 0.1 and changed(after, fewer)[1] < 0.001
    click(browser, '[value="classes"]')
    assert changed(before, shots(browser))[0] > 0.1, "the threshold holds in every mode"
    slide(browser, 0)
    assert max(changed(before, shots(browser))) < 0.01
    assert browser.errors == []


def test_a_frame_without_confidence_falls_back_to_classes(browser: Browser, judged_page: Path) -> None:
    browser.errors.clear()
    opened(browser, judged_page)
    click(browser, '[value="confidence"]')
    browser.key("ArrowRight")
    browser.wait(f"{SHOWN} === '1 classes'")
    assert browser.run("document.querySelector('#modes [value=confidence]').disabled")
    slide(browser, 90)
    predicted, _ = volumes()
    assert browser.run("document.querySelector('.view .count').textContent") == f"{(predicted != 0).sum():,} voxels"
    assert browser.errors == []


def test_a_marked_voxel_says_how_sure(browser: Browser, judged_page: Path) -> None:
    opened(browser, judged_page)
    click(browser, "#top")
    page = browser
    page.mouse("mouseMoved", *middle(page, CANVASES[0]))
    page.settle()
    reading = " ".join(page.run("document.getElementById('readout').innerText").split())
    x = int(reading.removeprefix("voxel ").split(",")[0])
    assert f"{round(100 * float(np.linspace(1, 0.5, 100)[x]))} % sure" in reading


def test_without_confidence_there_is_no_control_for_it(page: Browser) -> None:
    for control in ("#least", "[value=confidence]"):
        assert page.run(f"document.querySelector('{control}').closest('label').hidden")


@pytest.fixture(scope="module")
def ray_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frame with rays, and one without."""
    path = tmp_path_factory.mktemp("page") / "rays.html"
    prediction, truth = volumes()
    hits = cast([truth, prediction], np.array([[1.0, 0.0, 0.0]]), directions()[::3], GRID, 0)
    rays = ray_view(hits, GRID, 0, (1.0, 2.0, 4.0), known=20)
    frame = Frame(
        key="08/000000", prediction=occupancy(prediction, grid=GRID), truth=occupancy(truth, grid=GRID), rays=rays
    )
    write_page(path, [frame, replace(frame, key="08/000005", rays=None)], title="Rays")
    return path


def test_rays_colour_where_they_end_and_draw_curves(browser: Browser, ray_page: Path) -> None:
    browser.errors.clear()
    opened(browser, ray_page)
    before = shots(browser)
    assert browser.run("document.getElementById('curves').hidden")
    click(browser, '#modes [value="rays"]')
    assert min(changed(before, shots(browser))) > 0.05
    assert browser.run("document.querySelectorAll('#curves polyline').length") == 4
    assert "rays of this frame" in browser.run("document.getElementById('curves').innerText")
    assert "right within 2 m" in browser.run("document.getElementById('curves').innerText")
    browser.key("ArrowRight")
    browser.wait(f"{SHOWN} === '1 classes'")
    assert browser.run("document.querySelector('#modes [value=rays]').disabled")
    assert browser.run("document.getElementById('curves').hidden")
    assert browser.errors == []


def test_without_rays_there_is_no_control_for_them(page: Browser) -> None:
    assert page.run("document.querySelector('#modes [value=rays]').closest('label').hidden")


def test_known_truth_only_hides_the_rest(page: Browser) -> None:
    click(page, "#known")
    predicted, truth = volumes()
    known = int(((predicted != 0) & (truth != 255)).sum())
    assert page.run("document.querySelector('.view .count').textContent") == f"{known:,} voxels"


def test_slider_keys_and_play_change_the_frame(page: Browser) -> None:
    first = shots(page)
    page.run(
        "(() => { const s = document.getElementById('slider'); s.value = 2; s.dispatchEvent(new Event('input')); })()"
    )
    page.wait(f"{SHOWN} === '2 classes'")
    assert max(changed(first, shots(page))) > 0.05
    page.key("ArrowLeft")
    page.wait(f"{SHOWN} === '1 classes'")
    click(page, "#play")
    page.wait(f"{SHOWN} === '0 classes'")
    click(page, "#play")
    assert page.run("document.getElementById('play').getAttribute('aria-pressed')") == "false"


def test_pointing_reads_a_voxel_and_a_click_keeps_it(page: Browser) -> None:
    click(page, "#top")
    x, y = middle(page, CANVASES[1])
    page.mouse("mouseMoved", x, y)
    page.settle()
    reading = page.run("document.getElementById('readout').innerText")
    # Straight down onto the middle of the grid lies the road, whose top layer is z index 1.
    index = [int(v) for v in reading.removeprefix("voxel ").split("x ")[0].split(",")]
    assert abs(index[0] - 50) <= 2 and abs(index[1] - 44) <= 2 and index[2] == 1
    assert "prediction road" in " ".join(reading.split()) and "truth road" in " ".join(reading.split())
    page.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    page.mouse("mouseReleased", x, y, button="left", clickCount=1)
    page.mouse("mouseMoved", x + 100, y)
    page.settle()
    assert "kept" in page.run("document.getElementById('readout').innerText")
    page.key("Escape")
    assert "Point at a voxel" in page.run("document.getElementById('readout').innerText")


def test_every_control_has_a_name(page: Browser) -> None:
    nameless = page.run(
        "[...document.querySelectorAll('button, input, canvas')].filter((e) => "
        "!(e.getAttribute('aria-label') || e.innerText || e.closest('label')?.innerText)).length"
    )
    assert nameless == 0


def test_both_themes_and_a_narrow_window(page: Browser) -> None:
    light = page.screenshot()
    page.theme("dark")
    page.settle()
    dark = page.screenshot()
    page.theme("light")
    assert light.mean() > dark.mean() + 60
    page.resize(420, 900, mobile=True)
    page.settle()
    assert page.run("document.documentElement.scrollWidth") <= 420
    page.resize(*page.size_px)


@pytest.mark.parametrize(
    ("benchmark", "grid"),
    [
        (OCC3D_NUSCENES, VoxelGrid((-4.0, -3.2, -1.0), (0.4, 0.4, 0.4), (20, 16, 4))),
        (OPENOCCUPANCY_NUSCENES, OPENOCCUPANCY_NUSCENES.grid),
    ],
    ids=["20x16x4, free is 17", "512x512x40"],
)
def test_other_grids(browser: Browser, tmp_path: Path, benchmark: Benchmark, grid: VoxelGrid) -> None:
    volume = np.full(grid.shape, benchmark.free, np.uint8)
    volume[:, :, 0] = benchmark.task.class_id("driveable_surface")
    volume[: grid.shape[0] // 4, :, :3] = benchmark.task.class_id("manmade")
    frame = Frame(key="one", prediction=occupancy(volume, benchmark.task, grid))
    write_page(tmp_path / "page.html", [frame], title="One")
    browser.errors.clear()
    opened(browser, tmp_path / "page.html")
    shot = browser.screenshot(CANVASES[0])
    assert (shot != shot[2, -2]).any(-1).mean() > 0.15
    assert browser.run("document.querySelector('[data-side=truth]').hidden")
    assert browser.errors == []


def test_a_ring_shows_every_camera_in_its_place(browser: Browser, tmp_path: Path) -> None:
    colours = np.array([(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200), (200, 0, 200)], np.uint8)
    images = torch.from_numpy(colours)[:, :, None, None].expand(6, 3, 450, 800)
    frame = Frame(key="ring", image=tiled(images), prediction=occupancy(volumes()[0], grid=GRID))
    write_page(tmp_path / "page.html", [frame], title="A ring")
    browser.errors.clear()
    opened(browser, tmp_path / "page.html")
    shown = browser.screenshot("#image").astype(int)
    height, width = shown.shape[:2]
    assert browser.run("document.getElementById('image').naturalWidth") == 1600
    tile = min(height / 2, width / 3 * 450 / 800)  # height of one image on the screen; the whole stays undistorted
    for number, colour in enumerate(colours):
        row, column = divmod(number, 3)
        v, u = round(height / 2 + (row - 0.5) * tile), round(width / 2 + (column - 1) * tile * 800 / 450)
        assert np.abs(shown[v, u] - colour).max() < 12
    assert browser.errors == []


def test_without_webgl_it_says_so(street_page: Path) -> None:
    with Browser(flags=("--disable-3d-apis",)) as browser:
        browser.open(street_page)
        browser.wait("!document.getElementById('trouble').hidden")
        assert "WebGL2" in browser.run("document.getElementById('trouble').innerText")


@pytest.mark.real
def test_a_real_frame(browser: Browser, data_root: Path, tmp_path: Path) -> None:
    truth = np.load(data_root / "semantickitti/derived/08_000000.npz")["target_partial"]
    prediction = np.where(truth == 255, 0, truth).astype(np.uint8)
    frame = Frame(key="08/000000", prediction=occupancy(prediction), truth=occupancy(truth))
    write_page(tmp_path / "page.html", [frame, replace(frame, truth=None)], title="Real")
    browser.errors.clear()
    opened(browser, tmp_path / "page.html")
    assert page_size_mb(tmp_path) < 1
    assert browser.run("document.querySelector('#agreement b').textContent") == "100.0"
    browser.key("ArrowRight")
    browser.wait(f"{SHOWN} === '1 classes'")
    assert browser.run("document.querySelector('#modes [value=differences]').disabled")
    assert browser.errors == []


def page_size_mb(folder: Path) -> float:
    return (folder / "page.html").stat().st_size / 1e6
