"""What Fisher merging and RegMean measure of a parent, on unlabelled val pictures of the tasks it was trained on."""

from __future__ import annotations

from collections.abc import Callable

import torch

from core.methods.method import FISHER, GRAM
from core.methods.task_vectors import MethodError
from core.models import Encoder
from core.progress import SILENT, Progress
from core.recipes import single
from core.workspace import Lab

Statistics = dict[str, torch.Tensor]


def measure(lab: Lab, kind: str, name: str, pictures: int, progress: Progress = SILENT) -> Statistics:
    """The statistics of ``kind`` for the checkpoint ``name``, from up to so many val pictures, shared by its tasks.

    Raises MethodError or TaskError as ``measured_on`` does.
    """
    tasks = measured_on(lab, name)
    encoder, found = lab.encoder(), Statistics()
    lab.load(single(name), encoder)
    each = -(-pictures // len(tasks))
    for task in tasks:
        images = torch.from_numpy(lab.pictures(task, "val", progress).images[:each])
        for weight, tensor in MEASURES[kind](encoder, images, lab.head(task, progress), progress).items():
            found[weight] = found[weight] + tensor if weight in found else tensor
    return found


def measured_on(lab: Lab, name: str) -> list[str]:
    """The tasks whose val pictures a checkpoint is measured on: those that it was trained on.

    Raises MethodError for a checkpoint without a task of the workspace, TaskError for one whose pictures have
    candidates of their own.
    """
    tasks = [task for task in lab.zoo[name].tasks if task in lab.tasks]
    if not tasks:
        raise MethodError(f"{name!r} names no task of {lab.name}: this method has no pictures to measure it on.")
    for task in tasks:
        lab.task(task).check_one_head()
    return tasks


def diagonal_fisher(encoder: Encoder, images: torch.Tensor, head: torch.Tensor, progress: Progress) -> Statistics:
    """Diagonal Fisher information, summed over pictures: (∇_θ log p_θ(y|x))², y drawn from p_θ(·|x) by a fixed seed.

    Arxiv 2111.09832, eq. 3, with one draw for the expectation over y. One float32 tensor per parameter, of its shape.
    """
    weights = {name: w for name, w in encoder.weights.items() if isinstance(w, torch.nn.Parameter)}
    found = {name: torch.zeros(w.shape) for name, w in weights.items()}
    generator = torch.Generator().manual_seed(0)
    head = head.to(encoder.device).float()
    for w in weights.values():
        w.requires_grad_(True)
    for image in progress(images.split(1), "Measuring the Fisher information"):
        with torch.enable_grad():
            answers = encoder.logit_scale * encoder.features(encoder.prepare(image)) @ head.T
            drawn = torch.multinomial(answers.detach().softmax(-1).cpu(), 1, generator=generator)
            chosen = answers.log_softmax(-1)[0, int(drawn)]
            gradients = torch.autograd.grad(chosen, list(weights.values()), allow_unused=True)
        for name, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                found[name] += gradient.detach().float().square().cpu()
    return found


@torch.no_grad()
def layer_grams(encoder: Encoder, images: torch.Tensor, _head: torch.Tensor, progress: Progress) -> Statistics:
    """Xᵀ X of the inputs of every linear layer and convolution, float32 (in·h·w, in·h·w), divided by the rows of X.

    An attention block is seen through its input, which its three projections share; the projections of an attention
    pool and of heads are used without their modules and have no entry.
    """
    found: Statistics = {}
    handles = []
    for place, module in encoder.tower.named_modules():
        if weight := INPUTS.get(type(module).__name__):
            handles.append(module.register_forward_pre_hook(_adding(found, f"visual.{place}.{weight}")))
    try:
        for batch in progress(images.split(16), "Measuring the inputs of the layers"):
            encoder.features(encoder.prepare(batch))
    finally:
        for handle in handles:
            handle.remove()
    return {name: gram / len(images) for name, gram in found.items()}


INPUTS = {"Linear": "weight", "Conv2d": "weight", "MultiheadAttention": "in_proj_weight"}


def _adding(found: Statistics, weight: str) -> Callable[..., None]:
    def add(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen = inputs[0].float()
        if isinstance(module, torch.nn.Conv2d):
            if module.groups > 1 or isinstance(module.padding, str):  # a group has inputs of its own
                return
            window = (module.kernel_size, module.dilation, module.padding, module.stride)
            seen = torch.nn.functional.unfold(seen, *window).transpose(1, 2)
        rows = seen.flatten(0, -2)
        gram = (rows.T @ rows / (len(rows) / len(inputs[0]))).cpu()
        found[weight] = found[weight] + gram if weight in found else gram

    return add


MEASURES = {FISHER: diagonal_fisher, GRAM: layer_grams}
