"""The package is light, and its classes are known to the Auto classes whatever is imported first."""

from __future__ import annotations

import subprocess
import sys

import pytest

import onediff_core

KNOWN = """
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageTextToText, AutoProcessor
config = AutoConfig.for_model("onediff")
kinds = [AutoModel, AutoModelForImageTextToText]
print(*[kind._model_mapping[type(config)].__name__ for kind in kinds])
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
print(IMAGE_PROCESSOR_MAPPING[type(config)]["pil"].__name__, PROCESSOR_MAPPING[type(config)].__name__)
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_neither_torch_nor_transformers() -> None:
    code = "import sys, onediff_core; print(sorted({'torch', 'transformers', 'numpy', 'PIL'} & set(sys.modules)))"
    assert run(code).strip() == "[]"


@pytest.mark.parametrize(
    "first",
    [
        "import onediff_core, transformers",
        "import transformers, onediff_core",
        "import onediff_core.modeling_onediff",
        "import onediff_core.tower",  # these load transformers while they are imported themselves
        "import onediff_core.adapters",
    ],
)
def test_the_auto_classes_know_onediff_in_any_order(first: str) -> None:
    assert run(first + KNOWN).split() == [
        "OneDiffModel",
        "OneDiffForConditionalGeneration",
        "OneDiffImageProcessor",
        "OneDiffProcessor",
    ]


def test_every_public_name_is_there_and_documented() -> None:
    assert dir(onediff_core) == onediff_core.__all__ == sorted(onediff_core.__all__)
    for name in onediff_core.__all__:
        assert getattr(onediff_core, name).__doc__, name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'OneDif'"):
        _ = onediff_core.OneDif
