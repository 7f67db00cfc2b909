from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core import PaletteError
from core.exchange.exporting.archive import pack_archive
from core.exchange.exporting.export import apply, export
from core.exchange.exporting.formats import DTYPES
from core.exchange.exporting.model_card import model_card
from core.exchange.manifest import ExportError, describe_recipe, read_recipe
from core.models import Encoder
from core.models import clip as vision
from core.models.merge import MergeError
from core.progress import CancelledError, Progress
from core.recipes.recipe import Recipe, combine, lerp, single
from core.storage import files as disk
from core.storage.integrity import IntegrityRecord
from core.storage.streaming import Mapped
from core.workspace.evaluation import Evaluation
from core.workspace.lab import Lab
from tests.conftest import CONFIG, disk_with_room_for, full_disk, tiny_tasks

ROOT = Path(__file__).resolve().parents[3]
VIT = {"image_size": 32, "layers": 2, "width": 16, "head_width": 8, "patch_size": 8}


@pytest.fixture
def mix(tiny_lab) -> Recipe:
    """A mix with two components, so that the recipe is more than one number."""
    return lerp(tiny_lab.base, single("noisy"), {"": 0.3, "visual.layer3": 0.8})


@pytest.fixture
def vit_lab(tmp_path) -> Lab:
    """A workspace of plain vision transformers with quick_gelu, as OpenAI's: a random base and a neighbour of it."""
    folder = tmp_path / "vit-cache" / "vit"
    config = {**CONFIG, "model_cfg": {**CONFIG["model_cfg"], "vision_cfg": VIT, "quick_gelu": True}}
    torch.manual_seed(1)
    vision.save(vision.create(config["model_cfg"]), config, folder / "base")
    facts = {"title": "ViT", "tasks": "tiny", "supported": ["plain"]}
    (folder / "workspace.json").write_text(json.dumps(facts))
    lab = Lab("vit", folder.parent, "cpu", tiny_tasks())
    near = {n: t + 0.01 * torch.randn(t.shape).to(t.dtype) for n, t in lab.zoo.weights("base").items()}
    lab.zoo.add("near", near, tasks=("noisy",), start=lab.base)
    return lab


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def open_clip_loads(folder: Path):
    vision.create(CONFIG["model_cfg"])  # prepares torchvision
    import open_clip

    return open_clip.create_model_and_transforms(f"local-dir:{folder}")[0].eval()


# round trips


@pytest.mark.parametrize("which", ["tiny_lab", "vit_lab"])
def test_open_clip_loads_it_and_gives_palettes_logits_bit_for_bit(which, request, tmp_path):
    lab = request.getfixturevalue(which)
    recipe = lerp(lab.base, single(lab.zoo.names()[1]), 0.4)
    export(lab, recipe, tmp_path / "out")
    theirs, ours = open_clip_loads(tmp_path / "out"), lab.encoder()
    lab.load(recipe, ours)
    state = theirs.state_dict()
    assert all(torch.equal(t, state[n]) for n, t in ours.weights.items())
    text = {n: t for n, t in vision.load(lab.folder / "base").state_dict().items() if not n.startswith("visual.")}
    assert all(torch.equal(t, state[n]) for n, t in text.items())
    images = lab.pictures("noisy", "test").images
    head, scale = lab.head("noisy"), ours.logit_scale
    with torch.inference_mode():
        plain = torch.nn.functional.normalize(theirs.encode_image(ours.prepare(images).contiguous()), dim=-1)
    loaded = Encoder(theirs, vision.read_config(tmp_path / "out")["preprocess_cfg"])
    assert torch.equal(scale * loaded.encode(images) @ head.T, scale * ours.encode(images) @ head.T)
    assert torch.allclose(plain, ours.encode(images), atol=1e-6)


@pytest.mark.parametrize("to", ["folder", "one.safetensors", "one.pt"])
@pytest.mark.parametrize("fmt", ["open_clip", "state_dict", "image_tower"])
def test_a_recipe_makes_the_same_bytes_again(tiny_lab, mix, tmp_path, fmt, to):
    if fmt == "open_clip" and to != "folder":
        with pytest.raises(ExportError, match="open_clip is a folder"):
            export(tiny_lab, mix, tmp_path / to, fmt)
        return
    first = tmp_path / "first" / to
    done = export(tiny_lab, mix, first, fmt, "bfloat16")
    tiny_lab.evaluate(mix, "plain", "val")  # what became known since then changes nothing
    again = apply(tiny_lab, first, tmp_path / "again" / to)
    assert again.as_promised and again.digests == done.digests
    one, two = (first, tmp_path / "again" / to) if to == "folder" else (first.parent, tmp_path / "again")
    assert bytes_of(one) == bytes_of(two)
    assert read_recipe(first) == mix
    assert read_recipe(done.files[-1]) == mix or fmt == "open_clip"


