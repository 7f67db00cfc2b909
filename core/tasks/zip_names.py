"""What the files in a zip are called, whoever packed it: UTF-8 and Shift-JIS are known without the flag."""

from __future__ import annotations

import unicodedata
import zipfile

_UTF8_FLAG = 0x800  # APPNOTE 4.4.4, bit 11
_EAST = ("CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "HALFWIDTH", "IDEOGRAPHIC")


def zip_names(archive: zipfile.ZipFile) -> tuple[dict[str, str], str]:
    """The name for people of every member, by its name in the archive, and a sentence if some cannot be known."""
    raw = {
        i.filename: i.filename.encode("cp437") for i in archive.infolist() if not i.flag_bits & _UTF8_FLAG and _old(i)
    }
    odd = {name: data for name, data in raw.items() if not data.isascii()}
    names = {info.filename: info.filename for info in archive.infolist()}
    if not odd:
        return names, ""
    for encoding in ("utf-8", "cp932"):
        try:
            found = {name: data.decode(encoding) for name, data in odd.items()}
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or all(map(_eastern, found.values())):
            return names | found, ""
    return names, (
        f"The names of {len(odd):,} files in the zip are in no encoding that it tells, and may be garbled, such as "
        f"{next(iter(odd))!r}; pack it again with names in UTF-8."
    )


def _old(info: zipfile.ZipInfo) -> bool:
    try:
        info.filename.encode("cp437")
    except UnicodeEncodeError:
        return False
    return True


def _eastern(text: str) -> bool:
    """Whether all that is not ASCII is East Asian, and stands beside no Latin letter, as it does in misread names."""
    east = [not c.isascii() and unicodedata.name(c, "").startswith(_EAST) for c in text]
    beside = any((a and d.isalpha()) or (b and c.isalpha()) for a, b, c, d in _pairs(east, text))
    return all(e or c.isascii() for e, c in zip(east, text, strict=True)) and not beside


def _pairs(east: list[bool], text: str) -> list[tuple[bool, bool, str, str]]:
    """Of every two neighbours: whether only the first, or only the second, is East Asian, and both."""
    near = zip(east, east[1:], text, text[1:], strict=False)
    return [(a and not b, b and not a, c, d) for a, b, c, d in near]
