"""Hook implementations, read without being called: names, marks and arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from onediff_plugins import hookspecs
from onediff_plugins.errors import near_miss

if TYPE_CHECKING:
    from collections.abc import Callable

SPECS = {
    name: tuple(inspect.signature(value).parameters)
    for name, value in vars(hookspecs).items()
    if hasattr(value, f"{hookspecs.PROJECT}_spec")
}


def hook_problems(plugin: object) -> list[str]:
    """What is wrong with a plugin's hook implementations.

    Args:
        plugin: module or object whose functions carry `@hookimpl`.

    Returns:
        One sentence per problem, naming the function: an unknown hook with its near miss, an argument that the hook
        does not give, one with a default (pluggy never fills it), a missing `@hookimpl`.
    """
    problems = []
    for name in dir(plugin):
        function = getattr(plugin, name)
        marks = getattr(function, f"{hookspecs.PROJECT}_impl", None)
        if marks is not None:
            problems += _of_marked(name, function, marks)
        elif name.startswith("onediff_") and inspect.isroutine(function):
            problems.append(f"{name} lacks @hookimpl, so nobody will call it{_guess(name)}")
    return problems


def _of_marked(name: str, function: Callable[..., Any], marks: dict[str, Any]) -> list[str]:
    hook = marks["specname"] or name
    if hook not in SPECS:
        # Optional hooks may be those of another version of the API; one that is nearly a hook of this one is a slip.
        excused = marks["optionalhook"] and not _guess(hook)
        return [] if excused else [f"there is no hook {hook!r}{_guess(hook)}"]
    problems = []
    given = ", ".join(SPECS[hook]) or "none"
    for argument in inspect.signature(function).parameters.values():
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            problems.append(
                f"{name} takes {str(argument).partition(':')[0]!r}, which is never filled; ask for: {given}"
            )
        elif argument.name not in SPECS[hook]:
            hint = _guess(argument.name, SPECS[hook])
            problems.append(f"{name} takes {argument.name!r}; the arguments are: {given}{hint}")
        elif argument.default is not argument.empty:
            problems.append(f"{name} gives {argument.name!r} a default, so it is never filled: take the default away")
    return problems


def _guess(name: str, choices: tuple[str, ...] = tuple(SPECS)) -> str:
    close = near_miss(name, choices)
    return f" (did you mean {close!r}?)" if close and close != name else ""
