"""Drawn screens of made-up software."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from onediff_core.data.synthetic.ui.drawn.nodes import Node, Screen, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onediff_core.data.synthetic.ui.drawn.kit import Kit


def _rows(kit: Kit) -> Node:
    """A table or a list."""
    kinds = [kit.pick("person", "product", "task", "identifier"), kit.pick("date", "money", "number", "clock")]
    lead, end = kit.pick("icon", "avatar", "check", ""), kit.pick("badge", "switch", "icon", "")
    rows = []
    for _ in range(kit.between(4, 12)):
        start = [getattr(kit, lead)()] if lead else []
        cells = [kit.text(kinds[0], grow=True), kit.muted(kinds[1], width=6 * kit.theme.size)]
        ends = [getattr(kit, end)()] if end else []
        rows.append(kit.row(*start, *cells, *ends, label="row", pad=(kit.theme.gap, 5), line=kit.theme.line))
    table = kit.column(*rows, gap=-1, fill=kit.theme.surface)
    return kit.column(kit.row(kit.heading(), kit.space(), kit.button()), table)


def _cards(kit: Kit) -> Node:
    """Numbers and charts."""
    across = kit.abreast(3)
    tops = [kit.card(kit.muted("field"), kit.heading(kit.pick("number", "money"))) for _ in range(across)]
    charts = [
        kit.card(kit.text("title", "heading", bold=True), kit.chart(kit.between(50, 100)))
        for _ in range(kit.between(1, 2))
    ]
    bottom = [
        kit.card(kit.row(kit.text("task"), kit.space(), kit.badge()), kit.progress()) for _ in range(kit.between(1, 3))
    ]
    return kit.column(
        kit.row(kit.heading(), kit.space(), kit.button()), kit.row(*tops), kit.row(*charts), *bottom, gap=kit.theme.gap
    )


def _form(kit: Kit) -> Node:
    """Fields, options, buttons."""
    kinds = ("email", "person", "word", "date", "number")
    fields = [
        kit.column(kit.muted("field"), kit.input(kit.pick(*kinds)), label="field", gap=2)
        for _ in range(kit.between(2, 4))
    ]
    options = [
        kit.row(
            kit.text("task", grow=True), kit.switch() if kit.chance(0.6) else kit.check(), label="option", pad=(0, 3)
        )
        for _ in range(kit.between(2, 5))
    ]
    ends = kit.row(kit.button(primary=True), kit.button(primary=False), kit.space())
    return kit.column(kit.heading(), *fields, kit.card(*options, label=""), ends, gap=kit.theme.gap)


def _reading(kit: Kit) -> Node:
    """An article."""
    picture = [kit.picture(kit.between(50, 120))] if kit.chance(0.7) else []
    who = kit.row(kit.avatar(), kit.text("person", bold=True), kit.muted("date"), kit.space())
    lines = [kit.text("sentence", grow=True) for _ in range(kit.between(4, 9))]
    links = kit.row(*(kit.text("word", "link", ink=kit.theme.accent) for _ in range(kit.between(2, 4))), kit.space())
    return kit.column(kit.heading("title"), who, *picture, *lines, links)


def _goods(kit: Kit) -> Node:
    """Things to buy."""
    across, tall, buy = kit.abreast(4), kit.between(40, 90), kit.chance(0.5)

    def one() -> Node:
        price = kit.row(kit.text("money", bold=True), *([kit.badge()] if kit.chance(0.2) else []), kit.space())
        return kit.card(kit.picture(tall), kit.text("product"), price, *([kit.button(primary=True)] if buy else []))

    shelves = [kit.row(*(one() for _ in range(across))) for _ in range(kit.between(1, 3))]
    return kit.column(kit.row(kit.heading(), kit.input("word", "search")), *shelves, gap=kit.theme.gap)


def _board(kit: Kit) -> Node:
    """Columns of tasks."""

    def task() -> Node:
        return kit.card(kit.text("task", grow=True), kit.row(kit.badge("word"), kit.space(), kit.avatar()))

    def column() -> Node:
        head = kit.row(kit.text("status", "heading", bold=True), kit.space(), kit.badge("count"))
        lane = kit.column(head, *(task() for _ in range(kit.between(1, 4))), label="column")
        return replace(lane, fill=kit.theme.inset, radius=kit.theme.radius, pad=(6, 6))

    return kit.column(
        kit.row(kit.heading("title"), kit.space(), kit.button()), kit.row(*(column() for _ in range(kit.abreast(3))))
    )


def _talk(kit: Kit) -> Node:
    """Messages."""

    def message() -> Node:
        mine = kit.chance(0.4)
        ink, fill = (kit.theme.on_accent, kit.theme.accent) if mine else (kit.theme.ink, kit.theme.surface)
        said = kit.text(kit.pick("task", "title"), ink=ink)
        bubble = Node(
            children=(said,), pad=(9, 5), radius=kit.theme.radius, fill=fill, line="" if mine else kit.theme.line
        )
        parts = (
            (kit.space(), kit.muted("clock"), bubble)
            if mine
            else (kit.avatar(), bubble, kit.muted("clock"), kit.space())
        )
        return kit.row(*parts, label="message")

    head = kit.row(kit.avatar(), kit.text("person", "heading", bold=True), kit.space(), kit.icon(), kit.icon())
    foot = kit.row(kit.input("task"), kit.button(primary=True))
    return kit.column(head, *(message() for _ in range(kit.between(3, 7))), foot, gap=kit.theme.gap)


def _entry(kit: Kit) -> Node:
    """A small form in the middle of the screen."""
    fields = [kit.column(kit.muted("field"), kit.input(kind), label="field", gap=2) for kind in ("email", "identifier")]
    keep = kit.row(kit.check(), kit.muted("task"), kit.space())
    end = kit.row(kit.text("field", "link", ink=kit.theme.accent), kit.space())
    form = kit.card(
        kit.icon(height=26, width=26), kit.heading("brand"), *fields, keep, kit.button(primary=True), end, label=""
    )
    return kit.row(
        kit.space(), replace(form, grow=False, width=min(kit.room - 40, 260)), kit.space(), pad=(0, kit.between(0, 40))
    )


def _code(kit: Kit) -> Node:
    """Lines of code and words about them."""
    inks = (kit.theme.ink, kit.theme.muted, kit.theme.accent)

    def line(number: int) -> Node:
        count = Node("text", text=str(number), ink=kit.theme.muted, font=kit.theme.size, width=22)
        return kit.row(count, kit.text("code", ink=kit.pick(*inks), grow=True), label="line", gap=4)

    block = kit.card(*(line(number + 1) for number in range(kit.between(4, 11))), label="", gap=1)
    return kit.column(
        kit.heading("identifier"), block, *(kit.text("sentence", grow=True) for _ in range(kit.between(1, 3)))
    )


SCREENS: Final[Mapping[str, Callable[[Kit], Node]]] = {
    "article": _reading,
    "board": _board,
    "cards": _cards,
    "chat": _talk,
    "code": _code,
    "form": _form,
    "login": _entry,
    "shop": _goods,
    "table": _rows,
}


def screen(kind: str, kit: Kit) -> Screen:
    """A screen.

    Args:
        kind: one of SCREENS.
        kit: its look and what decides its content.
    """
    main = kit.column(SCREENS[kind](kit), pad=(kit.theme.gap + 4, kit.theme.gap))
    if kit.has_side:
        main = kit.row(kit.side(), main, gap=0)
    parts = (kit.bar(), main) if kit.chance(0.7) else (main,)
    root = Node(children=parts, fill=kit.theme.ground, height=kit.height)
    return Screen(numbered(root), family=kit.theme.font)
