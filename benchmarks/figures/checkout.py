"""The files and imports of a checkout, whether its packages import as `router` or as `pointsman.router`."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGES = ("router", "workers", "producer", "pointsman")


@dataclass(frozen=True)
class Module:
    """One Python file: `parts` is its import name without a leading `pointsman` that only stands for a link."""

    path: Path
    parts: tuple[str, ...]

    @property
    def is_package(self) -> bool:
        """Whether the file is a folder's `__init__`."""
        return self.path.name == "__init__.py"

    @cached_property
    def text(self) -> str:
        """The source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)


class Checkout:
    """A folder that holds the four packages."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.modules = {module.parts: module for package in PACKAGES for module in self._modules(package)}

    def folder(self, package: str) -> Path:
        """Return where a package's files really are; raises FileNotFoundError where the checkout has none."""
        for folder in (self.root / package, self.root / "pointsman" / package):
            if folder.is_dir():
                return folder.resolve()
        raise FileNotFoundError(f"{self.root} has no package {package}")

    def files(self, package: str, suffix: str) -> list[Path]:
        """Return a package's files of one kind; links are not followed, another package inside is not its part."""
        top = self.folder(package)
        found: list[Path] = []
        for folder, names, files in os.walk(top):
            inner = PACKAGES if Path(folder) == top else ()
            names[:] = sorted(name for name in names if name not in (*inner, "__pycache__"))
            found += [Path(folder, name) for name in sorted(files) if name.endswith(suffix)]
        return found

    def _modules(self, package: str) -> Iterator[Module]:
        top = self.folder(package)
        for path in self.files(package, ".py"):
            parts = (package, *path.relative_to(top).with_suffix("").parts)
            yield Module(path, parts[:-1] if path.name == "__init__.py" else parts)

    def of(self, package: str) -> list[Module]:
        """Return a package's modules."""
        return [module for parts, module in self.modules.items() if parts[0] == package]

    def imports(self, module: Module) -> set[tuple[str, ...]]:
        """Return the modules of the four packages that one imports, wherever in it the import stands."""
        targets = {
            self._known(target)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for target in _targets(node, module)
        }
        return {target for target in targets if target is not None} - {module.parts}

    def _known(self, name: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the module that a name is, or that it stands in."""
        short = name[1:] if name[0] == "pointsman" and name[1:2] and name[1] in PACKAGES[:-1] else name
        return next((known for known in (short, short[:-1]) if known in self.modules), None)


def _targets(node: ast.Import | ast.ImportFrom, module: Module) -> list[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        return [tuple(alias.name.split(".")) for alias in node.names]
    base = tuple(node.module.split(".")) if node.module else ()
    if node.level:
        here = module.parts if module.is_package else module.parts[:-1]
        base = (*here[: len(here) - node.level + 1], *base)
    return [(*base, alias.name) for alias in node.names]
