"""What the operators have in common: how they are named, what their forms and answers look like."""

from __future__ import annotations

from typing import Any, ClassVar

import fiftyone.operators as foo
from fiftyone.operators import types

from onediff_fiftyone.opening import is_ours


class ReviewOperator(foo.Operator):  # type: ignore[misc]  # fiftyone ships no types
    """What all have in common: a name, a label, and that a dataset of another kind is told so in the form."""

    name_: ClassVar[str]
    label: ClassVar[str]
    about: ClassVar[str]
    icon: ClassVar[str]
    delegated: ClassVar[bool] = False

    @property
    def config(self) -> foo.OperatorConfig:
        """Name, label and how it may run."""
        return foo.OperatorConfig(
            name=self.name_,
            label=f"Change review: {self.label}",
            description=self.about,
            icon=self.icon,
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=self.delegated,
        )

    def resolve_input(self, ctx: Any) -> types.Property:
        """The form; empty where nothing can be asked."""
        form = types.Object()
        if ctx.dataset is None or not is_ours(ctx.dataset):
            warn(form, "This dataset holds no compared pairs", "Make one with `onediff review RESULTS --dataset NAME`.")
        else:
            self.ask(ctx, form)
        return types.Property(form, view=types.View(label=self.label))

    def ask(self, ctx: Any, form: types.Object) -> None:
        """Add the fields."""


class LongOperator(ReviewOperator):
    """Operators that may take long: the form asks whether to queue them."""

    delegated = True

    def resolve_delegation(self, ctx: Any) -> bool | None:
        """As the form says."""
        return bool(ctx.params.get("delegate"))

    @staticmethod
    def ask_where(form: types.Object, *, queue: bool = False) -> None:
        """Add the field for the queue; `queue` is what it says unless changed."""
        about = "Queued for `fiftyone delegated launch`, which must be running somewhere"
        form.bool("delegate", label="In the background", default=queue, description=about)


def warn(form: types.Object, label: str, what: str) -> None:
    """Say in a form why it cannot be filled in."""
    form.view("warning", types.Warning(label=label, description=what))


def told(label: str, markdown: str) -> types.Property:
    """An answer to read."""
    output = types.Object()
    output.str("text", default=markdown, view=types.MarkdownView(read_only=True))
    return types.Property(output, view=types.View(label=label))


def reload(ctx: Any, *, fields: bool = False) -> None:
    """Show what changed. A queue has no App to show it in; a script gets it as a message, which it may ignore."""
    if ctx.delegated:
        return
    (ctx.ops.reload_dataset if fields else ctx.ops.reload_samples)()
