from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from smfd_plugin.benchmark import figures
from smfd_plugin.benchmark.intervals import Interval
from smfd_plugin.benchmark.results import Row


def draw(figure) -> np.ndarray:
    """The figure as (H, W, 3) RGB."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@pytest.fixture
def uneven_results(known_results):
    """The first method did not run on the first of two data sets."""
    whole = known_results.datasets["faces"]
    first = replace(whole, rows=whole.rows | {"input": Row("out of luck")})
    return replace(known_results, datasets={"first": first, "second": whole})


def test_faces_stand_in_columns_in_their_own_colours(known_results):
    image = draw(figures.comparison_figure(known_results, 2)).astype(int)
    places = []
    for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0)):  # input, smfd, sharp
        where = np.argwhere(np.abs(image - colour).max(2) == 0)
        assert len(where) > 1000
        places.append(where[:, 1].mean())
    assert places == sorted(places)


def test_a_method_has_one_column_and_colour_on_all_data_sets(uneven_results):
    faces = figures.comparison_figure(uneven_results, 1)
    titles = [axis.get_title() for axis in faces.axes if axis.get_title()]
    assert titles == ["input", "smfd", "sharp"]
    bars = figures.bars_figure(uneven_results)
    psnr = {axis.get_title(): axis for axis in bars.axes if "psnr" in axis.get_title()}
    (alone,) = psnr["first: psnr ↑"].patches
    _, beside_another = psnr["second: psnr ↑"].patches
    assert alone.get_facecolor() == beside_another.get_facecolor()


def test_eyes_are_those_of_an_aligned_face():
    face = np.zeros((512, 512, 3), np.uint8)
    for x, y in ((193, 240), (319, 240)):
        face[y - 2 : y + 3, x - 2 : x + 3] = 255
    assert figures.eyes(face).sum() == face.sum()
    assert figures.eyes(face).size < face.size / 10


def test_bars_show_values_and_intervals(known_results):
    figure = figures.bars_figure(known_results)
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title() for axis in shown] == ["faces: psnr ↑", "faces: lpips ↓"]
    assert [bar.get_height() for bar in shown[0].patches] == [25.0, 27.5]
    segments = shown[0].collections[0].get_segments()
    assert [segment[:, 1].tolist() for segment in segments] == [[24.0, 26.0], [26.0, 29.0]]
    draw(figure)


def test_an_infinite_score_is_a_sign_in_place_of_a_bar(known_results):
    rows = known_results.datasets["faces"].rows
    rows["input"].scores["psnr"] = Interval(np.inf, None, None)
    axis = figures.bars_figure(known_results).axes[0]
    (sign,) = axis.texts
    assert (sign.get_text(), sign.get_position()[0]) == ("∞", 0)
    assert axis.get_xlim() == (-0.5, 1.5)  # the sign is inside, and so is its method's name
    assert axis.get_ylim()[0] == pytest.approx(25.55)  # the other bar alone decides


def test_quality_is_that_of_a_data_set_that_was_restored(known_results):
    whole = known_results.datasets["faces"]
    failed = replace(whole, rows={name: Row("out of luck") for name in whole.rows})
    results = replace(known_results, datasets={"failed": failed, "faces": whole})
    assert figures.tradeoff_figure(results).axes[0].get_title() == "faces: psnr ↑"


def test_quality_against_operations(known_results):
    figure = figures.tradeoff_figure(known_results)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert lines["smfd"].get_xydata().tolist() == [[30.0, 27.5]]
    assert set(lines["input"].get_ydata()) == {25.0}  # no network: a line across
    draw(figure)
