from __future__ import annotations

import shlex
from argparse import ArgumentParser

import pytest

from core.attacks import Face, Look
from core.cli.terminal import add_look, look_of, words_of

LOOKS = [
    Look(),
    Look(Face("Aileron", "bold"), 0.5, "#ff0000", 0.1, "#00ff00", "", 0.25, 0.125, -30.0, 0.5),
    Look(colour="#123456", plate="#654321"),
]


@pytest.mark.parametrize("look", LOOKS, ids=["usual", "everything", "colours"])
def test_the_options_that_a_page_prints_are_the_look_again(look):
    parser = ArgumentParser()
    add_look(parser)
    assert look_of(parser.parse_args(shlex.split(words_of(look)))) == look


def test_what_is_as_usual_is_left_out():
    assert words_of(Look()) == "" and words_of(Look(size=0.5)) == " --size 0.5"
