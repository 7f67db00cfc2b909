"""The README of an exported model: a card in Hugging Face's form, written from the facts of the export alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

HUB_NAME = re.compile(r"([\w.-]{1,96}/)?[\w.-]{1,96}")  # the hub takes no card that names a base otherwise
LOADING = {
    "open_clip": """import open_clip

model, _, preprocess = open_clip.create_model_and_transforms("local-dir:.")
tokenizer = open_clip.get_tokenizer("local-dir:.")""",
    "state_dict": """from safetensors.torch import load_file

model.load_state_dict(load_file("model.safetensors"))  # a whole CLIP, in open_clip's names""",
    "image_tower": """from safetensors.torch import load_file

weights = load_file("image_tower.safetensors")
model.visual.load_state_dict({name.removeprefix("visual."): w for name, w in weights.items()})""",
    "huggingface": """from transformers import CLIPModel, CLIPProcessor

model, processor = CLIPModel.from_pretrained("."), CLIPProcessor.from_pretrained(".")""",
    "onnx": """import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")  # pixels -> features, and logits of each task""",
}


def model_card(facts: Mapping[str, Any]) -> str:
    """The model card as Markdown with YAML front matter; every value in it is one of ``facts``."""
    sections = [_front_matter(facts), _mix(facts), _figures(facts), _classes(facts), _use(facts)]
    return "\n".join(sections)


def title(facts: Mapping[str, Any]) -> str:
    """What the mix is called: its models, joined by +."""
    return " + ".join(facts["recipe"]["models"]) + f" ({facts['workspace']})"


def _front_matter(facts: Mapping[str, Any]) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    trained = facts.get("trained_heads", ())
    results = [
        EvalResult(
            task_type=f"{'' if f['task'] in trained else 'zero-shot-'}image-classification",
            dataset_type=f["task"],
            dataset_name=f["task"],
            dataset_split=f["split"],
            metric_type="accuracy",
            metric_value=f["accuracy"],
            metric_name=f"accuracy ({f['split']}, n={f['n']})",
        )
        for f in facts["figures"]
    ]
    base = facts["base_model"]
    data = ModelCardData(
        library_name="transformers" if facts["format"] == "huggingface" else "open_clip",
        pipeline_tag="zero-shot-image-classification",
        tags=["clip", "merge", "weight-interpolation", "palette"],
        metrics=["accuracy"],
        model_name=title(facts) if results else None,
        eval_results=results or None,
        **({"base_model": base, "base_model_relation": "merge"} if HUB_NAME.fullmatch(base) else {}),
    )
    return "\n".join(["---", data.to_yaml(), "---", f"# {title(facts)}", ""])


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines: list[Sequence[object]] = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _mix(facts: Mapping[str, Any]) -> str:
    recipe = facts["recipe"]
    head = ["model", *(f"`{p}`" if p else "everything else" for p in recipe["components"]), "digest"]
    rows = [
        [f"`{m}`", *(f"{c:g}" for c in row), f"`{facts['parents'][m][:12]}`"]
        for m, row in zip(recipe["models"], recipe["coefficients"], strict=True)
    ]
    where = "" if facts["workspace"] == "mini" else f"--workspace {facts['workspace']} "
    return (
        "An affine mix of the image towers of the models below, one coefficient per component; the text tower is the "
        "base's, unchanged.\n\n"
        + _table(head, rows)
        + "\n`recipe.json` holds the exact coefficients and digests; where those checkpoints are, "
        f"`python -m core {where}apply recipe.json --to FOLDER` makes these files again, byte for byte.\n"
    )


def _figures(facts: Mapping[str, Any]) -> str:
    if not facts["figures"]:
        return "## Figures\n\nNone were known when this was written.\n"
    rows = [
        [
            f["task"],
            f["split"],
            f"{100 * f['accuracy']:.1f} %",
            f"{100 * f['low']:.1f} to {100 * f['high']:.1f}",
            f["n"],
        ]
        for f in facts["figures"]
    ]
    table = _table(["task", "split", "accuracy", "95 % interval", "n"], rows)
    sentence = f"Zero-shot accuracy{_but_for(facts)}. *val* chooses a mix; *test* is only displayed."
    return f"## Figures\n\n{sentence}\n\n{table}"


def _but_for(facts: Mapping[str, Any]) -> str:
    trained = facts.get("trained_heads", ())
    return f", but for {', '.join(trained)}: by the mix of the models' own trained heads" if trained else ""


def _classes(facts: Mapping[str, Any]) -> str:
    pre, lines = facts["preprocess_cfg"], ["## Classes and preprocessing", ""]
    lines.append(
        f"Pictures: size {pre['size']}, mean {pre['mean']}, std {pre['std']}. Activation: `{facts['activation']}`. "
        f"Weights: {facts['dtype']}."
    )
    for name, task in facts["tasks"].items():
        words = json.dumps({"class names": task["class_names"], "templates": task["templates"]}, ensure_ascii=False)
        lines += ["", f"<details><summary>{name}: {len(task['class_names'])} classes</summary>", ""]
        lines += ["```json", words, "```", "</details>"]
    return "\n".join(lines) + "\n"


def _use(facts: Mapping[str, Any]) -> str:
    trained, heads = facts.get("trained_heads", ()), ""
    if trained and facts["format"] != "onnx":
        heads = (
            f"\nThe models have trained heads for {', '.join(trained)}. Their mix is in the `heads.safetensors` beside "
            "the weights:\n`logits = logit_scale * (features @ weight.T + bias)`, with features of unit length and "
            f"`{trained[0]}.weight`, `{trained[0]}.bias`.\n"
        )
    return f"## Use\n\n```python\n{LOADING[facts['format']]}\n```\n{heads}"
