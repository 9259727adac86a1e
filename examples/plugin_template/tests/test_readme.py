"""The README says what the settings are."""

from __future__ import annotations

import re
from pathlib import Path

from onediff_documents.settings import DocumentsSettings
from onediff_plugins import DomainSettings

README = Path(__file__).parent.parent / "README.md"


def test_every_setting_is_documented_with_its_default():
    documented = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE))
    own = DocumentsSettings.model_fields.keys() - DomainSettings.model_fields.keys()
    assert documented == {name: str(DocumentsSettings.model_fields[name].default).lower() for name in own}
