import pytest

from smfd_plugin.benchmark.datasets import Entry
from smfd_plugin.benchmark.parts import blur_radius, split
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.kernels import disk_kernel, gaussian_kernel, line_kernel


@pytest.mark.parametrize("angle", [0, 35, 90])
def test_the_radius_of_a_line_is_its_length_by_the_root_of_twelve(angle):
    assert blur_radius(line_kernel(21, angle)) == pytest.approx(21 / 12**0.5, rel=0.05)


def test_the_radius_compares_kinds():
    assert blur_radius(gaussian_kernel(3, 3)) == pytest.approx(3 * 2**0.5, rel=0.05)
    assert blur_radius(disk_kernel(5)) == pytest.approx(5 / 2**0.5, rel=0.05)


def test_the_examples_have_about_the_same_radius():
    for kernel in (line_kernel(22, 0), gaussian_kernel(4.3, 4.3), disk_kernel(8.6)):
        assert 6.0 < blur_radius(kernel) < 6.15


def test_samples_are_split_by_kind_and_by_strength():
    space = BlurSpace()
    gaussian = space[0].__class__(**vars(space[0]) | {"kind": "gaussian", "sigma_x": 0.4})
    line = space[0].__class__(**vars(space[0]) | {"kind": "line", "extent": 31})
    entries = [
        Entry(name, name, lambda: None, scenario)
        for name, scenario in (("a", gaussian), ("b", line), ("c", line), ("d", None))
    ]
    parts = {name: [entry.name for entry in part] for name, part in split(entries).items()}
    assert parts == {
        "motion": ["b", "c"],
        "lens": ["a"],
        "line": ["b", "c"],
        "gaussian": ["a"],
        "radius 0 to 2 px": ["a"],
        "radius from 6 px": ["b", "c"],
    }
