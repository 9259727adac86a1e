"""What edits put on drawn screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_core.data.synthetic.ui.themes import readable_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from onediff_core.data.synthetic.ui.drawn.kit import Kit
    from onediff_core.data.synthetic.ui.drawn.nodes import Node
    from onediff_core.data.synthetic.ui.themes import Theme


class NodeMaker:
    """What edits put on a drawn screen; a `plan.Maker`. Insides are fields of a node."""

    def __init__(self, kit: Kit) -> None:
        """Make with the parts of this screen."""
        self._kit = kit

    def icon(self, name: str) -> dict[str, Any]:
        """The field that says what an icon shows."""
        return {"motif": name}

    def picture(self) -> dict[str, Any]:
        """The field that decides a picture."""
        return {"seed": self._kit.seed()}

    def chart(self, motif: str) -> dict[str, Any]:
        """The fields that decide a chart."""
        return {"seed": self._kit.seed(), "motif": motif}

    def look(self, theme: Theme) -> dict[str, str]:
        """New colour for each old one."""
        names = ("ground", "surface", "inset", "line", "ink", "muted", "side", "on_side")
        return {getattr(self._kit.theme, name): getattr(theme, name) for name in names}

    def appearing(self, name: str) -> Node | tuple[int, int, Node]:
        """A node, or x, y and a node of what lies over the screen."""
        made: dict[str, Callable[[], Node | tuple[int, int, Node]]] = {
            "banner": self._banner,
            "dialog": self._dialog,
            "menu": self._menu,
            "new_badge": lambda: self._kit.badge(self._kit.pick("status", "count")),
            "new_button": self._kit.button,
            "new_icon": self._kit.icon,
            "toast": self._toast,
        }
        return made[name]()

    def _banner(self) -> Node:
        kit = self._kit
        fill = kit.pick(kit.theme.accent, "#fff4d6", "#fde2e0", "#dff3e4", "#dfeaff")
        ink = readable_on(fill)
        sign = kit.icon(kit.pick("info", "warning", "bell", "check"), ink=ink)
        return kit.row(sign, kit.text("sentence", ink=ink, grow=True), label="banner", fill=fill, pad=(12, 6))

    def _toast(self) -> tuple[int, int, Node]:
        kit = self._kit
        fill = kit.pick("#22262e", "#14532d", "#7f1d1d", kit.theme.accent)
        ink = readable_on(fill)
        parts = kit.icon(ink=ink), kit.text("task", ink=ink)
        node = kit.row(*parts, label="notification", fill=fill, pad=(11, 7), radius=kit.theme.radius, grow=False)
        return kit.between(8, kit.width // 3), kit.height - 44, node

    def _menu(self) -> tuple[int, int, Node]:
        kit = self._kit
        items = [kit.row(kit.icon(), kit.text("action"), pad=(4, 2), grow=False) for _ in range(kit.between(3, 5))]
        node = kit.card(*items, label="menu", line=kit.theme.line)
        return kit.between(10, kit.width // 2), kit.between(30, kit.height // 2), node

    def _dialog(self) -> tuple[int, int, Node]:
        kit, width = self._kit, min(self._kit.width - 30, 230)
        ends = kit.row(kit.space(), kit.button(primary=False), kit.button(primary=True))
        parts = kit.heading("field"), kit.text("sentence", grow=True), ends
        node = kit.card(*parts, label="dialog", width=width, line=kit.theme.line, gap=10)
        return (kit.width - width) // 2, kit.height // 3, node
