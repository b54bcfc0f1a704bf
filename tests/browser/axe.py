"""axe-core's rules run in an open page."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
async (tags) => {
  const found = await axe.run({ runOnly: tags, resultTypes: ['violations'] });
  return found.violations.flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(' ')} ${node.failureSummary}`));
}
"""


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it stands, one line per element and rule."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(RUN, TAGS)
    return found
