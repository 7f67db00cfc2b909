"""What stands under a number: its difference, whether that is good, and whether it is more than noise."""

from __future__ import annotations

import pytest
from streamlit.proto.Metric_pb2 import Metric
from streamlit.testing.v1 import AppTest


def drawn(followed_before: int, followed_now: int):
    import numpy as np

    from core.metrics import accuracy_of, paired
    from pages.shared.widgets import metric_row

    before, now = (np.arange(100) < count for count in (followed_before, followed_now))
    metric_row.row([metric_row.fooled("Fooled", accuracy_of(now), paired(before, now))])


@pytest.mark.parametrize(
    ("before", "now", "color", "said", "counts"),
    [
        (60, 20, Metric.GREEN, "from base", "40 fixed, 0 broken"),
        (20, 60, Metric.RED, "from base", "0 fixed, 40 broken"),
        (20, 21, Metric.GRAY, "within noise", "0 fixed, 1 broken"),
    ],
)
def test_fewer_followed_words_are_better(before, now, color, said, counts):
    (metric,) = AppTest.from_function(drawn, args=(before, now)).run().metric
    assert (metric.value, metric.proto.color, metric.proto.delta_description) == (f"{now}.0 %", color, said)
    assert counts in metric.help and "Less is better" in metric.help
