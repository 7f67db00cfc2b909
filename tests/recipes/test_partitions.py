from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.recipes.components import PARTITIONS, ComponentGroup, Partition, PrefixError, owner, partition

LAYER = ("ln_1.weight", "ln_1.bias", "attn.in_proj_weight", "attn.out_proj.bias", "mlp.c_fc.weight")
VIT_B_32 = [
    "visual.class_embedding",
    "visual.positional_embedding",
    "visual.proj",
    "visual.conv1.weight",
    "visual.ln_pre.weight",
    *(f"visual.transformer.resblocks.{i}.{part}" for i in range(12) for part in LAYER),
    "visual.ln_post.weight",
]
RESNET = ["visual.conv1.weight", "visual.bn1.bias", "visual.layer1.0.conv1.weight", "visual.layer2.0.conv1.weight"]
RESNET += ["visual.layer3.0.conv1.weight", "visual.layer3.1.conv1.weight", "visual.attnpool.c_proj.weight"]
HEAD = ["head.weight", "head.bias"]


def sizes(names):
    return {name: 10 + i for i, name in enumerate(names)}


def shares(found: Partition, names) -> dict[str, list[str]]:
    """Which weights each group owns."""
    title = {p: g.title for g in found.groups for p in g.prefixes}
    owned: dict[str, list[str]] = {g.title: [] for g in found.groups}
    for name in names:
        owned[title[owner(name, tuple(title))]].append(name)
    return owned


@pytest.mark.parametrize(("name", "groups", "unused"), [("C8", 8, 5), ("C15", 15, 6), ("C26", 26, 6)])
def test_the_papers_partitions_of_vit_b_32(name, groups, unused):
    found = partition(name, sizes([*VIT_B_32, *HEAD]))
    owned = shares(found, [*VIT_B_32, *HEAD])
    assert len(found) == groups == len(owned)
    assert sum(not weights for weights in owned.values()) == unused
    assert owned["head.weight"] == ["head.weight"] and owned["head.bias"] == ["head.bias"]


def test_c8_takes_the_whole_visual_tower_as_one():
    assert shares(partition("C8", sizes([*VIT_B_32, *HEAD])), [*VIT_B_32, *HEAD])["visual"] == VIT_B_32


def test_c26_is_c15_with_each_block_apart():
    coarse, fine = (shares(partition(n, sizes([*VIT_B_32, *HEAD])), [*VIT_B_32, *HEAD]) for n in ("C15", "C26"))
    blocks = [f"visual.transformer.resblocks.{i}" for i in range(12)]
    assert [w for b in blocks for w in fine[b]] == coarse["visual.transformer"]
    rest = {title: weights for title, weights in fine.items() if title not in blocks}
    assert rest == {title: weights for title, weights in coarse.items() if title != "visual.transformer"}


def test_another_tower_is_cut_by_the_same_rule():
    found = shares(partition("C26", sizes([*RESNET, *HEAD])), [*RESNET, *HEAD])
    assert found["visual.layer3.1"] == ["visual.layer3.1.conv1.weight"]
    assert found["visual.conv1"] == ["visual.conv1.weight"] and len(found) == 7 + 2 + 6


@pytest.mark.parametrize("names", [VIT_B_32, [*VIT_B_32, *HEAD], RESNET, [*RESNET, *HEAD]], ids=["v", "vh", "r", "rh"])
@pytest.mark.parametrize("name", [*PARTITIONS, "1", "3", "5"])
def test_every_partition_owns_every_weight_once_and_is_a_recipes(name, names):
    found = partition(name, sizes(names))
    owned = shares(found, names)
    assert sorted(w for weights in owned.values() for w in weights) == sorted(names)
    factors = tuple(i / 30 for i in range(len(found)))
    assert "" in found.per_prefix(factors)
    with pytest.raises(PrefixError, match=r"components, but 0 factors"):
        found.per_prefix(())


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.data())
def test_balanced_cuts_are_runs_of_modules_and_none_is_empty(counts, data):
    names = {f"visual.m{i:02d}.{part}": n for i, n in enumerate(counts) for part in ("weight", "bias")}
    parts = data.draw(st.integers(1, len(counts)))
    owned = list(shares(partition(str(parts), names), names).values())
    assert len(owned) == parts and all(owned)
    assert [w for weights in owned for w in weights] == list(names)


def test_equal_modules_are_cut_into_equal_parts():
    names = {f"visual.m{i}.weight": 7 for i in range(12)}
    for parts in (2, 3, 4, 6, 12):
        assert {len(w) for w in shares(partition(str(parts), names), names).values()} == {12 // parts}


@pytest.mark.parametrize(
    ("name", "said"), [("C9", "There is no partition 'C9'"), ("0", "cut into 1 to 7 parts"), ("99", "1 to 7 parts")]
)
def test_nonsense_is_one_sentence(name, said):
    with pytest.raises(PrefixError, match=said):
        partition(name, sizes(RESNET))
    with pytest.raises(PrefixError, match="each prefix once"):
        Partition("twice", (ComponentGroup("a", ("",)), ComponentGroup("b", ("",))))
