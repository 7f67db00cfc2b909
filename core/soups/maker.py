"""A soup in the making: what a method asks is answered from the trace, or evaluated now and written to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from core.progress import Progress
from core.recipes import (
    SIGMA,
    Objective,
    Question,
    Recipe,
    SearchError,
    Step,
    Trial,
    Vector,
    Verdict,
    greedy,
    greedy_members,
    manifold,
    maximise,
    mix_in,
    ranked,
    single,
    uniform,
)
from core.soups.ensembles import Ensemble
from core.soups.judge import Judge, JudgedRecipe
from core.soups.learned import LearnedSettings, learned_soup
from core.soups.measure import measured
from core.soups.plan import Pool, SoupPlan, cut, outcome_file
from core.soups.results import SoupRow
from core.soups.trace import Trace
from core.workspace import Lab

Made = tuple[Recipe, list[Verdict]]


class SoupMaker:
    """One plan being carried out; every question it asks is answered from the trace for as long as that lasts."""

    def __init__(self, lab: Lab, pool: Pool, plan: SoupPlan, progress: Progress) -> None:
        self.lab, self.pool, self.plan, self.progress = lab, pool, plan, progress
        self.preset, self.partition = plan.settings(), cut(lab, pool, plan.partition)
        self.trace = Trace(outcome_file(lab, pool, plan).with_suffix(".jsonl"), self._all_new, lab.notices.append)
        self.judge: Judge | None = None
        self.searches, self.evaluations, self.pictures = 0, 0, 0
        self.optimisers, self.notes = dict[str, None](), list[str]()
        self._known: dict[tuple[str, int], JudgedRecipe] = {}
        self._asking: dict[str, Any] = {}
        self._best: tuple[float, Recipe] | None = None

    def _all_new(self) -> None:
        if self._best is not None and self.plan.racing:
            self._judge().defend(self._best[1])
        self.progress.found()

    def _judge(self) -> Judge:
        if self.judge is None:
            self.judge = Judge(self.lab, self.pool.task, check=self.progress.check)
        return self.judge

    # what methods ask

    def look(self, recipe: Recipe) -> JudgedRecipe:
        """A recipe's figures on val: remembered, from the trace, or evaluated now and written to it."""
        weights, racing = self.lab.weights_key(recipe)[:16], self.plan.racing and bool(self._asking)
        for place in ((weights, 0), (weights, self.searches)):
            if place in self._known:
                return self._known[place]
        line = self.trace.peek()
        if line is not None and line.get("weights") == weights:
            found = JudgedRecipe(line["score"], line["tie"], line["seen"])
        else:
            found = self._judge().judge(recipe, racing)
        self.trace.write({**self._asking, "weights": weights, **asdict(found)})
        whole = found.seen == self.lab.task(self.pool.task).size("val")
        if whole and (self._best is None or found.score > self._best[0]):
            self._best = (found.score, recipe)
        self._known[weights, 0 if whole else self.searches] = found
        self.evaluations, self.pictures = self.evaluations + 1, self.pictures + found.seen
        return found

    def score(self, recipe: Recipe) -> float:
        return self.look(recipe).score

    def tie(self, recipe: Recipe) -> float:
        return self.look(recipe).tie

    def search(self, asked: Question, objective: Objective) -> Sequence[Trial]:
        """Search for λ, and say what was tried; if the optimiser throws, what was tried until then."""
        self.searches += 1
        name, tried = name_of(asked.candidate), dict[Vector, Trial]()
        facts = {"start": list(asked.start), "bounds": [list(b) for b in asked.bounds], "budget": asked.budget}
        self.trace.write({"search": self.searches, "candidate": name, **facts})

        def seen(point: Vector) -> tuple[float, float]:
            self._asking = {"factors": [round(f, 4) for f in asked.factors(point)]}
            tried[point] = Trial(point, *objective(point))
            return tried[point].score, tried[point].tie

        follow = self.progress.titled(f"Mixing {name} in: evaluating λ")
        plan = self.plan
        try:
            found = maximise(
                seen, asked.point(), asked.budget, plan.optimiser, sigma=SIGMA, seed=plan.seed, progress=follow
            )
            self.optimisers[found.optimiser] = None
        except SearchError as error:
            if not tried:
                raise
            self.notes.append(f"{name}: {error}")
            self.lab.notices.append(str(error))
        finally:
            self._asking = {}
        return list(tried.values())

    def decided(self, verdict: Verdict) -> None:
        self.trace.write(verdict_facts(verdict))

    # the methods: each gives a recipe, or the members of an ensemble

    def order(self) -> list[Step]:
        follow = self.progress.titled("Ranking the ingredients on val")
        return ranked([single(name) for name in self.pool.ingredients], self.score, follow)

    def ranked_first(self, make: Callable[[list[Step]], Made], each: int) -> Made:
        """``make`` of the ranked ingredients, each of which costs ``each`` evaluations; one progress over both."""
        order, made = list[Step](), list[Made]()
        for stage in self.progress(("rank", "make"), costs=(1, each)):
            if stage == "rank":
                order = self.order()
            else:
                made.append(make(order))
        return made[0]

    def uniform(self) -> tuple[Recipe, list[Verdict]]:
        recipe = uniform([single(name) for name in self.pool.ingredients])
        self.score(recipe)
        return recipe, []

    def greedy(self) -> tuple[Recipe, list[Verdict]]:
        follow = self.progress.titled("Trying each ingredient")
        recipe, verdicts = self.ranked_first(lambda order: greedy(order, self.score, follow), 1)
        for verdict in verdicts:
            self.decided(verdict)
        return recipe, verdicts

    def manifold(self) -> tuple[Recipe, list[Verdict]]:
        if self.plan.start is not None:
            return self.by_hand(self.plan.start)
        follow = self.progress.titled("Testing the next ingredient")
        rest = (self.search, self.partition, self.preset, self.tie, self.decided, follow)
        each = self.preset.evaluations(len(self.partition)) + 1
        return self.ranked_first(lambda order: manifold(order, self.score, *rest), each)

    def by_hand(self, start: Recipe) -> tuple[Recipe, list[Verdict]]:
        """Go on from a mix that a person made: one candidate, from the mixing factors that were set."""
        candidate, best = single(self.plan.candidate), self.score(start)
        factors, rest = self.plan.factors, (self.preset, self.tie)
        recipe, verdict = mix_in(start, best, candidate, self.score, self.search, self.partition, factors, *rest)
        self.decided(verdict)
        return recipe, [verdict]

    def learned(self) -> tuple[Recipe, list[Verdict]]:
        lab, models = self.lab, [single(name) for name in self.pool.ingredients]
        pictures, weights = lab.pictures(self.pool.task, "val"), []
        for name in self.pool.ingredients:
            weights.append({**lab.zoo.weights(name), **lab.own_head(name, self.pool.task)})
        images, labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
        follow = self.progress.titled("Learning the coefficients on val")
        settings, head = LearnedSettings(seed=self.plan.seed), lab.head(self.pool.task)
        recipe = learned_soup(
            lab.encoder(), models, weights, head, self.partition, images, labels, settings, progress=follow
        )
        self.score(recipe)
        return recipe, []

    def ensemble(self, chosen: bool) -> tuple[SoupRow, list[Verdict]]:
        """All ingredients' logits averaged, or those of the members that greedy selection keeps."""
        asked, key = Ensemble(self.lab, self.progress), (self.pool.task, "val")
        members, verdicts = [single(name) for name in self.pool.ingredients], list[Verdict]()
        if chosen:
            order = ranked(members, lambda recipe: float(asked.right([recipe], key).mean()), self.progress)
            members, verdicts = greedy_members(order, lambda group: float(asked.right(group, key).mean()))
        right = partial(asked.right, members)
        names = tuple(name_of(m) for m in members)
        return measured(self.lab, self.pool, self.plan.title(), "ensemble", right, self.progress, names), verdicts


def name_of(recipe: Recipe) -> str:
    """The checkpoint that a recipe of one model is."""
    return recipe.models[0]


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain JSON, the candidate by name."""
    facts = asdict(verdict) | {
        "candidate": name_of(verdict.candidate),
        "factors": [round(f, 4) for f in verdict.factors],
    }
    return {"verdict": facts.pop("word"), **facts}
