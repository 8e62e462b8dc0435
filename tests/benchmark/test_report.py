"""The report as a reader has it: in a real browser, without a server or a network."""

import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from smfd_plugin.benchmark.figures import bars_figure
from smfd_plugin.benchmark.report import html_table, report
from smfd_plugin.benchmark.table import BEST, NOT_RUN, Table

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


@pytest.fixture
def page(tmp_path, known_options, known_results):
    path = tmp_path / "report.html"
    path.write_text(report(known_options, known_results, {"bars": bars_figure(known_results)}))
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


def test_tables():
    table = Table(["method", "psnr ↑"], [["a", f"{BEST}27"], ["b", f"{NOT_RUN}why"]])
    text = str(html_table(table))
    assert "<tr><th>method</th><th>psnr ↑</th></tr>" in text
    assert "<tr><td>a</td><td><b>27</b></td></tr>" in text
    assert '<tr><td>b</td><td class="reason" colspan="1">not run: why</td></tr>' in text
    assert str(html_table(Table(["method"], []))) == ""


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
