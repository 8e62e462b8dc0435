from smfd_plugin.data.mask_classes import CLASSES, GROUP_OF_LABEL, LABELS


def test_labels_are_celebamask_hq_in_its_order():
    assert len(LABELS) == 19
    assert [LABELS.index(name) for name in ("skin", "nose", "left_eye", "hair", "neck")] == [
        1,
        2,
        4,
        13,
        17,
    ]


def test_every_label_has_its_class():
    groups = {label: CLASSES[group] for label, group in zip(LABELS, GROUP_OF_LABEL, strict=True)}
    assert groups == {
        "background": "background",
        "skin": "skin",
        "nose": "nose",
        "eyeglasses": "eyes",
        "left_eye": "eyes",
        "right_eye": "eyes",
        "left_brow": "brows",
        "right_brow": "brows",
        "left_ear": "skin",
        "right_ear": "skin",
        "mouth": "mouth",
        "upper_lip": "mouth",
        "lower_lip": "mouth",
        "hair": "hair",
        "hat": "background",
        "earring": "background",
        "necklace": "background",
        "neck": "skin",
        "cloth": "background",
    }
