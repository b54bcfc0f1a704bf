"""axe-core's rules run in an open page."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules whose answer depends on a colour; the others say the same in light and dark."""
# No rule of ours asks for style sheets: axe would read every one of them again for each look.
RUN = """
async ([type, values]) => {
  const runOnly = { type, values };
  const found = await axe.run({ runOnly, resultTypes: ['violations'], preload: { assets: ['media'] } });
  return found.violations.flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(' ')} ${node.failureSummary}`));
}
"""


def violations(page: Page, *, colours_only: bool = False) -> list[str]:
    """What axe finds wrong with the page as it stands, one line per element and rule."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(RUN, ["rule", COLOURS] if colours_only else ["tag", EVERYTHING])
    return found
