"""The editors' page: every script in it runs."""

import re
from pathlib import Path

import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth.properties import NAMES

TEXT = (Path(__file__).parents[2] / "docs/vapoursynth.md").read_text()
RECIPES = dict(re.findall(r"(?ms)^### ([^\n]+)\n.*?^```python\n(.*?)^```", TEXT))


@pytest.mark.parametrize("title", RECIPES)
def test_recipe(title, film):
    clip = vs.core.bs.VideoSource(str(film), showprogress=False)
    script = RECIPES[title].replace("film.mp4", str(film))
    assert "Deblur" in script
    exec(script, {"video_in": clip})
    output = vs.get_output(0).clip
    vs.clear_outputs()
    height, width = output.get_frame(1)[0].shape
    assert output.num_frames == clip.num_frames
    assert (width, height) == (512 if "side by side" in title else 256, 256)


def test_all_that_the_page_lists_is_there():
    declared = vs.core.smfd.Deblur.signature.split(";")[1:-1]
    table = re.findall(r"(?m)^\| `(\w+)` \|", TEXT)
    assert table == [argument.split(":")[0] for argument in declared] + list(NAMES)