def test_parents_are_found_by_digest_whatever_they_are_called_here(tiny_lab, mix, tmp_path):
    export(tiny_lab, mix, tmp_path / "a")
    os.replace(tiny_lab.zoo.path("noisy"), tiny_lab.zoo.path("aardvark"))
    lab = Lab("tiny", tiny_lab.folder.parent, "cpu", tiny_tasks())
    assert apply(lab, tmp_path / "a" / "recipe.json", tmp_path / "b").as_promised
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    os.remove(lab.zoo.path("aardvark"))
    with pytest.raises(ExportError, match=r"made with 'noisy' of digest \w{12}, which tiny does not have"):
        apply(lab, tmp_path / "a", tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_an_edited_recipe_is_made_but_not_as_promised(tiny_lab, mix, tmp_path):
    export(tiny_lab, mix, tmp_path / "a")
    path = tmp_path / "a" / "recipe.json"
    whole = json.loads(path.read_text())
    whole["coefficients"] = [[0.5, 0.5], [0.5, 0.5]]
    path.write_text(json.dumps(whole))
    assert apply(tiny_lab, path, tmp_path / "b").as_promised is False
    assert read_recipe(tmp_path / "b").column("") == {"base": 0.5, "noisy": 0.5}


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_dtype_is_the_merge_cast_once(tiny_lab, mix, tmp_path, dtype):
    export(tiny_lab, mix, tmp_path / "m.safetensors", "state_dict", dtype)
    written, ours = load_file(tmp_path / "m.safetensors"), tiny_lab.encoder()
    tiny_lab.load(mix, ours)
    for name, tensor in ours.weights.items():
        expected = tensor.to(DTYPES[dtype]) if tensor.is_floating_point() else tensor
        assert torch.equal(written[name], expected) and written[name].dtype == expected.dtype


def test_digests_are_the_zoos_own(tiny_lab, tmp_path):
    done = export(tiny_lab, single("noisy"), tmp_path / "n", "image_tower", "float16")
    assert done.digests["image_digest"] == done.digests["digest"] == tiny_lab.zoo["noisy"].digest
    whole = export(tiny_lab, tiny_lab.base, tmp_path / "b", dtype="float16")
    assert whole.digests["text_digest"] == vision.text_digest(tiny_lab.folder / "base")
    assert whole.digests["digest"] == disk.digest_tensors(disk.read_tensors(whole.files[0], verify=True))


# what is said of it


def test_the_header_the_json_and_the_card_say_what_is_known_and_nothing_is_computed(
    tiny_lab, mix, tmp_path, monkeypatch
):
    tiny_lab.evaluate(mix, "noisy", "val")
    monkeypatch.setattr(Evaluation, "_forward", lambda *_: pytest.fail("an export must not compute figures"))
    done = export(tiny_lab, mix, tmp_path / "out")
    header = disk.read_facts(done.files[0])
    said = json.loads((tmp_path / "out" / "recipe.json").read_text())
    assert header["figures"] == said["export"]["figures"] and [f["n"] for f in header["figures"]] == [24]
    assert header["parents"] == {n: tiny_lab.zoo[n].digest for n in ("base", "noisy")}
    assert header["tasks"]["noisy"] == {
        "class_names": ["red", "green", "blue"],
        "templates": ["a {} picture", "something {}"],
    }
    assert header["preprocess_cfg"] == CONFIG["preprocess_cfg"] and header["activation"] == "gelu"


def test_the_card_is_one_that_the_hub_reads(tiny_lab, mix, tmp_path):
    from huggingface_hub import ModelCard

    accuracy = tiny_lab.evaluate(mix, "noisy", "test").accuracy
    export(tiny_lab, mix, tmp_path / "out")
    model_card = ModelCard.load(tmp_path / "out" / "README.md")
    assert model_card.data.library_name == "open_clip" and model_card.data.base_model == "tiny"
    (result,) = model_card.data.eval_results
    assert (result.dataset_split, result.metric_value) == ("test", accuracy.value) and "n=36" in result.metric_name
    assert f"{100 * accuracy.value:.1f} %" in model_card.text and "| `noisy` | 0.3 | 0.8 |" in model_card.text


# what is refused, and what is left behind


def test_nothing_is_overwritten_unless_asked(tiny_lab, mix, tmp_path):
    export(tiny_lab, tiny_lab.base, tmp_path / "out")
    before = bytes_of(tmp_path / "out")
    with pytest.raises(ExportError, match=r"already holds open_clip_model\.safetensors"):
        export(tiny_lab, mix, tmp_path / "out")
    assert bytes_of(tmp_path / "out") == before
    export(tiny_lab, mix, tmp_path / "out", overwrite=True)
    assert read_recipe(tmp_path / "out") == mix
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "README.md").write_text("mine")
    with pytest.raises(ExportError, match=r"already holds README\.md"):
        export(tiny_lab, mix, tmp_path / "cards")
    assert bytes_of(tmp_path / "cards") == {"README.md": b"mine"}


