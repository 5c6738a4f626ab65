"""The steps of `make release`: python -m release --check, and after the tests python -m release."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .artifacts import Broken, build, try_wheel
from .ready import NotReady, find_release, make_tag

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Release the checkout: status 0 when it is tagged, 2 when it is not ready, 1 when what was built is broken."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the checkout is ready")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout; default: this one")
    given = parser.parse_args()
    try:
        return _release(given.root, only_check=given.check)
    except NotReady as error:
        _say("not ready to release:", *(f"  - {reason}" for reason in error.reasons))
        return 2
    except Broken as error:
        _say(f"no tag was made: {error}")
        return 1


def _release(root: Path, *, only_check: bool) -> int:
    release = find_release(root)
    if only_check:
        _say(f"{release.version} is ready to be built and tagged")
        return 0
    wheel = build(root, release.version)
    _say(f"built {wheel.name} and its sdist; trying the wheel in an empty folder")
    try_wheel(wheel, release.version)
    make_tag(root, find_release(root))  # once more: the build must not have changed the tree
    _say(f"tagged {release.tag}. To publish it: git push origin {release.tag}")
    return 0


def _say(*lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
