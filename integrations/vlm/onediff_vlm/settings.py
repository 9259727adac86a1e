"""What can be set of `hf-vlm`. The key of a server is none of it: settings are recorded and shown, a key never is."""

from __future__ import annotations

from typing import ClassVar, Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from onediff_plugins.settings import ModelSettings

KEY_VARIABLE: Final = "ONEDIFF_VLM_API_KEY"


class VlmSettings(ModelSettings):
    """Settings of any chat model that looks at images; see `docs/hf-vlm.md`."""

    section: ClassVar[str] = "vlm"

    endpoint: str | None = Field(
        default=None,
        repr=False,  # a wrong one may hold a password
        description="address of an OpenAI-compatible server, such as http://127.0.0.1:11434/v1; images are sent there",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="with an endpoint its name there, null for the only one that there is; else a folder or hub id",
    )
    key_variable: str = Field(
        default=KEY_VARIABLE,
        # Not any secret of the environment: an onediff.toml in somebody else's folder could ask for that.
        pattern=r"^[A-Z][A-Z0-9_]*_API_KEY$",
        description="environment variable that holds the key of the server, where it wants one; ends in _API_KEY",
    )
    timeout_s: float = Field(default=120, gt=0, le=3600, description="longest wait for an answer, in seconds")
    retries: int = Field(default=2, ge=0, le=10, description="further tries where a server does not answer or is busy")
    max_side: int = Field(default=1024, ge=64, le=8192, description="longest side in px of the images that are shown")
    max_regions: int = Field(
        default=24,
        ge=1,
        description="most regions of a pair that are shown, strongest first; others get the next describer",
    )
    batch: int = Field(default=6, ge=1, le=32, description="most regions in one question; each is two small images")
    max_tokens: int = Field(default=2048, ge=64, description="longest answer in tokens, thinking included")
    language: str = Field(default="English", pattern=r"^[^\W\d_][\w ()-]{0,39}$", description="language of the words")
    cache: bool = Field(default=True, description="keep answers on disk and use them again for the same question")
    cache_dir: str | None = Field(
        default=None, min_length=1, description="folder of these answers; null for the platform's place for caches"
    )
    cache_mb: float = Field(default=64, gt=0, description="most megabytes of them; the longest unused go first")

    @field_validator("endpoint")
    @classmethod
    def _is_plain_address(cls, value: str | None) -> str | None:
        """Without a slash at its end. What is wrong with it is said without repeating what may be a secret."""
        if value is None:
            return None
        value = value.strip()
        if not (value.isascii() and value.isprintable() and " " not in value):
            raise ValueError(
                "it is no address: it holds a space or other letters than ASCII; write other hosts as xn--..."
            )
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError("it is no address: write it like http://127.0.0.1:11434/v1") from error
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError("it must start with http:// or https:// and a host, like http://127.0.0.1:11434/v1")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError(
                "it must hold no user, password, ? or #: settings are recorded. Put the key of the server into the "
                f"environment variable {KEY_VARIABLE}"
            )
        return value.rstrip("/").removesuffix("/chat/completions")

    def why_not(self) -> str | None:
        """Neither a server nor a model is named."""
        if self.endpoint is None and self.model is None:
            return (
                "say which model: --set vlm.endpoint=http://127.0.0.1:11434/v1 for an OpenAI-compatible server (images "
                "are sent there), or --set vlm.model=FOLDER_OR_HUB_ID for one of transformers on this machine"
            )
        return None