@pytest.mark.parametrize("name", ["x.bin", "x.PTH", "x.json", "a\0b"])
def test_names_that_are_neither_a_folder_nor_a_file_to_write(tiny_lab, mix, tmp_path, name):
    with pytest.raises(ExportError, match="neither a folder nor a file"):
        export(tiny_lab, mix, tmp_path / name, "state_dict")
    assert not list(tmp_path.glob("*x.*"))


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_endings_in_capitals_are_the_same_files(tiny_lab, mix, tmp_path, ending):
    small, large = tmp_path / f"small.{ending}", tmp_path / f"LARGE.{ending.upper()}"
    for path in (small, large):
        export(tiny_lab, mix, path, "state_dict")
        assert read_recipe(path) == mix
    assert large.read_bytes() == small.read_bytes()


@pytest.mark.parametrize("to", ["deep/new/out", "deep/out.pt"])
def test_cancelling_leaves_nothing(tiny_lab, mix, tmp_path, to):
    def stop(progress: Progress) -> None:
        if progress.what.startswith("Writing") and progress.fraction > 0.7:
            progress.cancel()

    with pytest.raises(CancelledError):
        export(tiny_lab, mix, tmp_path / to, "state_dict", progress=Progress(stop))
    assert not (tmp_path / "deep").exists()


def test_a_full_disk_leaves_nothing_and_says_so(tiny_lab, mix, tmp_path):
    with full_disk(), pytest.raises(disk.DiskError, match=r"out: No space left on device\. Free some space") as error:
        export(tiny_lab, mix, tmp_path / "out")
    assert ".staging" not in str(error.value) and not (tmp_path / "out").exists()


@pytest.mark.parametrize(("to", "room"), [("out", 9000), ("m.safetensors", 9000), ("m.pt", 3_550_000)])
def test_a_disk_that_is_full_half_way_leaves_nothing(tiny_lab, mix, tmp_path, to, room):
    """The .pt has room to be streamed, and none for the few kilobytes more that torch.save then writes."""
    with disk_with_room_for(room), pytest.raises(disk.DiskError, match=r"Could not write .*Free some space"):
        export(tiny_lab, mix, tmp_path / "deep" / to, "state_dict")
    assert not (tmp_path / "deep").exists()


def test_a_download_that_does_not_fit_leaves_nothing(tiny_lab, mix, tmp_path):
    files = export(tiny_lab, mix, tmp_path / "out").files
    with disk_with_room_for(20_000), pytest.raises(disk.DiskError, match="Free some space"):
        pack_archive(files, tmp_path / "zips" / "out.zip")
    assert not list((tmp_path / "zips").iterdir())


def test_a_card_names_a_base_only_as_the_hub_does(tiny_lab, mix):
    facts = describe_recipe(tiny_lab, mix, "open_clip", "float32")
    for base, named in (("laion/CLIP-ViT-B-32", True), ("ViT-B-32, openai", False)):
        assert ("base_model" in model_card({**facts, "base_model": base}).split("---")[1]) == named


