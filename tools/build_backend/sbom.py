"""The wheel's bill of materials (CycloneDX), without what differs between two builds of one commit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def normalise(document: bytes, root: Path) -> bytes:
    """Return the document without its random id and clock, and with local crates named relative to the tree.

    Nothing is lost: the specification makes both fields optional, and the wheel's own date is the commit's.
    """
    bom = json.loads(document)
    bom.pop("serialNumber", None)
    bom.get("metadata", {}).pop("timestamp", None)
    # cargo writes the folder as a URL, of the path it was given or of the one behind symbolic links.
    bases = sorted({root.absolute().as_uri(), root.resolve().as_uri()}, key=len, reverse=True)
    text = json.dumps(relative(bom, bases), indent=2, ensure_ascii=False) + "\n"
    if "file:///" in text:
        raise SystemExit("error: the SBOM names a folder outside the source tree; is a crate patched by path?")
    return text.encode()


def relative(value: Any, bases: list[str]) -> Any:
    """Replace the URL of the tree in every string below ``value``."""
    if isinstance(value, dict):
        return {key: relative(item, bases) for key, item in value.items()}
    if isinstance(value, list):
        return [relative(item, bases) for item in value]
    if isinstance(value, str):
        for base in bases:
            value = value.replace(f"{base}/", "file://./")
    return value
