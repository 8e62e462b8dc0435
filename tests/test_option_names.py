import pytest

from smfd_plugin.option_names import check_names

KNOWN = ("crop_size", "gt_size")


def test_known_names_pass():
    check_names("datasets.train", ["gt_size"], KNOWN)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("crop_sise", "is it crop_size?"), ("colour", "there are crop_size, gt_size")],
)
def test_an_unknown_name_is_told_what_there_is(name, remedy):
    with pytest.raises(ValueError, match=f"datasets.train has no option '{name}'; ") as error:
        check_names("datasets.train", ["gt_size", name], KNOWN)
    assert str(error.value).endswith(remedy)