def test_what_is_not_a_number_is_named_with_its_parent(tiny_lab, tmp_path):
    bad = {n: t.clone() for n, t in tiny_lab.zoo.weights("noisy").items()}
    bad["visual.layer2.0.conv1.weight"].view(-1)[3] = float("nan")
    tiny_lab.zoo.add("bad", bad)
    with pytest.raises(MergeError, match=r"not a number in visual\.layer2\.0\.conv1\.weight: 'bad' is not finite"):
        export(tiny_lab, lerp(tiny_lab.base, single("bad"), 0.5), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_numbers_beyond_a_dtype_are_named(tiny_lab, tmp_path):
    large = {n: t.clone() for n, t in tiny_lab.zoo.weights("base").items()}
    large["visual.attnpool.c_proj.bias"].fill_(60000)
    tiny_lab.zoo.add("large", large)
    recipe = combine([tiny_lab.base, single("large")], [-1, 2])
    with pytest.raises(MergeError, match=r"attnpool\.c_proj\.bias: it is beyond the range of torch\.float16"):
        export(tiny_lab, recipe, tmp_path / "out", dtype="float16")
    export(tiny_lab, recipe, tmp_path / "out", dtype="float32")


@pytest.mark.parametrize("fmt", ["open_clip", "image_tower", "huggingface"])
@pytest.mark.parametrize("name", ["near", "base"])
def test_a_damaged_parent_is_noticed(vit_lab, tmp_path, name, fmt):
    """In every format: digests are taken in passing only where the pieces come in the order that they are of."""
    path = vit_lab.zoo.path(name)
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(bytes(whole))
    with pytest.raises(MergeError, match=f"'{name}' is damaged"):
        export(vit_lab, lerp(vit_lab.base, single("near"), 0.5), tmp_path / "out", fmt)
    assert not (tmp_path / "out").exists()


def test_parents_that_did_not_change_are_read_once(vit_lab, tmp_path, monkeypatch):
    recipe, real = lerp(vit_lab.base, single("near"), 0.5), Mapped.digest_piece
    vit_lab.zoo.verified, digested = IntegrityRecord(tmp_path / "verified.json"), set()
    monkeypatch.setattr(Mapped, "digest_piece", lambda m, *piece: digested.add(m.path.stem) or real(m, *piece))
    first = export(vit_lab, recipe, tmp_path / "first")
    assert digested == {vit_lab.zoo.path(name).stem for name in ("base", "near")}
    digested.clear()
    again = export(vit_lab, recipe, tmp_path / "again")
    assert not digested and again.digests == first.digests
    path = vit_lab.zoo.path("near")
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(bytes(whole))
    with pytest.raises(MergeError, match="'near' is damaged"):
        export(vit_lab, recipe, tmp_path / "damaged")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"fmt": "zip"}, "no format 'zip'"),
        ({"dtype": "int4"}, "no dtype 'int4'"),
        ({"fmt": "huggingface"}, "only plain vision transformers"),
        ({"tasks": ["cats"]}, "no task 'cats'"),
        ({"recipe": single("nobody")}, "no checkpoint 'nobody'"),
        ({"recipe": single("../noisy")}, "cannot be a name"),
    ],
)
def test_refusals_are_one_sentence(tiny_lab, mix, tmp_path, words, complaint):
    with pytest.raises(PaletteError, match=complaint):
        export(tiny_lab, words.pop("recipe", mix), tmp_path / "out", **words)
    assert not (tmp_path / "out").exists()


def test_the_workspace_itself_is_no_place_for_exports(tiny_lab, mix):
    (tiny_lab.folder.parent / "other" / "base").mkdir(parents=True)
    for place in (tiny_lab.folder / "base", tiny_lab.folder.parent / "other" / "base" / "new"):
        with pytest.raises(ExportError, match="inside a workspace"):
            export(tiny_lab, mix, place, overwrite=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"models": ["base"]}', "\x00\x01"])
def test_a_file_without_a_recipe_is_one_sentence(tiny_lab, tmp_path, text):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(PaletteError, match="not a recipe"):
        apply(tiny_lab, tmp_path / "recipe.json", tmp_path / "out")
    with pytest.raises(ExportError, match="no recipe"):
        read_recipe(tiny_lab.zoo.path("noisy"))
    with pytest.raises(ExportError, match="There is no"):
        read_recipe(tmp_path / "absent.pt")


# other libraries


