"""The ways in which a file comes to have another content: written in place, replaced as editors do, or by Kubernetes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Change = Callable[[Path, str], None]


def write_in_place(path: Path, text: str) -> None:
    path.write_text(text)


def rename_over(path: Path, text: str) -> None:
    """Write another file, and rename it to this one."""
    other = path.with_name("other")
    other.write_text(text)
    other.replace(path)


def swap_data(path: Path, text: str) -> None:
    """Mount a ConfigMap's next version: `gateway.yaml` → `..data/gateway.yaml`, and `..data` leads elsewhere by now."""
    folder = path.parent
    version = folder / f"..{len(list(folder.iterdir()))}"
    version.mkdir()
    (version / path.name).write_text(text)
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").rename(folder / "..data")
    if not path.is_symlink():
        path.symlink_to(Path("..data") / path.name)


CHANGES: tuple[Change, ...] = (write_in_place, rename_over, swap_data)
