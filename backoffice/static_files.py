"""Static files of the demo and of development: hashed and compressed where collected, plain ones elsewhere."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class LenientManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Production refuses a page whose file was not collected; here its plain name does, found by whitenoise."""

    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name
