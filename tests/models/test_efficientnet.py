"""An EfficientNet with BatchNorm folded away is the same function, of the same weights."""

from copy import deepcopy

import pytest
import torch

from core.models import fold, torchvision_shim


@pytest.fixture(scope="module")
def network():
    torchvision_shim.prepare()
    import timm

    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=7).train()
    with torch.no_grad():
        for _ in range(3):  # statistics of its own, so that folding has something to do
            model(torch.randn(4, 3, 64, 64))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return model.eval()


@pytest.mark.parametrize("side", [32, 61, 64])
def test_the_function_is_the_same(network, side):
    pictures = torch.randn(3, 3, side, side)
    folded = fold(deepcopy(network))
    assert list(folded.state_dict()) == list(network.state_dict())
    wanted = network(pictures)
    assert torch.allclose(folded(pictures), wanted, atol=2e-4 * float(wanted.detach().abs().max()))
    half = fold(deepcopy(network), half=True)(pictures)
    assert float((half - wanted).norm() / wanted.norm()) < 0.1


def test_gradients_are_the_same(network):
    pictures, plain, folded = torch.randn(2, 3, 64, 64), deepcopy(network), fold(deepcopy(network))
    for model in (plain, folded):
        model(pictures).square().sum().backward()
    for (name, one), other in zip(plain.named_parameters(), folded.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-3 * float(one.grad.abs().max()) + 1e-6), name


def test_weights_merged_in_place_count(network):
    model, pictures = fold(deepcopy(network)), torch.randn(1, 3, 64, 64)
    before = model(pictures)
    with torch.no_grad():
        model.bn1.weight.mul_(1.5)
    assert not torch.allclose(model(pictures), before)


def test_other_towers_are_left_alone():
    tower = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    fold(tower)
    assert "forward" not in vars(tower[0])
