"""Anybody's pictures under any class names."""

from core.classify import class_names
from core.classify.album import Album, picture, take_in
from core.classify.class_lists import file_text
from core.classify.class_names import TEMPLATES
from core.classify.classifier import Classifier, classifier, classify, usual_templates
from core.classify.decode import IntakeError, decode_picture, shown
from core.classify.rankings import Result
from core.classify.snippet import snippet
from core.classify.uploads import Incoming, from_folder, from_path, from_zip, gather

__all__ = [
    "TEMPLATES",
    "Album",
    "Classifier",
    "Incoming",
    "IntakeError",
    "Result",
    "class_names",
    "classifier",
    "classify",
    "decode_picture",
    "file_text",
    "from_folder",
    "from_path",
    "from_zip",
    "gather",
    "picture",
    "shown",
    "snippet",
    "take_in",
    "usual_templates",
]