def test_transformers_gives_the_same_features(vit_lab, tmp_path):
    transformers = pytest.importorskip("transformers")
    recipe = lerp(vit_lab.base, single("near"), 0.5)
    export(vit_lab, recipe, tmp_path / "hf", "huggingface")
    model = transformers.CLIPModel.from_pretrained(tmp_path / "hf", attn_implementation="eager").eval()
    ours = vit_lab.encoder()
    vit_lab.load(recipe, ours)
    pixels = ours.prepare(vit_lab.pictures("noisy", "test").images).contiguous()
    clip, tokens = vision.load(vit_lab.folder / "base"), vision.tokenize(["a red picture", "something"], 12)
    with torch.inference_mode():
        out = model(input_ids=tokens.long(), pixel_values=pixels)
        text = clip.encode_text(tokens, normalize=True)
        assert torch.allclose(out.image_embeds, ours.features(pixels), atol=1e-5)
        assert torch.allclose(out.text_embeds, text, atol=1e-5)
    texts = ["a photo of a Red cat, on 3 blue", 'the word "dog"']
    ids = transformers.CLIPProcessor.from_pretrained(tmp_path / "hf")(text=texts)["input_ids"]
    assert [[i for i in row if i] for row in vision.tokenize(texts, 12).tolist()] == ids
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["vision_config"]["hidden_act"] == "quick_gelu"
    assert apply(vit_lab, tmp_path / "hf", tmp_path / "again").as_promised
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "hf")


@pytest.mark.parametrize("which", ["tiny_lab", "vit_lab"])
def test_onnxruntime_gives_the_same_logits(which, request, tmp_path):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    runtime, lab = pytest.importorskip("onnxruntime"), request.getfixturevalue(which)
    recipe = lerp(lab.base, single(lab.zoo.names()[1]), 0.5)
    done = export(lab, recipe, tmp_path / "m.onnx", "onnx")
    session = runtime.InferenceSession(str(done.files[0]))
    ours = lab.encoder()
    lab.load(recipe, ours)
    pixels = ours.prepare(lab.pictures("noisy", "test").images).contiguous()
    features, logits = session.run(["features", "logits_noisy"], {"pixels": pixels.numpy()})
    with torch.inference_mode():
        expected = ours.features(pixels)
    assert torch.allclose(torch.tensor(features), expected, atol=1e-5)
    assert torch.allclose(torch.tensor(logits), ours.logit_scale * expected @ lab.head("noisy").T, atol=1e-3)
    assert apply(lab, tmp_path / "m.onnx.json", tmp_path / "again" / "m.onnx").as_promised
    assert (tmp_path / "again" / "m.onnx").read_bytes() == done.files[0].read_bytes()


def test_hugging_faces_names_cover_every_weight(vit_lab, tmp_path):
    done = export(vit_lab, vit_lab.base, tmp_path / "hf", "huggingface", "float16")
    written, base = load_file(done.files[0]), vit_lab.zoo.weights("base")
    q, k, v = (written[f"vision_model.encoder.layers.1.self_attn.{x}_proj.weight"] for x in "qkv")
    assert torch.equal(torch.cat([q, k, v]), base["visual.transformer.resblocks.1.attn.in_proj_weight"])
    assert torch.equal(written["visual_projection.weight"], base["visual.proj"].T)
    whole = vision.load(vit_lab.folder / "base").state_dict()
    assert sum(t.numel() for t in written.values()) == sum(t.numel() for t in whole.values())
    names = {p.name for p in done.files}
    assert {"config.json", "preprocessor_config.json", "vocab.json", "merges.txt", "README.md", "recipe.json"} < names


def test_without_onnx_there_is_a_sentence(tiny_lab, mix, tmp_path, monkeypatch):
    monkeypatch.setattr("core.exchange.exporting.onnx.find_spec", lambda _: None)
    with pytest.raises(ExportError, match=r"requirements-formats\.txt"):
        export(tiny_lab, mix, tmp_path / "out", "onnx")
    assert not (tmp_path / "out").exists()


