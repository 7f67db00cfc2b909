"""One CLIP on one device."""

from core.models import clip, configs, torchvision_shim
from core.models.batching import backward, parts_of
from core.models.clip import CONFIG, IMAGE_TOWER, WEIGHTS, ModelError, vocabulary
from core.models.configs import closed_models, known_models
from core.models.device import (
    PRECISIONS,
    check_precision,
    describe_device,
    device_memory,
    device_of_choice,
    precision_of_choice,
)
from core.models.half_precision import fused_sum
from core.models.heads import (
    BIAS,
    WEIGHT,
    alike,
    candidate_texts,
    class_rows,
    head,
    head_digest,
    mixed_head,
    not_told_apart,
)
from core.models.image_tower.efficientnet import fold, imagenet_network, imagenet_synsets
from core.models.image_tower.encoder import Encoder, enlarge
from core.models.merge import MergeError, Stacked, Weights, check_mergeable, differences, finite, merge, mix
from core.models.predict import choice_logits, features, largest, logits
from core.models.preprocess import (
    Step,
    fitting,
    geometry,
    imagenet_class_names,
    imagenet_templates,
    pixel_steps,
    pixels,
)
from core.models.resident import Parents

__all__ = [
    "BIAS",
    "CONFIG",
    "IMAGE_TOWER",
    "PRECISIONS",
    "WEIGHT",
    "WEIGHTS",
    "Encoder",
    "MergeError",
    "ModelError",
    "Parents",
    "Stacked",
    "Step",
    "Weights",
    "alike",
    "backward",
    "candidate_texts",
    "check_mergeable",
    "check_precision",
    "choice_logits",
    "class_rows",
    "clip",
    "closed_models",
    "configs",
    "describe_device",
    "device_memory",
    "device_of_choice",
    "differences",
    "enlarge",
    "features",
    "finite",
    "fitting",
    "fold",
    "fused_sum",
    "geometry",
    "head",
    "head_digest",
    "imagenet_class_names",
    "imagenet_network",
    "imagenet_synsets",
    "imagenet_templates",
    "known_models",
    "largest",
    "logits",
    "merge",
    "mix",
    "mixed_head",
    "not_told_apart",
    "parts_of",
    "pixel_steps",
    "pixels",
    "precision_of_choice",
    "torchvision_shim",
    "vocabulary",
]
