"""``python -m nestml_core.gallery docs/models [NAME...]``."""

from __future__ import annotations

import sys
from pathlib import Path

from nestml_core.files import whole_file
from nestml_core.gallery import page, picture_of, pictures
from nestml_core.library import library_models
from nestml_core.progress import tracked


def main(arguments: list[str]) -> int:
    """Write pictures and page; take away pictures of models that are gone."""
    if not arguments:
        sys.stderr.write("usage: python -m nestml_core.gallery FOLDER [NAME...]\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    names = [p.stem for p in library_models()]
    unknown = [n for n in arguments[1:] if n not in names]
    if unknown:
        sys.stderr.write(f"no shipped model is called {', '.join(unknown)}\n")
        return 2
    for gone in set(pictures(folder)).difference(names):
        (folder / f"{gone}.png").unlink()
    for name in tracked(arguments[1:] or names, "pictures", wanted=True):
        with whole_file(folder / f"{name}.png") as path:
            path.write_bytes(picture_of(name))
    with whole_file(folder.with_suffix(".md")) as path:
        path.write_text(page(folder.name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
