"""An address is read by name: what makes no sense is one complaint and the usual value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import PaletteError
from pages.shared.app.url_state import Parameters, share, whole_number, written


def failing(text: str) -> str:
    raise PaletteError(f"Nobody knows {text}.")


READERS = {
    "one_of": lambda p: p.one_of("x", {"bars": "Bars", "pie": "Pie"}, "bars"),
    "whole": lambda p: p.whole("x", 1, 40, 7),
    "share": lambda p: p.share("x", None, "the best"),
    "shares": lambda p: p.shares("x", 3, 2),
    "names": lambda p: p.names("x", ("a", "b")),
    "parsed": lambda p: p.parsed("x", failing, "usual"),
}


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        ("one_of", "pie", "pie"),
        ("whole", "40", 40),
        ("share", "0.256", 0.26),
        ("share", "1", 1.0),
        ("shares", "0.5,1", (0.5, 1.0)),
        ("names", "b,a,b", ("b", "a")),
        ("names", "", ()),
    ],
)
def test_what_makes_sense_is_taken(reader, text, value):
    parameters = Parameters({"x": text})
    assert READERS[reader](parameters) == value and not parameters.complaints


@pytest.mark.parametrize(
    ("reader", "usual"),
    [("one_of", "bars"), ("whole", 7), ("share", None), ("shares", ()), ("names", ()), ("parsed", "usual")],
)
def test_without_the_parameter_the_usual_is_taken(reader, usual):
    parameters = Parameters({"y": "1"})
    assert READERS[reader](parameters) == usual and not parameters.complaints


@pytest.mark.parametrize(
    ("reader", "text", "usual", "complaint"),
    [
        ("one_of", "tart", "bars", "This link asks for x 'tart', which is not there; showing bars."),
        ("whole", "41", 7, "This link asks for x '41', but that is a whole number from 1 to 40; showing 7."),
        ("whole", "-1", 7, "'-1'"),
        ("whole", "²", 7, "'²'"),
        ("whole", "0000000000010", 7, "whole number"),
        ("share", "1.01", None, "This link asks for x '1.01', but that lies between 0 and 1; showing the best."),
        ("share", "nan", None, "between 0 and 1"),
        ("share", "", None, "between 0 and 1"),
        ("shares", "0.5", (), "2 numbers"),
        ("shares", "0.5,much", (), "2 numbers"),
        ("shares", "0.5,2", (), "2 numbers"),
        ("names", "a,c,d", ("a",), "This link asks for x 'c', 'd', which are not usable here and left out."),
        ("parsed", "it", "usual", "Nobody knows it."),
    ],
)
def test_what_makes_no_sense_is_one_complaint(reader, text, usual, complaint):
    parameters = Parameters({"x": text})
    assert READERS[reader](parameters) == usual
    assert len(parameters.complaints) == 1 and complaint in parameters.complaints[0]


def test_what_is_as_usual_is_not_written():
    values = {"task": "digits", "plot": "bars", "sample": 1, "racing": True, "alpha": None, "factors": (1.0, 0.25)}
    usual = {"plot": "bars", "sample": 2, "racing": False}
    assert written(values, usual) == {"task": "digits", "sample": "1", "racing": "yes", "factors": "1,0.25"}


@given(st.lists(st.integers(0, 1000).map(lambda n: n / 1000), max_size=6).map(tuple), st.integers(1, 10**8))
def test_what_is_written_is_read_back(factors, number):
    parameters = Parameters(written({"factors": factors, "number": number}, {"factors": ()}))
    assert parameters.shares("factors", 3) == factors and parameters.whole("number", 1, 10**8, None) == number


@given(st.text(max_size=12))
def test_whatever_stands_in_an_address_is_a_number_in_its_limits_or_a_value_error(text):
    for parse, low, high in ((lambda t: whole_number(t, 2, 40), 2, 40), (share, 0, 1)):
        try:
            assert low <= parse(text) <= high
        except ValueError as error:
            assert str(error).startswith("but that")
