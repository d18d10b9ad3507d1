"""Writing a wheel so that equal content means equal bytes."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipInfo

from wheel.wheelfile import WheelFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NATIVE_SUFFIXES = (".so", ".pyd", ".dylib")


def write_wheel(path: Path, files: Mapping[str, bytes], epoch: int) -> str:
    """Write ``files`` as the wheel ``path`` and return its name; RECORD is added by the wheel library.

    Order, dates and permissions depend on nothing but the arguments. ``.dist-info`` comes last, as PEP 427 asks.
    """
    # The library dates RECORD itself: by this variable, or by the clock.
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    with WheelFile(path, "w") as archive:
        for name in sorted(files, key=lambda name: (".dist-info/" in name, name)):
            entry = ZipInfo(name, date_time=time.gmtime(epoch)[:6])
            entry.compress_type = ZIP_DEFLATED
            entry.create_system = 3  # Unix, also when built on Windows
            mode = 0o755 if name.endswith(NATIVE_SUFFIXES) else 0o644
            entry.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(entry, files[name])
    return path.name