def test_the_hub_refuses_in_one_sentence(tiny_lab, tmp_path, monkeypatch):
    import huggingface_hub

    from core.exchange.exporting.push import HubError, push

    files = export(tiny_lab, tiny_lab.base, tmp_path / "out").files
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(HubError, match="no Hugging Face token"):
        push(files, "me/model")
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "a-token-of-the-test")
    with pytest.raises(HubError, match="cannot be a repository"):
        push(files, "me/too/deep")
    with pytest.raises(HubError, match="cannot be a repository") as error:
        push(files, "secret/secret/secret", token="secret")
    assert "secret/" not in str(error.value).split(":", 1)[1]
    offline = huggingface_hub.HfApi(endpoint="http://127.0.0.1:9", token="a-token-of-the-test")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda token: offline)
    with pytest.raises(HubError, match=r"cannot be reached .* is kept"):
        push(files, "me/model")


# memory

MEASURE = """
import sys, torch
from pathlib import Path
from core.progress import Progress
from core.exchange.exporting.merged_file import write_mix
from core.exchange.slices import TensorSlice
from core.recipes.recipe import combine, single
from core.storage.streaming import Mapped

def peak():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) * 1024

folder = Path(sys.argv[1])
torch.set_num_threads(1)
parents = {name: Mapped(folder / "parent.safetensors") for name in ("base", "a", "b", "c")}
recipe = combine([single(n) for n in parents], [0.25] * 4)
open("/proc/self/clear_refs", "w").write("5")  # the peak is counted anew from here
before = peak()
parts = {n: TensorSlice(n) for n in parents["base"]}
write_mix(folder / "mix.safetensors", recipe, parents, parts, torch.float16, {}, Progress())
print(peak() - before)
"""


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="peak memory is measured as Linux counts it"
)
def test_memory_does_not_grow_with_the_number_of_parents(tmp_path):
    tensors = {f"visual.{i}.weight": torch.full((4096, 4096), 0.01 * i, dtype=torch.float16) for i in range(4)}
    disk.write_tensors(tmp_path / "parent.safetensors", tensors)  # 134 MB; four parents of it are 537 MB
    largest = 4096 * 4096 * 2
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    extra = int(ran.stdout)
    shutil.rmtree(tmp_path)
    assert extra <= 1.3 * largest + 300e6, f"{extra / 1e6:.0f} MB more than before"


def test_overwriting_with_another_format_leaves_no_older_weights(tiny_lab, mix, tmp_path):
    export(tiny_lab, single("noisy"), tmp_path / "out")
    export(tiny_lab, mix, tmp_path / "out", "state_dict", overwrite=True)
    assert [p.name for p in (tmp_path / "out").glob("*.safetensors")] == ["model.safetensors"]
    assert not (tmp_path / "out" / vision.CONFIG).exists() and read_recipe(tmp_path / "out") == mix


def test_overwriting_takes_nothing_that_palette_did_not_write(tiny_lab, mix, tmp_path):
    for name in ("model.safetensors", "model.onnx", "heads.safetensors"):
        (tmp_path / name).write_text("mine")
    export(tiny_lab, mix, tmp_path, overwrite=True)
    assert [(tmp_path / n).read_text() for n in ("model.safetensors", "model.onnx", "heads.safetensors")] == [
        "mine"
    ] * 3


def test_overwriting_on_a_full_disk_keeps_what_was_there(tiny_lab, mix, tmp_path):
    export(tiny_lab, mix, tmp_path / "out", "state_dict")
    before = bytes_of(tmp_path / "out")
    with full_disk(), pytest.raises(disk.DiskError):
        export(tiny_lab, tiny_lab.base, tmp_path / "out", overwrite=True)
    assert bytes_of(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["x" * 300, f"{'x' * 245}.safetensors"])
def test_a_name_that_is_too_long_is_one_sentence(tiny_lab, mix, tmp_path, name):
    with pytest.raises(ExportError, match="too long"):
        export(tiny_lab, mix, tmp_path / name, "state_dict")
    with pytest.raises(ExportError, match="too long"):
        apply(tiny_lab, tmp_path / name, tmp_path / "out")


def test_links_in_a_circle_are_one_sentence(tiny_lab, mix, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ExportError, match="Nothing can be written"):
        export(tiny_lab, mix, tmp_path / "loop")
    with pytest.raises(ExportError):
        apply(tiny_lab, tmp_path / "loop", tmp_path / "out")


def test_a_header_nested_beyond_reason_is_damaged(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "deep.safetensors", {"palette": "[" * 100_000})
    with pytest.raises(disk.DamagedError, match="is damaged"):
        disk.read_facts(tmp_path / "deep.safetensors")
