"""Prints an .env made from .env.example with a fresh secret wherever one is empty. Needs nothing but Python."""

from __future__ import annotations

import base64
import re
import secrets
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent.parent / ".env.example"
EMPTY = re.compile(r"^([A-Z_]+)=$", re.MULTILINE)


def new_env(example: str) -> str:
    """The text of the example with every empty value filled in."""
    return EMPTY.sub(lambda line: f"{line[1]}={fresh_secret(line[1])}", example)


def fresh_secret(name: str) -> str:
    if "SIGNING" in name:
        return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    return secrets.token_urlsafe(48)


if __name__ == "__main__":
    sys.stdout.write(new_env(EXAMPLE.read_text()))
