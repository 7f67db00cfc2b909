"""Keys made of content: one digest for any facts."""

from __future__ import annotations

import hashlib
import json


def digest_of(**facts: object) -> str:
    """Hex SHA-256 of facts written as canonical JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
