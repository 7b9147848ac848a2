"""A digest of the code that a stage runs, for the `params` of its rule.

Snakemake does not see a change in an imported module. Each rule therefore carries the digest of its stage's module
and of every module of the package that it imports, directly or not; when one of them changes, the rule runs again.
Comments, docstrings and layout do not count. Imports are found by reading the source, so nothing is imported here;
an import with a computed name is not seen.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from infodecomp.runs.errors import InputError

# Modules that cannot change a result, so that editing them must not cost hours of estimation. What a stage takes from
# the configuration is in the settings that its rule passes in `params`, defaults included; the package itself only names
# what is public, and the other two only report.
NOT_COUNTED = frozenset({"infodecomp", "infodecomp.config", "infodecomp.runs.progress", "infodecomp.runs.provenance"})
# The one module of the configuration that decides on the way to a result: what `design: auto` stands for.
_DESIGNS = "infodecomp.config.designs"

# The table of methods says how to make a map and how to draw it. Looks count only where something is drawn, so that
# another colour redraws figures but makes no map again.
_TABLE, _LOOKS, _DRAWING = "infodecomp.methods", frozenset({"Style", "OnPage"}), "infodecomp.figures.style"

_ROOT = Path(__file__).resolve().parents[2]


class _Source(NamedTuple):
    digest: str
    without_looks: str
    imports: frozenset[str]


def code_digest(module: str, root: Path | None = None) -> str:
    """16 hex digits that change when the code of `module`, or of a package module it imports, changes.

    `root` is the folder that holds the package (default: where this package lies). Raises InputError if the module
    has no source file there.
    """
    root = root or _ROOT
    if _source_file(root, module) is None:
        raise InputError(f"module {module} has no source file below {root}.")
    sources = _closure(root, module)
    text = "".join(f"{name} {digest}\n" for name, digest in sorted(sources.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _closure(root: Path, module: str) -> dict[str, str]:
    """Digest of each source file that importing `module` runs: name → digest."""
    package = module.partition(".")[0]
    waiting, found = [module], dict[str, _Source]()
    while waiting:
        name = waiting.pop()
        path = _source_file(root, name)
        if name in found or path is None or (_is_left_out(name) and name != module):
            continue
        status = path.stat()
        source = _read_source(path, name, status.st_mtime_ns, status.st_size)
        found[name] = source
        # Importing a.b.c runs a and a.b first.
        parents = {name.rpartition(".")[0]} - {""}
        waiting += [other for other in source.imports | parents if other.partition(".")[0] == package]
    draws = _DRAWING in found
    return {name: source.digest if draws else source.without_looks for name, source in found.items()}


def _is_left_out(name: str) -> bool:
    return name in NOT_COUNTED or (name.startswith("infodecomp.config.") and name != _DESIGNS)


def _source_file(root: Path, module: str) -> Path | None:
    path = root.joinpath(*module.split("."))
    candidates = (path.with_name(path.name + ".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache
def _read_source(path: Path, name: str, mtime_ns: int, size: int) -> _Source:
    """Digest and imports of one file; `mtime_ns` and `size` are there to make the cache notice a changed file."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports = frozenset(_imported_names(tree, name, is_package=path.name == "__init__.py"))
    for node in ast.walk(tree):
        _drop_docstring(node)
    digest = _digest(tree)
    return _Source(digest, _digest(_WithoutLooks().visit(tree)) if name == _TABLE else digest, imports)


def _digest(tree: ast.AST) -> str:
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()


class _WithoutLooks(ast.NodeTransformer):
    """Takes out of a module what it says of looks: calls of the classes that describe them."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in _LOOKS:
            return ast.copy_location(ast.Constant(None), node)
        return self.generic_visit(node)


def _imported_names(tree: ast.Module, name: str, is_package: bool) -> set[str]:
    """Every name an import statement could mean, at any depth; `from a import b` may mean module a.b or a name in a."""
    package = name.split(".") if is_package else name.split(".")[:-1]
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names.update({stem, *(f"{stem}.{alias.name}" for alias in node.names)})
    return names


def _drop_docstring(node: ast.AST) -> None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
        return
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:] or [ast.Pass()]
