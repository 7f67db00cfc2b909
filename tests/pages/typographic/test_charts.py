from __future__ import annotations

import numpy as np

from core.attacks.study import PLACES, AttackOutcome
from pages.shared.typographic.charts import bars, by_place, of_this_picture
from pages.shared.typographic.reading import Reading


def reading(*names: str) -> Reading:
    table = np.full((3, len(names)), 1 / len(names))
    return Reading(np.zeros((8, 8, 3), np.uint8), (0.0, 0.5, 1.0), names, table, table[0], 1, 0, True)


def test_every_class_has_a_row_whatever_it_is_called():
    alike = "a photograph of a very large "
    for names in (("0", "3", "7"), (alike + "cat", alike + "dog", alike + "bird")):
        figure = bars(reading(*names), 0.5)
        for trace in figure.data:
            assert list(trace.y) == [0, 1, 2] and list(trace.text) == list(figure.layout.yaxis.ticktext)
        assert figure.layout.yaxis.ticktext[-1] == f"● {names[0][:24]}"


def test_html_in_a_name_is_shown_as_it_is():
    found = reading("<a href='//x'>y</a>", "b & c")
    assert bars(found, 0.5).layout.yaxis.ticktext == ("✎ b &amp; c", "● &lt;a href='//x'&gt;y&lt;/a&gt;")
    assert of_this_picture(found, 0.5).data[0].name.startswith("● &lt;a href")


def test_the_heat_map_lies_over_the_picture():
    found = [AttackOutcome(np.array([True]), np.array([i % 2 == 0])) for i in range(len(PLACES) ** 2)]
    figure = by_place("base", found, np.zeros((10, 20, 3), np.uint8))
    (under,) = figure.layout.images
    assert under.source.startswith("data:image/png") and (under.sizex, under.sizey, under.layer) == (100, 100, "below")
    assert figure.layout.yaxis.scaleratio == 0.5
    assert list(figure.data[1].text) == ["100", "0"] * 12 + ["100"]
    assert list(zip(figure.data[1].x, figure.data[1].y, strict=True))[:6][-1] == (10, 30)
