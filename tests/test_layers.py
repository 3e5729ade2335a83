"""The layers of docs/architecture.md: a module imports its own layer and what stands to the left, nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "conversehost"
GROUND = {"", "clock", "collected", "errors", "turn", "voice"}  # "" is the package itself: its version
# Left to right. Layers of one column don't know one another. (The store stands before auth: accounts are data.)
COLUMNS = [
    GROUND,
    {"draining", "xmpp"},
    {"kinds", "punjab"},
    {"options", "store"},
    {"loading"},
    {"auth", "bosh", "upstream"},
    {"federation"},
    {"server"},
    {"features"},
    {"net"},
    {"web"},
    {"testbed"},
    {"back_ends", "shared_roster", "token_logins"},
    {"logins", "upstreams"},
    {"domains", "ready", "upstream_sessions"},
    {"federated", "house", "single_sessions"},
    {"service"},
    {"console", "play", "token_command", "usage"},
    {"launch"},
    {"embedded"},
    {"__main__"},
]
TOWERS = {"client": GROUND | {"xmpp"}, "testing": {""}}  # beside the row
VISITORS = {
    "play": {"client"},
    "upstream_sessions": {"client"},
    "testing": {"embedded"},
    "__main__": {"testing"},
}  # who goes to another building
WITH_TWISTED = {"net", "web", "testbed", "service", "console", "launch", "embedded", "__main__"}
# Single files that have to do with reactors.
ADAPTERS = {
    *("client.deferred", "collected", "play.memory"),
    *("testing.deferring", "testing.deferredbed", "testing.inside"),
}


def modules() -> Iterator[tuple[str, list[str]]]:
    """Every module, without the leading `conversehost.`, and the names that it imports, wherever in the file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        imported: list[str] = []
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: write the whole name of what is imported"
                imported += [f"{node.module}.{alias.name}" for alias in node.names]
        yield ".".join(part for part in parts if part != "__init__"), imported


def layer(name: str) -> str:
    """The first part, if it is a module of its own: `conversehost.__version__` is of the package itself."""
    first = name.partition(".")[0]
    return first if (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").exists() else ""


def allowed(own: str) -> set[str]:
    if own in TOWERS:
        return TOWERS[own] | {own} | VISITORS.get(own, set())
    column = next(index for index, names in enumerate(COLUMNS) if own in names)
    return set().union(*COLUMNS[:column], {own}, {""}, VISITORS.get(own, set()))


def test_a_module_imports_what_stands_to_its_left():
    for module, imported in modules():
        ours = {layer(name.removeprefix("conversehost.")) for name in imported if name.startswith("conversehost")}
        assert ours <= allowed(layer(module)), f"{module} imports {ours - allowed(layer(module))}"


def test_twisted_is_where_the_network_is():
    for module, imported in modules():
        if layer(module) not in WITH_TWISTED and module not in ADAPTERS:
            found = [name for name in imported if name.partition(".")[0] in ("twisted", "zope", "wokkel")]
            assert not found, f"{module} imports {found}"


def test_one_file_knows_wokkel():
    found = [module for module, imported in modules() if any(name.split(".")[0] == "wokkel" for name in imported)]
    assert found == ["net.handlers"]


def test_features_do_not_import_one_another():
    for module, imported in modules():
        parts = module.split(".")
        if parts[0] == "features" and len(parts) > 1:
            others = {name.split(".")[2] for name in imported if name.startswith("conversehost.features.")}
            assert others <= {"xep", parts[1]}, f"{module} imports {others}"
