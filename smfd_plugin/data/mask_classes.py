"""The semantic classes of SMFD-UNet and how CelebAMask-HQ's labels map to them."""

import numpy as np

LABELS = (
    "background",
    "skin",
    "nose",
    "eyeglasses",
    "left_eye",
    "right_eye",
    "left_brow",
    "right_brow",
    "left_ear",
    "right_ear",
    "mouth",
    "upper_lip",
    "lower_lip",
    "hair",
    "hat",
    "earring",
    "necklace",
    "neck",
    "cloth",
)
"""CelebAMask-HQ's labels; a label's position is its value in a mask file."""

CLASSES = ("background", "skin", "brows", "eyes", "nose", "mouth", "hair")
"""What the mask generator draws; a class's position is its channel in the logits."""

_MEMBERS = {
    "skin": ("skin", "left_ear", "right_ear", "neck"),
    "brows": ("left_brow", "right_brow"),
    "eyes": ("eyeglasses", "left_eye", "right_eye"),
    "nose": ("nose",),
    "mouth": ("mouth", "upper_lip", "lower_lip"),
    "hair": ("hair",),
}

GROUP_OF_LABEL = np.zeros(len(LABELS), np.uint8)
"""Class of each label, (19,) uint8; labels that are no part of a head are background."""
for _name, _labels in _MEMBERS.items():
    GROUP_OF_LABEL[[LABELS.index(label) for label in _labels]] = CLASSES.index(_name)
