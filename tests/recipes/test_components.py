from __future__ import annotations

import pytest

from core.recipes.components import PrefixError, blocks, owner


def test_the_longest_prefix_owns_matched_at_dots():
    prefixes = ("", "visual", "visual.layer1", "visual.layer1.0")
    assert owner("visual.layer1.0.conv1.weight", prefixes) == "visual.layer1.0"
    assert owner("visual.layer1.01.conv1.weight", prefixes) == "visual.layer1"
    assert owner("visual.layer10.weight", prefixes) == "visual"
    assert owner("logit_scale", prefixes) == ""


def test_a_weight_that_nobody_owns_is_named():
    with pytest.raises(PrefixError, match="logit_scale"):
        owner("logit_scale", ("visual",))


def test_blocks_of_a_resnet():
    names = ["visual.conv1.weight", "visual.layer1.0.conv1.weight", "visual.layer3.0.bn1.bias"]
    names += ["visual.layer3.1.bn1.bias", "visual.attnpool.positional_embedding"]
    found = ("visual.layer1.0", "visual.layer3.0", "visual.layer3.1", "visual.attnpool", "")
    assert blocks(names) == found
    assert owner("visual.conv1.weight", found) == ""


def test_blocks_of_a_vit_and_of_a_timm_trunk():
    vit = ["visual.proj", "visual.conv1.weight", "visual.transformer.resblocks.0.ln_1.weight", "visual.ln_post.bias"]
    assert blocks(vit) == ("visual.proj", "visual.transformer.resblocks.0", "")
    assert blocks(["visual.trunk.blocks.3.norm1.weight", "visual.head.proj.weight"]) == (
        "visual.trunk.blocks.3",
        "visual.head",
        "",
    )
