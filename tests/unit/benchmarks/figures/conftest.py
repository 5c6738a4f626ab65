"""A small checkout, before everything imports under one name and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figures.checkout import Checkout

FILES = {
    "router/__init__.py": "",
    "router/job.py": "class Job: ...\n",
    "router/catalog.py": "from {router}.job import Job\nfrom .strategies.chain import Chain\n",
    "router/strategies/__init__.py": "from .chain import Chain\n",
    "router/strategies/chain.py": "def late():\n    from ..catalog import Job\nclass Chain:\n    class Job: ...\n",
    "router/lua/settle.lua": "local function hear(told, result)\n  local said, other = 1, 2\nend\n",
    "workers/__init__.py": "import {router}.catalog\n",
    "workers/telling.py": "class Job: ...\n\ndef publish(text, on_told=None): text.said = 1\n",
    "producer/__init__.py": "",
    "pointsman/__init__.py": "",
    "pointsman/up.py": "import {router}.job\nfrom . import parts\n",
    "pointsman/parts.py": "def storytell(soothsayer): ...\n",
}


@pytest.fixture(params=["router", "pointsman.router"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Checkout:
    """The checkout, with the name under which it imports its router."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("{router}", request.param))
    if request.param == "pointsman.router":
        for package in ("router", "workers", "producer"):
            (tmp_path / "pointsman" / package).symlink_to(Path("..", package))
    return Checkout(tmp_path)
