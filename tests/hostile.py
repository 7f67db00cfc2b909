"""Hostile, broken and odd picture files, made on the fly: what each is called, its bytes, and what must come of it."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, PngImagePlugin

RED = (220, 30, 30)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def red(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    return Image.new("RGB", size, RED).convert(mode)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int) -> bytes:
    """A few bytes that say they are a picture of any size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + data + png_chunk(b"IEND", b"")


def bmp_claiming(width: int, height: int) -> bytes:
    """The same as a BMP."""
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, width, height, 1, 24, *[0] * 6)


def with_exif(orientation: int, extra: bytes = b"") -> bytes:
    """A JPEG whose left half is red and right half blue, as its EXIF says to turn it."""
    image = Image.new("RGB", (40, 20), (30, 30, 220))
    image.paste(RED, (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if extra:
        exif[0x9286] = extra
    return encoded(image, "JPEG", exif=exif, quality=95, subsampling=0)


def frames(kind: str) -> bytes:
    others = [Image.new("RGB", (40, 20), (0, 0, 255)) for _ in range(3)]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    return encoded(red(), kind, save_all=True, append_images=others, **lossless)


def text_bomb() -> bytes:
    """A PNG whose comment unpacks to 200 MB."""
    plain = encoded(red(), "PNG")
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 200_000_000, 9))
    return plain[:33] + bomb + plain[33:]


def long_text() -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "x" * 100_000)
    return encoded(red(), "PNG", pnginfo=notes)


