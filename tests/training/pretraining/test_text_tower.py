"""The text tower learns where texts belong, a stopped training goes on, and both towers become an open_clip model."""

from dataclasses import replace

import pytest
import torch

from core.models import Encoder, clip
from core.storage import files
from core.tasks import Pictures, Task
from core.training.pretraining import assemble
from core.training.pretraining.config import MODEL_CONFIG, PREPROCESS, WIDTH
from core.training.pretraining.texts import names
from core.training.pretraining.texts.names import Curriculum
from core.training.pretraining.texts.targets import Looks, Phrase, Targets
from core.training.pretraining.texts.tower import Settings, Training, encode, tokens
from core.training.pretraining.texts.wordnet import Nouns
from core.world import TASKS, THINGS

SMALL = Settings(texts=16 * 6, batch=16, warm_up=2)


def embed(sentences):
    """Stands for sentence embeddings."""
    drawn = [torch.randn(384, generator=torch.Generator().manual_seed(len(s) + 97 * ord(s[-1]))) for s in sentences]
    return torch.nn.functional.normalize(torch.stack(drawn), dim=-1)


@pytest.fixture(scope="module")
def targets():
    return Targets(Looks({}, torch.randn(385, 384, generator=torch.Generator().manual_seed(1))), embed)


@pytest.fixture(scope="module")
def texts():
    asked = tuple((f"a photo of a {n}", Phrase("thing", n)) for n in ("cat", "dog", "tench"))
    return Curriculum((('the word "cat"', Phrase("word", "cat")),), asked, ("lamp", "tree", "house", "river"))


def test_features_are_open_clips_own():
    torch.manual_seed(0)
    model = clip.create(MODEL_CONFIG)
    with torch.no_grad():
        for parameter in model.transformer.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        asked = ["a cat", 'the word "tiger"', "a clock that shows two o'clock", ""]
        assert torch.allclose(encode(model, tokens(asked)), clip.text_features(model, asked), atol=1e-5)


def test_it_learns(targets, texts, tmp_path):
    said: list[str] = []
    run = Training(replace(SMALL, texts=16 * 60), targets, texts, tmp_path / "kept.safetensors", said.append)
    first = run.advance()[1]
    run.run()
    assert run.curve[-1]["cosine"] > max(first, 0.3) and said
    model = run.model
    assert not bool((model.token_embedding.weight == 0).all(dim=1).any())  # no token says nothing


def test_a_stopped_training_goes_on_as_if_it_had_not_been(targets, texts, tmp_path):
    whole = Training(SMALL, targets, texts, tmp_path / "a.safetensors", lambda said: None)
    whole.run()
    first = Training(SMALL, targets, texts, tmp_path / "b.safetensors", lambda said: None)
    for _ in range(3):
        first.advance()
    first.keep()
    second = Training(SMALL, targets, texts, tmp_path / "b.safetensors", lambda said: None)
    assert second.resume() and second.step == 3
    second.run()
    for name, tensor in whole.model.state_dict().items():
        assert torch.allclose(tensor, second.model.state_dict()[name], atol=1e-5), name
    other = Training(replace(SMALL, seed=8), targets, texts, tmp_path / "b.safetensors", lambda said: None)
    assert not other.resume()


def test_all_that_tasks_ask_is_taught():
    nouns = Nouns({}, {}, {"zebra crossing": "n1", "a very long name with more words than three": "n2"}, frozenset())
    found = names.curriculum(THINGS, ["usb cable"], ["tench"], nouns)
    asked = {text for text, _ in (*found.own, *found.asked)}
    assert {text for task in TASKS for row in task.prompts() for text in row} <= {text for text, _ in found.own}
    assert "a photo of a usb cable." in asked and "a photo of a tench" in asked
    assert "zebra crossing" in found.words and not any(word.count(" ") > 1 for word in found.words)
    assert len(found.words) > 20_000  # the tokenizer's whole words


class _Nothing:
    def sizes(self):
        return {"test": 1}

    def digest(self, split):
        return "0"

    def load(self, split):
        return Pictures(None, None)


def _task(*classes):
    return Task("mine", "patching", "Mine", "Mine", classes, ("a {}",), _Nothing())


def test_the_closest_class_names():
    cosine, one, other = assemble.closest(clip.create(MODEL_CONFIG), _task("cat", "CAT", "dog"))
    assert cosine > 0.999 and {one, other} == {"cat", "CAT"}


def test_both_towers_become_an_open_clip_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("core.world.TASKS", (_task("cat", "dog"),))
    torch.manual_seed(0)
    model = clip.create(MODEL_CONFIG)
    weights = {n: t.contiguous() for n, t in model.state_dict().items()}
    towers = {n: t for n, t in weights.items() if n.startswith("visual.")}
    with pytest.raises(assemble.AssemblyError, match="train both"):
        assemble.assemble(tmp_path / "base")
    files.write_tensors(tmp_path / "partial/base.tower.safetensors", {**towers, "scale": torch.tensor(3.0)}, {"a": 1})
    text = {n: t for n, t in weights.items() if n not in towers}
    files.write_tensors(tmp_path / "partial/base.text.safetensors", {**text, "rest.0.step": torch.ones(())}, {"b": 2})
    with monkeypatch.context() as patched, pytest.raises(assemble.AssemblyError, match="'cat', 'CAT'"):
        patched.setattr("core.world.TASKS", (_task("cat", "CAT"),))
        assemble.assemble(tmp_path / "base")
    assert "base" in assemble.assemble(tmp_path / "base")
    loaded = clip.load(tmp_path / "base")
    assert loaded.logit_scale.item() == 3.0 and loaded.text_projection.shape == (384, WIDTH)
    assert clip.read_config(tmp_path / "base")["preprocess_cfg"] == PREPROCESS
    pictures = torch.zeros(1, 112, 112, 3, dtype=torch.uint8)
    assert Encoder(loaded, PREPROCESS).encode(pictures).shape == (1, WIDTH)
