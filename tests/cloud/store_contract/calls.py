"""Which methods of a store some source code calls: on whatever is named `store`, as all tests of the contract do."""

from __future__ import annotations

import ast


def called(source: str) -> set[str]:
    """Return the names of the methods that tests in this source call on a store.

    What no test runs does not count, and nor does a mere mention.
    """
    found: set[str] = set()
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_run(node, tree):
            continue
        found |= {
            each.func.attr
            for each in ast.walk(node)
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and _is_store(each.func.value)
        }
    return found


def _is_store(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "store"


def _is_run(function: ast.FunctionDef | ast.AsyncFunctionDef, tree: ast.Module) -> bool:
    """Tell whether this is a test, or something that another function here names."""
    return function.name.startswith("test_") or any(
        isinstance(each, ast.Name) and each.id == function.name
        for node in tree.body
        if node is not function
        for each in ast.walk(node)
    )
