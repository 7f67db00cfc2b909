"""The base's shape: its towers, as open_clip builds them, and how it looks at pictures."""

from __future__ import annotations

IMAGE, SPELLING = 384, 128  # numbers in a direction that say what a thing looks like, and how its name is spelled
WIDTH = IMAGE + SPELLING
SIZE = 112
MODEL_CONFIG: dict = {
    "embed_dim": WIDTH,
    "vision_cfg": {
        "timm_model_name": "tf_efficientnet_lite0",
        "timm_model_pretrained": False,
        "timm_pool": "avg",
        "timm_proj": "linear",
        "timm_proj_bias": True,
        "image_size": SIZE,
    },
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 384, "heads": 6, "layers": 1},
}
PREPROCESS: dict = {
    "size": SIZE,
    "mode": "RGB",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
