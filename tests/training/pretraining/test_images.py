"""What the image tower sees, how it is told, and that a stopped training goes on as if it had not been stopped."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image

from core.models import fitting, torchvision_shim
from core.training.pretraining import materials
from core.training.pretraining.config import PREPROCESS, SIZE, WIDTH
from core.training.pretraining.images import photographs
from core.training.pretraining.images import tower as image_tower
from core.training.pretraining.images.drawing import Drawing, enlarge
from core.training.pretraining.images.photographs import Album
from core.training.pretraining.images.tower import Directions, Settings, Shelf, Source, Training
from core.training.pretraining.images.writing import written_on
from core.training.pretraining.texts.targets import Looks, Targets
from core.world import SIDE, THINGS

SMALL = Settings(
    pictures=36, icons=2, attacked=1, words=3, neighbours=1, photographs=5, written_on=2, warm_up=1, rate=1e-4
)


def embed(sentences):
    """Stands for sentence embeddings."""
    draw = torch.Generator().manual_seed(len(sentences))
    return torch.nn.functional.normalize(torch.randn(len(sentences), 384, generator=draw), dim=-1)


@pytest.fixture(scope="module")
def album():
    chance = np.random.default_rng(0)
    images = [chance.integers(0, 256, (20 + 3 * i, 30, 3), dtype=np.uint8) for i in range(6)]
    return Album(images, torch.arange(6) % 3, ("one", "two", "three"))


@pytest.fixture(scope="module")
def drawing():
    return Drawing(SMALL.counts, ("apple",))


@pytest.fixture(scope="module")
def parts(album, drawing):
    targets = Targets(Looks({}, torch.randn(385, 384, generator=torch.Generator().manual_seed(1))), embed)
    shelves = [Shelf(album, 0.6), Shelf(album, 0.4, album.names)]
    return Source(SMALL, drawing, shelves), Directions(targets, drawing, shelves)


def training(parts, folder, settings=SMALL):
    torchvision_shim.prepare()
    import timm

    torch.manual_seed(5)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    said = []
    return Training(settings, parts[0], parts[1], network, folder / "base", lambda tower: {"none": 0.5}, said.append)


def test_drawn_pictures_are_enlarged_as_the_bases_own_transform_does(drawing):
    small = drawing.draw(1, 1, 0, "all").images
    fit = fitting(PREPROCESS)
    wanted = np.stack([fit(picture) for picture in small.numpy()])
    found = enlarge(small, SIZE).numpy()
    assert found.shape == wanted.shape == (len(small), SIZE, SIZE, 3)
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 2


def test_a_central_view_is_the_bases_own_transform(album):
    fit = fitting(PREPROCESS)
    smooth = np.asarray(Image.fromarray(album.images[0]).resize((150, 131), Image.Resampling.BICUBIC))
    apart = np.abs(photographs.central(smooth, SIZE).astype(int) - fit(smooth).astype(int))
    assert apart.mean() < 3  # the base's rounds the middle to whole pixels


def test_views_are_new_and_repeatable(album):
    one, labels = photographs.views(album, 8, SIZE, np.random.default_rng(1))
    same, _ = photographs.views(album, 8, SIZE, np.random.default_rng(1))
    other, _ = photographs.views(album, 8, SIZE, np.random.default_rng(2))
    assert one.shape == (8, SIZE, SIZE, 3) and labels.shape == (8,)
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_words_are_written_and_the_rest_of_a_photograph_stays():
    photos = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
    found = written_on(photos, ["apple", "pear", "apple", "tea"], torch.Generator().manual_seed(0))
    changed = np.abs(found.astype(int) - photos.astype(int)).max(axis=3) > 1
    assert all(0.01 < share < 0.6 for share in changed.mean(axis=(1, 2)))


def test_a_step_is_drawn_afresh_and_can_be_repeated(parts):
    source = parts[0]
    one, again, next_one = source(3), source(3), source(4)
    assert torch.equal(one.drawn, again.drawn) and torch.equal(one.seen, again.seen)
    assert not torch.equal(one.drawn, next_one.drawn)
    assert len(one.drawn) + len(one.seen) == SMALL.step and one.drawn.shape[1] == SIZE
    assert int((one.word >= 0).sum()) == SMALL.written_on and not bool((one.follows & (one.word < 0)).any())
    same = (one.clean == one.seen).flatten(1).all(1)
    assert torch.equal(same, one.word < 0)


def test_words_not_of_the_world_are_drawn_too(drawing):
    assert drawing.written == (*THINGS, "apple")
    drawing.generator = torch.Generator().manual_seed(0)
    assert int(drawing._some_words(4000, known=0.0).max()) == len(THINGS)
    assert drawing.draw(1, 1, 0, "all").images.shape[1] == SIDE


def test_directions_are_unit_vectors_of_every_vocabulary(parts):
    for name in parts[0].drawing.vocabularies:
        rows = parts[1].of(name, np.random.default_rng(0))
        assert rows.shape[1] == WIDTH and torch.allclose(rows.norm(dim=1), torch.ones(len(rows)), atol=1e-4)


def test_a_tower_learns_and_its_statistics_stay(parts, tmp_path):
    run = training(parts, tmp_path, replace(SMALL, pictures=12 * 40, rate=1e-3))
    before = {n: t.clone() for n, t in run.tower.state_dict().items()}
    data = parts[0](0)
    losses = [sum(run.advance(data).values()) for _ in range(12)]
    after = run.tower.state_dict()
    assert losses[-1] < 0.9 * losses[0]
    assert all(torch.equal(before[n], after[n]) for n in before if "running_" in n)
    assert not torch.equal(before["trunk.conv_head.weight"], after["trunk.conv_head.weight"])
    assert torch.equal(before["trunk.conv_stem.weight"], after["trunk.conv_stem.weight"])  # frozen


def test_a_stopped_training_goes_on_as_if_it_had_not_been(parts, tmp_path):
    whole, first = training(parts, tmp_path / "a"), training(parts, tmp_path / "b")
    whole.run()
    assert whole.step == whole.steps == 3 and whole.facts()["complete"]
    first.advance(parts[0](0))
    first.keep()
    second = training(parts, tmp_path / "b")
    assert second.resume()
    second.run()
    for name, tensor in whole.tower.state_dict().items():
        assert torch.allclose(tensor, second.tower.state_dict()[name], atol=1e-6), name


def test_a_state_of_other_settings_is_left_unless_asked(parts, tmp_path):
    run = training(parts, tmp_path)
    run.advance(parts[0](0))
    run.keep()
    other = training(parts, tmp_path, replace(SMALL, hold=1.0))
    assert not other.resume() and other.step == 0
    assert other.resume(changed=True) and other.step == 1
    assert other.facts()["earlier_settings"] == [
        {"until_step": 1, "settings": {**asdict(SMALL), "frozen": list(SMALL.frozen)}}
    ]


def test_the_step_of_the_defaults():
    assert Settings().step == sum(Settings().counts.values()) + Settings().photographs
    assert set(image_tower.WEIGHTS) == {"thing", "word", "colour", "ground", "style"}


def test_what_is_missing_is_said_with_what_brings_it(tmp_path, monkeypatch):
    with pytest.raises(materials.MaterialError, match=r"pip install.*requirements-pretrain"):
        materials.located(materials.Package("no_such_package_here", "x", "0" * 64))
    with pytest.raises(materials.MaterialError, match="apt-get install wordnet-base"):
        materials.nouns(tmp_path)
    (tmp_path / "data.noun").write_text("another wordnet")
    with pytest.raises(materials.MaterialError, match=r"is not WordNet 3\.0's"):
        materials.nouns(tmp_path)
    with pytest.raises(materials.MaterialError, match="--photos"):
        materials.album(tmp_path, "cifar10-train.parquet")
    package = tmp_path / "weights_of_mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "file").write_text("other bytes")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(materials.MaterialError, match="bring it again"):
        materials.located(materials.Package("weights_of_mine", "file", "0" * 64))
