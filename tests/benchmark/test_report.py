"""The report as a reader has it: in a real browser, without a server or a network."""

import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from smfd_plugin.benchmark import report as report_module
from smfd_plugin.benchmark.figures import bars_figure
from smfd_plugin.benchmark.report import report

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


@pytest.fixture
def page(tmp_path, known_options, known_results):
    bars, path = tmp_path / "bars.png", tmp_path / "report.html"
    bars_figure(known_results).savefig(bars)
    path.write_text(report(known_options, known_results, {"bars": bars}))
    return path


def browse(tmp_path, address: str, *options: str) -> str:
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", "--force-device-scale-factor=1",
            "--window-size=800,1000", *options, address,
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


def test_it_needs_no_other_file(page):
    text = page.read_text()
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", text)
    assert sources
    assert all(source.startswith("data:") for source in sources)


def test_text_of_others_is_escaped(page):
    assert "get it from &lt;https://x.org&gt;" in page.read_text()


def test_tables(page):
    scores, differences, costs = re.findall(r"<table>.*?</table>", page.read_text(), re.DOTALL)
    assert scores == (
        "<table><thead><tr><th>method</th><th>psnr ↑</th><th>lpips ↓</th></tr></thead><tbody>"
        "<tr><td>input</td><td>25.00 [24.00, 26.00]</td><td>0.300 [0.250, 0.350]</td></tr>"
        "<tr><td>smfd</td><td><b>27.50 [26.00, 29.00]</b></td><td><b>0.200 [0.100, 0.300]</b></td>"
        '</tr><tr><td>gfpgan</td><td class="reason" colspan="2">not run: weights/GFPGANv1.4.pth is '
        "not here; get it from &lt;https://x.org&gt;</td></tr></tbody></table>"
    )
    assert differences.startswith("<table><thead><tr><th>minus smfd</th>")
    assert costs.startswith("<table><thead><tr><th>method</th><th>parameters (M)</th>")


@needs_browser
def test_the_browser_fills_the_choices(page, tmp_path):
    dom = browse(tmp_path, f"{page.as_uri()}#at=25", "--dump-dom")
    assert 'style="--at: 25%;"' in dom
    options = re.findall(r"<option[^>]*>([^<]*)</option>", dom)
    assert options == ["faces: first", "faces: second", *["input", "smfd", "sharp"] * 2]
    assert dom.count("data:image/webp") >= 2 + 6  # two shown, six in the script


@needs_browser
def test_moving_the_slider_moves_the_border(page, tmp_path):
    move = (
        "<script>const slider = document.getElementById('at'); slider.value = 80;"
        "slider.dispatchEvent(new Event('input'));"
        "const right = document.getElementById('after'); right.value = 'sharp';"
        "right.dispatchEvent(new Event('change'));</script>"
    )
    page.write_text(page.read_text().replace("</html>", move + "</html>"))
    shot = screenshot(page.as_uri(), tmp_path)
    assert share_before(shot, (0, 255, 0)) == pytest.approx(0.80, abs=0.02)


@needs_browser
@pytest.mark.parametrize("at", [25, 60])
def test_before_is_left_and_after_is_right(page, tmp_path, at):
    shot = screenshot(f"{page.as_uri()}#at={at}", tmp_path)
    assert share_before(shot, (255, 0, 0)) == pytest.approx(at / 100, abs=0.02)


@needs_browser
def test_pictures_keep_their_shape(tmp_path, known_options, known_results, monkeypatch):
    wide = {"before": np.zeros((32, 64, 3), np.uint8)}
    monkeypatch.setattr(report_module, "columns", lambda *_: wide)
    text = report(known_options, known_results, {})
    told = "<script>addEventListener('load', () => document.title = "
    told += "document.getElementById('compare').getBoundingClientRect().height)</script>"
    path = tmp_path / "wide.html"
    path.write_text(text.replace("</html>", f"{told}</html>"))
    assert "<title>256</title>" in browse(tmp_path, path.as_uri(), "--dump-dom")


def screenshot(address: str, tmp_path) -> np.ndarray:
    path = tmp_path / "shot.png"
    browse(tmp_path, address, f"--screenshot={path}")
    return cv2.imread(str(path)).astype(int)


def share_before(shot: np.ndarray, after: tuple[int, int, int]) -> float:
    """How much of the compared picture's width is the red of `input`; the rest, to its right, must
    be of the colour `after` (BGR)."""
    before_x, after_x = (
        np.flatnonzero((np.abs(shot - colour).max(2) < 12).sum(0) > 200)
        for colour in ((0, 0, 255), after)
    )
    assert before_x.max() < after_x.min()
    return len(before_x) / (len(before_x) + len(after_x))
