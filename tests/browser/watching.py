"""Watches what a browser complains of while a test runs: failing scripts, broken policies, broken answers."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, ConsoleMessage, Response

REPORT = """
addEventListener('securitypolicyviolation', (event) => {
  console.error(`POLICY ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
FAILED_ANSWER = "Failed to load resource"  # the page itself answered 403, 404 and so on: the tests see to that


class Watch:
    """What went wrong in the pages of one browser context."""

    def __init__(self, context: BrowserContext) -> None:
        self.troubles: list[str] = []
        context.add_init_script(REPORT)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        context.on("dialog", self._dialog)
        context.on("response", self._answer)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and FAILED_ANSWER not in message.text:
            self.troubles.append(f"console: {message.text}")

    def _dialog(self, dialog: object) -> None:
        self.troubles.append("a dialog opened")
        dialog.dismiss()  # type: ignore[attr-defined]

    def _answer(self, response: Response) -> None:
        if response.status >= 500 or (response.status == 404 and response.request.resource_type != "document"):
            self.troubles.append(f"{response.status} {response.url}")
