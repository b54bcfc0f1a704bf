"""Reading a page as its reader does: the visible text, a part by its id, a list of facts."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset("meta link input br hr img use source wbr".split())
HIDDEN = frozenset("script style template".split())
BLOCKS = frozenset(
    "p div section li dt dd h1 h2 h3 tr td th caption article summary button label option ol ul dl".split()
)


class Node:
    """An element with its attributes and children."""

    def __init__(self, tag: str, attrs: dict[str, str]) -> None:
        self.tag, self.attrs = tag, attrs
        self.children: list[Node | str] = []

    def walk(self) -> list[Node]:
        return [self, *[inner for child in self.children if isinstance(child, Node) for inner in child.walk()]]

    def by_id(self, element_id: str) -> Node:
        return next(node for node in self.walk() if node.attrs.get("id") == element_id)

    def all(self, tag: str) -> list[Node]:
        return [node for node in self.walk() if node.tag == tag]

    @property
    def text(self) -> str:
        """The text as it is read, one space between words."""
        return " ".join("".join(self._pieces()).replace("\N{NO-BREAK SPACE}", " ").split())

    def _pieces(self) -> list[str]:
        if self.tag in HIDDEN:
            return []
        pieces = [" "] if self.tag in BLOCKS else []
        for child in self.children:
            pieces += [child] if isinstance(child, str) else child._pieces()
        return [*pieces, " "] if self.tag in BLOCKS else pieces

    def facts(self) -> dict[str, str]:
        """A list of facts (dl) as a mapping."""
        terms = [node for node in self.walk() if node.tag in ("dt", "dd")]
        return {term.text: value.text for term, value in zip(terms[::2], terms[1::2], strict=True)}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and any(node.tag == tag for node in self.open[1:]):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(response: object) -> Node:
    """The page of a response."""
    reader = _Reader()
    reader.feed(response.content.decode())  # type: ignore[attr-defined]
    return reader.root
