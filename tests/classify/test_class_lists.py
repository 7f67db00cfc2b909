"""Lists of class names as tools write them: read rightly, or refused with a word; never rubbish."""

from __future__ import annotations

import json

import pytest

from core import PaletteError
from core.classify import class_names, file_text
from core.classify.class_names import read_class_names

LISTS = {
    "json": '["cat", "dog"]',
    "id to name": '{"1": "dog", "0": "cat"}',
    "name to id": '{"dog": 1, "cat": 0}',
    "config": json.dumps(
        {"architectures": ["X"], "id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 0, "dog": 1}}
    ),
    "keras": '{"0": ["n02123045", "cat"], "1": ["n02084071", "dog"]}',
    "python list": "['cat', 'dog']",
    "yaml": "- cat\n- 'dog'\n",
    "yaml with a key": "names:\n  - cat\n  - dog\n",
    "yaml by number": "names:\n  0: cat\n  1: dog\n",
    "ultralytics": "path: ../data\ntrain: images\nnc: 2\nnames: ['cat', 'dog']\n",
    "numbered": "1. cat\n2. dog\n",
    "from zero": "0: cat\n1: dog\n",
    "bare numbers": "0 cat\n1 dog\n",
    "wordnet": "n02123045 cat\nn02084071 dog\n",
    "plain": "cat\ndog\n",
    "comments in yaml": "# my pets\n- cat\n- dog\n",
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_forms_and_encodings_are_understood(tmp_path, name, encoding):
    (tmp_path / "names").write_bytes(LISTS[name].encode(encoding))
    text = file_text(tmp_path / "names")
    assert read_class_names(text).names == read_class_names(text, keep_all=True).names == ("cat", "dog")


@pytest.mark.parametrize("text", ["7 up\n7 dwarfs", "1 euro\n2 euro\n5 euro", "12\n13", "a: b\nc: d", "- x, y"])
def test_names_that_only_look_like_a_form_stay_names(text):
    assert read_class_names(text).names


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"imagenet_classnames = ['tench',\n 'goldfish']", "program code"),
        (b"import os\nnames = 1", "program code"),
        (b'{"a": {"b": 1}}', "no list of names"),
        (b"[1, 2, 3]", "no list of names"),
        (b'["cat", "dog"', None),
        (b'["cat", ]dog]', "cannot be read"),
        ("Bär\nHund".encode("cp1252"), "not in UTF-8 (line 1)"),
        ("Bär\nHund".encode("utf-16-le"), "UTF-8"),
        (b"\x00\x01\x02", "zero bytes"),
    ],
)
def test_what_is_no_list_is_refused_with_a_word(tmp_path, data, said):
    (tmp_path / "names").write_bytes(data)
    if said is None:
        assert read_class_names(file_text(tmp_path / "names")).names
        return
    with pytest.raises(PaletteError) as error:
        read_class_names(file_text(tmp_path / "names"))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_names_for_labels_are_as_many_as_they_are_and_none_is_blank():
    assert read_class_names("cat\nCat", keep_all=True).names == ("cat", "Cat")
    with pytest.raises(PaletteError, match="Class 2 of 2 has a blank name"):
        read_class_names('["cat", " "]', keep_all=True)
    assert class_names.read_class_names('["cat", ""]').names == ("cat",)
