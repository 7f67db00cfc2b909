"""What the files in a zip are called, whoever packed it: names in UTF-8 or Shift-JIS are read as such without the flag."""

from __future__ import annotations

import unicodedata
import zipfile

_UTF8_FLAG = 0x800  # APPNOTE 4.4.4, bit 11
_EAST = ("CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "HALFWIDTH", "IDEOGRAPHIC")


def zip_names(archive: zipfile.ZipFile) -> tuple[dict[str, str], str]:
    """The name for people of every member, by its name in the archive, and a sentence if some cannot be known."""
    raw = {i.filename: i.filename.encode("cp437") for i in archive.infolist() if not i.flag_bits & _UTF8_FLAG and _old(i)}
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
    return all(c.isascii() or unicodedata.name(c, "").startswith(_EAST) for c in text)
