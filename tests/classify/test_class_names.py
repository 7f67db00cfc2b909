"""Class names and templates as people type or paste them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.classify import class_names
from core.classify.class_names import WordlistError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cat\ndog\n", ("cat", "dog")),
        ("cat,dog", ("cat", "dog")),
        ("cat; dog", ("cat", "dog")),
        ("cat\tdog", ("cat", "dog")),
        ('"tench, Tinca tinca", goldfish', ("tench, Tinca tinca", "goldfish")),
        ("great white shark, white shark\ntench\ngoldfish, Carassius auratus, carp", 3),
        ("\n\n  cat  \r\n\r\ndog\n ,", ("cat", "dog", ",")),
        ("id,class\n0,cat\n1,dog", ("cat", "dog")),
        ("label;id\ncat;0\ndog;1", ("cat", "dog")),
        ('index,name\n0,"a, b"\n1,c', ("a, b", "c")),
        ("0,cat\n1,dog\n2,cow", ("cat", "dog", "cow")),
        ("red cat, big\nblue dog, small", 2),
        ("🐈\n犬\nnaïve", ("🐈", "犬", "naïve")),
        ("cat\0\ndog", ("cat", "dog")),
        ("\x1b[31mcat\ndog", ("[31mcat", "dog")),
        ('"cat"\n"dog, small"\ncow', ("cat", "dog, small", "cow")),
        ("class,n\ncat,1\ndog,2,extra\nlone", ("cat", "dog", "lone")),
        ("id,title\n0,cat\n1,dog", ("cat", "dog")),
        ("a  red\tcat\nx", 2),
        ("{}\n{0}\n%s", ("{}", "{0}", "%s")),
    ],
)
def test_names_are_understood(text, names):
    found = class_names.read_class_names(text).names
    assert len(found) == names if isinstance(names, int) else found == names


def test_repeated_names_are_left_out_and_said():
    found = class_names.read_class_names("cat\nCat\ndog\n CAT \n\n")
    assert found.names == ("cat", "dog")
    assert found.notes == ("2 repeated names left out",)
    assert not class_names.read_class_names("cat\ndog\n\n\n").notes


def test_a_heading_is_never_left_out_without_a_word():
    assert class_names.read_class_names("label\nbox\ncat").notes == ("the first line, 'label', taken as a heading",)
    titled = class_names.read_class_names("id,title\n0,cat\n1,dog")
    assert titled.notes == ("the first line, 'title', taken as a heading",)


def test_ten_thousand_names_are_taken_and_one_more_is_not():
    assert len(class_names.read_class_names("\n".join(map(str, range(10_000)))).names) == 10_000
    with pytest.raises(WordlistError, match="10,001 class names are too many"):
        class_names.read_class_names("\n".join(map(str, range(10_001))))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no class name yet"),
        ("\n \n\t\n", "no class name yet"),
        ("x" * 10_240, "10,240 characters"),
        (",,,", "yet"),
        ("y" * 200_000, "field"),
    ],
)
def test_what_is_no_list_of_names_is_one_sentence(text, said):
    with pytest.raises(WordlistError, match=said):
        class_names.read_class_names(text)


def test_templates_hold_one_place_for_the_name():
    assert class_names.templates(" a {} \n\nthe {}\na {}\n") == ("a {}", "the {}")
    for text, said in (
        ("a photo", "needs {}"),
        ("{} and {}", "needs {}"),
        ("x" * 10_240 + "{}", "10,242"),
        ("", "yet"),
    ):
        with pytest.raises(WordlistError, match=said):
            class_names.templates(text)


def test_names_go_into_templates_as_they_are():
    assert class_names.prompts(["{}", "{0.__class__}"], ["a {} {x}"]) == [["a {} {x}"], ["a {0.__class__} {x}"]]
    with pytest.raises(WordlistError, match="110,000 prompts"):
        class_names.prompts(["a"] * 10_000, ["{}"] * 11)


@given(st.text(max_size=300))
def test_any_text_is_names_or_one_sentence(text):
    try:
        found = class_names.read_class_names(text).names
        assert found and all(name.strip() for name in found)
        assert len({name.casefold() for name in found}) == len(found)
    except WordlistError as error:
        assert str(error).endswith(".")
