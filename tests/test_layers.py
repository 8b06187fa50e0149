"""The dependency direction of the design: a module may import only what its layer allows."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TORCH_SIDE = {"torch", "numpy", "PIL", "transformers", "safetensors", "tokenizers", "sentencepiece", "scipy"}

# What each layer of sd35graph may import of sd35graph, by prefix; longest prefix of the importing module wins.
ALLOWED = {
    "sd35graph.graph": {"sd35graph.graph"},
    "sd35graph.interruption": set(),
    "sd35graph.engine": {"sd35graph.engine", "sd35graph.graph", "sd35graph.settings"},
    "sd35graph.engine.execution": {
        "sd35graph.engine.execution",
        "sd35graph.engine.events",
        "sd35graph.graph",
        "sd35graph.interruption",
    },
    "sd35graph.engine.storage": {
        "sd35graph.engine.storage",
        "sd35graph.engine.events",
        "sd35graph.engine.jobs",
        "sd35graph.graph",
    },
    "sd35graph.engine.workers.worker": {
        "sd35graph.engine",
        "sd35graph.graph",
        "sd35graph.logs",
        "sd35graph.packs",
        "sd35graph.settings",
    },
    "sd35graph.server": {
        "sd35graph.server",
        "sd35graph.engine",
        "sd35graph.graph",
        "sd35graph.settings",
        "sd35graph.tokens",
        "sd35graph.logs",
    },
    "sd35graph.values": set(),
    "sd35graph.models": {"sd35graph.interruption", "sd35graph.models", "sd35graph.values"},
    "sd35graph.sampling": {"sd35graph.sampling", "sd35graph.values"},
    "sd35graph.packs": {"sd35graph.graph", "sd35graph.ports"},
    "sd35graph.settings": {"sd35graph.tokens"},
    "sd35graph.tokens": set(),
    "sd35graph.logs": set(),
    "sd35graph.ports": {"sd35graph.graph", "sd35graph.models", "sd35graph.values"},
    "sd35graph_nodes": {
        "sd35graph_nodes",
        "sd35graph.models",
        "sd35graph.sampling",
        "sd35graph.values",
        "sd35graph.graph.context",
        "sd35graph.graph.prompt_length",
    },
}
TORCH_FREE = ("sd35graph.graph", "sd35graph.engine", "sd35graph.server", "sd35graph.settings", "sd35graph.packs")
# Pillow makes previews and channels for /view; the module is imported only when a client asks for one.
PILLOW_MODULE = "sd35graph.server.pictures"


def _modules() -> list[tuple[str, Path]]:
    found = []
    for base, package in ((ROOT, "sd35graph"), (ROOT / "nodes", "sd35graph_nodes")):
        for path in sorted((base / package).rglob("*.py")):
            name = ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
            found.append((name, path))
    return found


def _imports(path: Path) -> list[str]:
    """The modules imported anywhere in the file, those for type checkers left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found: list[str] = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
    return found


def _starts(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize(("name", "path"), _modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_module_imports_only_what_its_layer_allows(name: str, path: Path) -> None:
    layer = max((prefix for prefix in ALLOWED if _starts(name, prefix)), key=len, default=None)
    for imported in _imports(path):
        root = imported.partition(".")[0]
        if layer and root in ("sd35graph", "sd35graph_nodes") and imported != "sd35graph":
            assert any(_starts(imported, prefix) for prefix in ALLOWED[layer]), f"{name} imports {imported}"
        if any(_starts(name, prefix) for prefix in TORCH_FREE) and root in TORCH_SIDE:
            is_pillow = name == PILLOW_MODULE and root == "PIL"
            assert is_pillow, f"{name} imports {imported}, but its layer is free of torch"
        assert root != "sd35graph_nodes" or name.startswith("sd35graph_nodes"), f"{name} names the built-in pack"


@pytest.mark.parametrize("module", ["sd35graph", "sd35graph.cli", "sd35graph.serving", "sd35graph.server.api"])
def test_api_process_modules_load_without_torch(module: str) -> None:
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {TORCH_SIDE!r}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"
