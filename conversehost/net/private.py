"""Files that only their owner can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """A file which is there as a whole or not at all. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with open(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