def refused() -> dict[str, tuple[bytes, str]]:
    """Name → bytes, and words that the sentence must hold."""
    png, jpeg = encoded(red(), "PNG"), encoded(red(size=(400, 300)), "JPEG")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8))
    webp, tiff, gif = encoded(noise, "WEBP"), encoded(noise, "TIFF"), encoded(noise, "GIF")
    return {
        "empty.png": (b"", "empty"),
        "eight-bytes.png": (png[:8], "damaged or cut off"),
        "cut.png": (encoded(noise, "PNG")[:900], "damaged or cut off"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "damaged or cut off"),
        "cut.webp": (webp[: len(webp) // 2], "damaged or cut off"),
        "cut.tiff": (tiff[: len(tiff) // 2], "damaged or cut off"),
        "cut.gif": (gif[:20], "damaged or cut off"),
        "only-a-mark.jpg": (b"\xff\xd8\xff\xe0", "damaged or cut off"),
        "bad-checksum.png": (png[:45] + bytes([png[45] ^ 255]) + png[46:], "damaged or cut off"),
        "bomb.png": (png_claiming(60_000, 60_000), "million pixels"),
        "large.png": (png_claiming(9_000, 9_000), "9,000 × 9,000"),
        "thread.png": (png_claiming(50_000, 1), "50,000 × 1"),
        "thread.jpg": (encoded(red(size=(50_000, 1)), "JPEG"), "50,000 × 1"),
        "nothing-wide.png": (png_claiming(0, 10), "damaged or cut off"),
        "largest.bmp": (
            b"BM" + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 2**31 - 1, 9, 1, 24, *[0] * 6),
            "pixels",
        ),
        "not downloaded.jpg": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        "drawing.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        "drawing.png": (b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg onload="alert(1)"/>', "an SVG drawing"),
        "page.png": (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        "page.jpg": (b"\n\n<html><script>alert(1)</script>", "a web page"),
        "paper.pdf": (b"%PDF-1.7\n%...", "a PDF"),
        "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a PostScript file"),
        "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo"),
        "clip.mp4": (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "a video"),
        "layers.psd": (b"8BPS\0\1" + b"\0" * 20, "a Photoshop file"),
        "pictures.png": (b"PK\x03\x04" + b"\0" * 40, "a zip file"),
        "notes.txt": (b"a line of text", "not a picture"),
        "noise.jpg": (bytes(range(7, 200)) * 9, "not a picture"),
        "../../etc/passwd": (b"root:x:0:0:root", "not a picture"),
        "new\nline\x1b[31m.png": (b"", "new�line�[31m.png"),
        f"{'long' * 200}.png": (b"", "…"),
        "surrogate-\udcff.png": (b"", "surrogate-"),
        "heavy.png": (b"\x89PNG" + b"\0" * (64 * 2**20), "larger than 64 MB"),
    }


def handled() -> dict[str, tuple[bytes, tuple[int, int], tuple[int, int, int], str]]:
    """Name → bytes, expected (height, width), colour of the top left, and words that a note must hold ("" for none)."""
    grey, shape = (82, 82, 82), (20, 40)
    see_through = Image.new("RGBA", (40, 20), (220, 30, 30, 0))
    palette = red("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    deep = Image.fromarray(np.full((20, 40), 82 * 257, np.uint16))
    twelve = Image.fromarray(np.full((20, 40), 82 * 16, np.uint16))
    holes = Image.fromarray(np.where(np.arange(800) % 2, np.float32(np.nan), np.float32(7)).reshape(20, 40))
    holes.putpixel((1, 0), 9.0)
    floats = Image.fromarray(np.linspace(0.5, 0, 800, dtype=np.float32).reshape(20, 40))
    ink = Image.new("CMYK", (40, 20), (0, 255, 255, 0))
    return {
        "plain.png": (encoded(red(), "PNG"), shape, RED, ""),
        "a jpeg called.png": (encoded(red(), "JPEG", quality=95, subsampling=0), shape, RED, ""),
        "no extension": (encoded(red(), "WEBP", lossless=True), shape, RED, ""),
        "plain.bmp": (encoded(red(), "BMP"), shape, RED, ""),
        "plain.tiff": (encoded(red(), "TIFF"), shape, RED, ""),
        "grey.png": (encoded(red("L"), "PNG"), shape, grey, ""),
        "black and white.png": (encoded(Image.new("1", (40, 20), 1), "PNG"), shape, (255, 255, 255), ""),
        "palette.gif": (encoded(red().quantize(4), "GIF"), shape, RED, ""),
        "see-through.png": (encoded(see_through, "PNG"), shape, (255, 255, 255), "on white"),
        "see-through.webp": (encoded(see_through, "WEBP", lossless=True), shape, (255, 255, 255), "on white"),
        "see-through palette.png": (encoded(palette, "PNG"), shape, (255, 255, 255), "on white"),
        "opaque alpha.png": (encoded(red("RGBA"), "PNG"), shape, RED, ""),
        "ink.jpg": (encoded(ink, "JPEG", quality=95), shape, (255, 0, 0), "CMYK"),
        "ink.tiff": (encoded(ink, "TIFF"), shape, (255, 0, 0), "CMYK"),
        "deep.png": (encoded(deep, "PNG"), shape, grey, "16 bits"),
        "deep.tiff": (encoded(deep, "TIFF"), shape, grey, "16 bits"),
        "twelve.tiff": (encoded(twelve, "TIFF"), shape, grey, "12 bits"),
        "holes.tiff": (encoded(holes, "TIFF"), shape, (0, 0, 0), "stretched"),
        "floating.tiff": (encoded(floats, "TIFF"), shape, (255, 255, 255), "stretched"),
        "moving.gif": (frames("GIF"), shape, RED, "first frame"),
        "moving.webp": (frames("WEBP"), shape, RED, "first frame"),
        "moving.png": (frames("PNG"), shape, RED, "first frame"),
        "pages.tiff": (frames("TIFF"), shape, RED, "first page"),
        "lying.jpg": (with_exif(6), (40, 20), RED, "upright"),
        "upside down.jpg": (with_exif(3), shape, (30, 30, 220), "upright"),
        "mirrored.jpg": (with_exif(2), shape, (30, 30, 220), "upright"),
        "odd orientation.jpg": (with_exif(77), shape, RED, ""),
        "huge exif.jpg": (with_exif(3, b"x" * 65_000), shape, (30, 30, 220), "upright"),
        "broken exif.png": (_broken_exif(), shape, RED, ""),
        "huge exif.webp": (encoded(red(), "WEBP", lossless=True, exif=b"Exif\0\0" + b"y" * 5_000_000), shape, RED, ""),
        "talkative.png": (long_text(), shape, RED, ""),
        "text bomb.png": (text_bomb(), shape, RED, ""),
        "one pixel.png": (encoded(red(size=(1, 1)), "PNG"), (1, 1), RED, ""),
        "rubbish after.png": (encoded(red(), "PNG") + b"<script>" * 1000, shape, RED, ""),
        "naïve 猫 🐈.png": (encoded(red(), "PNG"), shape, RED, ""),
    }


def _broken_exif() -> bytes:
    plain = encoded(red(), "PNG")
    return plain[:33] + png_chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff") + plain[33:]
