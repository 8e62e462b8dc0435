import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from smfd_plugin.benchmark import figures


def draw(figure) -> np.ndarray:
    """The figure as (H, W, 3) RGB."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def test_faces_stand_in_columns_in_their_own_colours(known_results):
    image = draw(figures.comparison_figure(known_results, 2)).astype(int)
    places = []
    for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0)):  # input, smfd, sharp
        where = np.argwhere(np.abs(image - colour).max(2) == 0)
        assert len(where) > 1000
        places.append(where[:, 1].mean())
    assert places == sorted(places)


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


def test_quality_against_operations(known_results):
    figure = figures.tradeoff_figure(known_results)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert lines["smfd"].get_xydata().tolist() == [[30.0, 27.5]]
    assert set(lines["input"].get_ydata()) == {25.0}  # no network: a line across
    draw(figure)
