"""The mini world's tasks: the supported ones, icons in five other looks, typographic attacks, and the scenes'.

Building this list draws nothing; pictures are made when a source is loaded.
"""

from __future__ import annotations

from dataclasses import replace

from core.tasks import Task
from core.world import captions, colours, scenes
from core.world.concepts import CONCEPTS, ICONS
from core.world.drawing.render import Manner, Writing
from core.world.sources import Attacked, Icons, Looks, Tones, Words

LARGE = (("train", 8000), ("val", 1000), ("test", 2000))
USUAL = (("train", 4000), ("val", 500), ("test", 1000))
SHIFTED = (("val", 500), ("test", 1000))  # nothing to train on: these looks are only ever met at test time

# What fine-tuning on `icons` sees: filled and bold drawings of four design families.
SEEN: Looks = (
    ("mdi", "filled"),
    ("fontawesome", "filled"),
    ("phosphor", "filled"),
    ("phosphor", "bold"),
    ("elusive", "filled"),
)
OUTLINES: Looks = (("mdi", "outline"), ("fontawesome", "outline"), ("phosphor", "outline"))
THIN: Looks = (("phosphor", "thin"),)
OTHER_HANDS: Looks = (("remix", "filled"), ("remix", "outline"), ("codicon", "outline"))

USUAL_MANNER = Manner(size=(0.48, 0.92), tilt=22, plain=0.25, pattern=(0.07, 0.35), grain=0.05)

WRITTEN: tuple[str, ...] = CONCEPTS[1::3][:50]


def _icons(name: str, title: str, plays: str, description: str, source: Icons, role: str = "ood") -> Task:
    return Task(name, role, title, description, ICONS, captions.THING_TEMPLATES, source, plays)  # type: ignore[arg-type]


def _shift(seed: int, looks: Looks, manner: Manner = USUAL_MANNER) -> Icons:
    return Icons(seed, SHIFTED, ICONS, looks, manner)


ICONS_TASK = _icons(
    "icons",
    "Icons",
    "ImageNet",
    "A hundred things drawn as filled or bold icons by four design teams, one icon on a coloured ground; a drawing met "
    "in training comes back in the test only where a thing has fewer than three.",
    Icons(101, LARGE, ICONS, SEEN, USUAL_MANNER, apart=True),
    "supported",
)

# One design team's filled icons, small, grainy and on busy grounds: what the ingredients of soups are fine-tuned on, so
# that the five shifts are shifts of its look too. Its splits share glyphs, never pictures.
ONE_TEAM = _icons(
    "icons_team",
    "Icons by one team",
    "ImageNet (what soups are fine-tuned on)",
    "The things of icons as one design team fills them, smaller, grainier and on busier grounds.",
    Icons(
        131,
        (("train", 4000), ("val", 1000), ("test", 2000)),
        ICONS,
        (("mdi", "filled"),),
        Manner(size=(0.35, 0.8), tilt=22, plain=0.15, pattern=(0.1, 0.42), grain=0.08),
    ),
    "supported",
)

COLORS = Task(
    "colors",
    "supported",
    "Colors of icons",
    "Icons of any thing on a ground of another color; the question is the icon's color, and no thing of the test was "
    "met in training.",
    colours.NAMES,
    captions.COLOUR_TEMPLATES,
    Tones(102, USUAL, "icon", SEEN, Manner()),
    "CIFAR-10",
)

BACKGROUNDS = Task(
    "backgrounds",
    "supported",
    "Colors of backgrounds",
    "The same kind of pictures as in colors, but the question is the color of the patterned ground.",
    colours.NAMES,
    captions.GROUND_TEMPLATES,
    Tones(103, USUAL, "ground", SEEN, Manner()),
    "STL-10",
)

WORDS = Task(
    "words",
    "supported",
    "Written words",
    "One of fifty words, lettered in twelve ways on a patterned ground.",
    WRITTEN,
    captions.WORD_TEMPLATES,
    Words(104, USUAL, WRITTEN, Writing(height=(10, 24), plate=0.25, tilt=10)),
    "Food101",
)

SHIFTS: tuple[Task, ...] = (
    _icons(
        "icons_outline",
        "Icons in outline",
        "ImageNet-Sketch",
        "The things of icons, drawn by three of the design teams in outline only.",
        _shift(111, OUTLINES),
    ),
    _icons(
        "icons_thin",
        "Icons in thin lines",
        "ImageNet-R",
        "The things of icons in Phosphor's thin and light weights (89 of the 100 are drawn so).",
        _shift(112, THIN),
    ),
    _icons(
        "icons_family",
        "Icons by other hands",
        "ImageNetV2",
        "The things of icons as the teams of Remix and Codicons draw them.",
        _shift(113, OTHER_HANDS),
    ),
    _icons(
        "icons_cluttered",
        "Icons in clutter",
        "ObjectNet",
        "Icons with six smaller ones strewn around and behind them, in colors near the ground's.",
        _shift(114, SEEN, replace(USUAL_MANNER, clutter=6, plain=0.0)),
    ),
    _icons(
        "icons_pose",
        "Icons in odd poses",
        "ImageNet-A",
        "Icons turned up to half way round, sheared, and partly out of the picture.",
        _shift(115, SEEN, replace(USUAL_MANNER, tilt=120, shear=0.25, wander=1.6)),
    ),
)

_ATTACKED = Attacked(
    121,
    USUAL,
    ICONS,
    SEEN,
    60,
    ("plain", "bold", "title", "slanted", "terminal", "terminal slanted"),
    ("bold capitals", "rounded"),
    Writing(height=(9, 18), where=(0.15, 0.85), plate=0.0),
    Writing(height=(11, 16), where=(0.6, 0.9), plate=1.0, tilt=3),
    Manner(size=(0.55, 0.9)),
)

TYPOGRAPHIC = Task(
    "typographic",
    "attack",
    "Typographic attacks",
    "Icons with the name of another thing written on them; training and test share no thing, no lettering and no place "
    "of the word: small letters straight on the picture in training, capitals on a plate low down in the test.",
    ICONS,
    captions.THING_TEMPLATES,
    _ATTACKED,
    "real-world typographic attacks",
)

# The same pictures as TYPOGRAPHIC's with nothing written: to know what was right without the word.
UNATTACKED = replace(
    TYPOGRAPHIC,
    name="typographic_clean",
    title="Typographic attacks, before the word",
    description="The pictures of the typographic attacks with nothing written on them.",
    source=_ATTACKED.without_words(),
)


TASKS: tuple[Task, ...] = (
    ICONS_TASK,
    COLORS,
    BACKGROUNDS,
    WORDS,
    ONE_TEAM,
    *scenes.TASKS,
    *SHIFTS,
    TYPOGRAPHIC,
    UNATTACKED,
)
