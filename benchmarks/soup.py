"""Searching for a soup against what no search could beat: `python -m benchmarks.soup [--evaluations 240]`.

One evaluation of a candidate is a merge and the forward passes over the validation set, judged. The limit is one merge
at memory speed (every parent read once, the result written once) and the same tower's bare forward passes on pictures
that are prepared already. Then a whole pass of a search is timed as a person waits for it, with and without racing.
Needs two ingredients (`python -m core soup ingredients`); with fewer, patches of the workspace stand in.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from core.recipes import Preset, Question, lerp, maximise, mix_in, single
from core.soups import Judge, cut, ingredients, make_pool, soup_task
from core.workspace import CACHE, Lab


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall-clock seconds of one call, the device's work included."""
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


@torch.inference_mode()
def one_evaluation(lab: Lab, names: list[str], judge: Judge, rounds: int) -> None:
    """Compare one evaluation with its limit and print the ratio."""
    parents = [lab.zoo.weights(name) for name in names]
    encoder = lab.encoder()
    pixels = [
        encoder.prepare(torch.from_numpy(lab.pictures(judge.task, "val").images[i : i + 256])) for i in _starts(judge)
    ]

    def merge_limit() -> None:
        for name, out in encoder.weights.items():
            if out.is_floating_point():
                for parent in parents:
                    parent[name].sum()
                out.fill_(0.0)

    def forward_limit() -> None:
        for batch in pixels:
            encoder.tower(batch)

    def limit() -> None:
        merge_limit()
        forward_limit()

    found: dict[str, list[float]] = {"limit": [], "ours": []}
    for i in range(rounds + 1):  # in turns, so that a noisy neighbour disturbs both alike; the first round warms up
        mix = lerp(single(names[0]), single(names[1]), {"": 0.3 + i / 100, "visual.layer3": 0.5 + i / 100})
        for name, work in (("limit", limit), ("ours", lambda mix=mix: judge.judge(mix))):
            found[name].append(seconds(work, lab.device))
    middle = {name: statistics.median(times[1:]) for name, times in found.items()}
    best = {name: min(times[1:]) for name, times in found.items()}
    print(f"one evaluation of {len(judge):,} pictures on {lab.device}, median (best) of {rounds} rounds")
    for name in found:
        print(f"  {name:5} {1e3 * middle[name]:8.1f} ms  ({1e3 * best[name]:.1f})")
    ratio, least = middle["ours"] / middle["limit"], best["ours"] / best["limit"]
    print(f"  ours / limit = {ratio:.2f} ({least:.2f})   (to reach: at most 1.10)")


def _starts(judge: Judge) -> range:
    return range(0, len(judge), 256)


def one_pass(lab: Lab, names: list[str], judge: Judge, evaluations: int, partition: str, racing: bool) -> None:
    """Time one search of so many evaluations for the second model's λ, and say what it reached."""
    parts = cut(lab, make_pool(lab, names, judge.task, ()), partition)
    judge.seconds, judge.evaluations, judge.pictures, known = 0.0, 0, 0, dict[object, float]()

    def score(recipe) -> float:
        if recipe not in known:
            known[recipe] = judge.judge(recipe, racing).score
        return known[recipe]

    def search(asked: Question, objective):
        return maximise(objective, asked.point(), asked.budget, "CMA").trials

    started, soup = time.perf_counter(), single(names[0])
    judge.defend(soup)
    preset = Preset("benchmark", evaluations, tau=0.0)
    _, verdict = mix_in(soup, score(soup), single(names[1]), score, search, parts, (0.5,) * len(parts), preset)
    spent = time.perf_counter() - started
    share = judge.pictures / (judge.evaluations * len(judge))
    print(
        f"a pass of {judge.evaluations} evaluations over {len(judge):,} pictures{', racing' if racing else ''}: "
        f"{spent:.1f} s (to reach: under 240 s on two cores), {share:.0%} of the pictures looked at; "
        f"best {100 * verdict.after:.1f} % on val, {100 * verdict.delta:+.1f} points"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--partition", default="blocks")
    parser.add_argument("--device", help="cpu or cuda (default: the GPU if there is one)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(
            CACHE / "mini", Path(folder) / "mini", ignore=shutil.ignore_patterns("results", "soups", "partial")
        )
        lab = Lab("mini", Path(folder), options.device)
        names = [name for name in ingredients(lab) if name in lab.zoo][1:3] or ["digits", "signs"]
        names = names if len(names) == 2 else ["digits", "signs"]
        judge = Judge(lab, soup_task(lab))
        print(f"mixing {' and '.join(names)} on {judge.task}, {torch.get_num_threads()} threads")
        one_evaluation(lab, names, judge, options.rounds)
        for racing in (False, True) if options.evaluations else ():
            one_pass(lab, names, judge, options.evaluations, options.partition, racing)


if __name__ == "__main__":
    main()
