import pytest
import torch
import yaml

from smfd_plugin.restore.method import MasksAlone, load_method
from smfd_plugin.weights import WeightsError, load_network, read_checkpoint


@pytest.fixture
def faces():
    torch.manual_seed(1)
    return torch.rand(2, 3, 64, 48)


def test_smfd_is_its_network(tiny_weights, faces):
    method, net = load_method("smfd", tiny_weights), load_network(tiny_weights)
    with torch.no_grad():
        assert torch.equal(method(faces), net(faces))


@torch.no_grad()
def test_difface_with_any_estimator_has_masks_of_the_faces_size(tiny_difface, faces):
    method = load_method("difface", tiny_difface)
    image, logits = method(faces, return_masks=True)
    assert torch.equal(image, load_network(tiny_difface, "difface")(faces))
    assert torch.equal(image, method(faces))
    assert torch.equal(logits, load_network()(faces, masks_only=True))
    *same, kernel = method(faces, return_masks=True, return_kernel=True)
    assert torch.equal(same[0], image) and torch.equal(same[1], logits) and kernel is None


def test_masks_of_other_classes_are_refused(one_class_weights):
    with pytest.raises(WeightsError, match=r"one\.pth: the masks have num_classes 1, not the 7"):
        load_method("smfd", one_class_weights)


@torch.no_grad()
def test_smfd_unet_as_the_estimator_draws_the_masks(tiny_difface, tiny_weights, tiny_net, faces):
    network, _ = read_checkpoint(tiny_difface)
    prior = {
        name.removeprefix("prior."): value
        for name, value in load_network(tiny_difface, "difface").state_dict().items()
        if name.startswith("prior.")
    }
    folder = tiny_difface.parent
    torch.save({"params": prior}, folder / "prior.pth")
    options = {
        **network,
        "estimator": {"weights": tiny_weights.name},
        "prior": {**network["prior"], "weights": "prior.pth"},
    }
    (folder / "difface.yml").write_text(yaml.safe_dump(options))
    method = load_method("difface", folder / "difface.yml")
    logits = method(faces, return_masks=True)[1]
    assert torch.equal(logits, tiny_net(faces, masks_only=True))
    assert method.masks is method.difface.estimator


def test_a_face_is_the_same_at_every_call_and_in_every_batch(tiny_difface, faces):
    method = load_method("difface", tiny_difface)
    with torch.no_grad():
        torch.manual_seed(5)
        first = method(faces)
        assert torch.equal(first, method(faces))
        torch.testing.assert_close(method(faces[1:]), first[1:], atol=1e-5, rtol=1e-5)


def never(*_) -> None:
    raise AssertionError("nothing is to be restored")


@torch.no_grad()
def test_masks_alone_are_the_methods_and_restore_nothing(tiny_difface, tiny_weights, faces):
    for name, weights, part in (
        ("smfd", tiny_weights, "stem"),
        ("difface", tiny_difface, "difface"),
    ):
        method = load_method(name, weights)
        expected = method(faces, return_masks=True)[1]
        method.get_submodule(part).register_forward_pre_hook(never)
        same, logits = MasksAlone(method)(faces, return_masks=True)
        assert torch.equal(logits, expected) and torch.equal(same, faces)
        assert MasksAlone(method)(faces, return_masks=True, return_kernel=True)[2] is None


def test_what_cannot_be_used_is_named():
    with pytest.raises(ValueError, match="unknown method 'gan'; known: smfd, difface"):
        load_method("gan")
    with pytest.raises(WeightsError, match="get the authors' two files from https://") as error:
        load_method("difface")
    assert "\n" not in str(error.value)
