from __future__ import annotations

import pytest

from pages.shared.widgets.escape import plain


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("[log in](http://evil) is damaged.", r"\[log in\](http://evil) is damaged."),
        ("**x** $y$ ~~z~~ <b>", r"\*\*x\*\* \$y\$ \~\~z\~\~ \<b\>"),
        ("_private_ and house_numbers_2", r"\_private\_ and house_numbers_2"),
        ("__init__.png", r"\_\_init\_\_.png"),
        (":material/delete: :red[x] 12:30: no", r"\:material/delete: \:red\[x\] 12\:30: no"),
        ("C:\\data", "C:\\\\data"),
        ("# not a heading, no. # 1", r"\# not a heading, no. # 1"),
        ("run `hf auth login`, or set HF_TOKEN", "run `hf auth login`, or set HF_TOKEN"),
        ("Nothing special: 3.5 % (n = 1,000).", "Nothing special: 3.5 % (n = 1,000)."),
        ("ein Brief_an_Äpfel", "ein Brief_an_Äpfel"),
    ],
)
def test_markdown_finds_nothing_but_code(said, shown):
    assert plain(said) == shown
