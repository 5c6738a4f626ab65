"""Rooms, arrows, floors and circles of imports."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from .checkout import Checkout

Node = TypeVar("Node", bound=Hashable)
Graph = Mapping[Node, Iterable[Node]]


@dataclass(frozen=True)
class Layout:
    """How one package is laid out.

    A room is a folder or a file at the package's root, its `__init__` left out. An arrow leads from a room to
    another one that something in it imports. Floors are the rooms on the longest chain of arrows; rooms that import
    each other all count, or tying more of them together would look better. A circle is a set of files each of which
    leads to each other one by imports, those inside functions too.
    """

    rooms: int
    floors: int
    arrows: int
    circles: int
    files_in_circles: int


def layout(checkout: Checkout, package: str) -> Layout:
    """Measure one package."""
    files = imports(checkout, package)
    rooms: dict[str, set[str]] = {parts[1]: set() for parts in files if len(parts) > 1}
    for source, targets in files.items():
        for target in targets:
            if len(source) > 1 and len(target) > 1 and source[1] != target[1]:
                rooms[source[1]].add(target[1])
    arrows = sum(map(len, rooms.values()))
    return Layout(len(rooms), floors(rooms), arrows, *circles(files))


def imports(checkout: Checkout, *packages: str) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """Return what each module imports, within some packages."""
    return {
        module.parts: {target for target in checkout.imports(module) if target[0] in packages}
        for package in packages
        for module in checkout.of(package)
    }


def circles(graph: Graph[Node]) -> tuple[int, int]:
    """Return how many circles there are, and how many nodes they have together."""
    found = [len(circle) for circle in components(graph) if len(circle) > 1]
    return len(found), sum(found)


def floors(graph: Graph[Node]) -> int:
    """Return how many nodes the longest chain has; a circle counts all of its own."""
    parts = components(graph)
    of = {node: number for number, part in enumerate(parts) for node in part}
    heights: list[int] = []
    for number, part in enumerate(parts):
        below = {of[target] for node in part for target in graph[node]} - {number}
        heights.append(len(part) + max((heights[other] for other in below), default=0))
    return max(heights, default=0)


def components(graph: Graph[Node]) -> list[list[Node]]:
    """Return the strongly connected components, each behind all to which it leads (Tarjan 1972)."""
    number: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    open_nodes: list[Node] = []
    found: list[list[Node]] = []

    def visit(node: Node) -> None:
        number[node] = lowest[node] = len(number)
        open_nodes.append(node)
        for target in graph[node]:
            if target not in number:
                visit(target)
            if target in open_nodes:
                lowest[node] = min(lowest[node], lowest[target])
        if lowest[node] == number[node]:
            at = open_nodes.index(node)
            found.append(open_nodes[at:])
            del open_nodes[at:]

    for node in graph:
        if node not in number:
            visit(node)
    return found
