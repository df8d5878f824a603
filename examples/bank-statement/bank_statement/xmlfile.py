"""XML from outside, read without document types, entities or namespace prefixes.

The standard parser is used, hardened: a DOCTYPE is refused at its first bytes, so no entity can be declared,
nothing external is ever opened and no text can grow while it is read.
"""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from .outcome import Unreadable

NAMESPACE = "xmlns"
MAX_BYTES = 100 * 1024 * 1024
MAX_PROLOG = 16 * 1024

# The numbers of expat for a document or a tag that ends too early.
_CUT_OFF = (3, 5)


class _Builder(TreeBuilder):
    """Builds elements without their namespaces; a `Document` keeps its own as the attribute `xmlns`."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = False
        self._names: dict[str, str] = {}

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        # Called for every element: hundreds of thousands in a long statement, with a few dozen names.
        name = self._names.get(tag)
        if name is None:
            self.begun = True
            name = tag[tag.find("}") + 1 :]
            if name == "Document":
                attrs = {**attrs, NAMESPACE: tag[1 : -len(name) - 1]}
            else:
                self._names[tag] = name
        return super().start(name, attrs)

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise Unreadable("doctype", "it declares a document type (DOCTYPE), which a bank statement never does")


def read_root(path: Path) -> Element:
    """The root element of an XML file; raises Unreadable naming the rule that was broken.

    Files above 100 MiB and files whose first 16 KiB hold no element are refused.
    """
    data = _bytes_of(path)
    builder = _Builder()
    parser = XMLParser(target=builder)  # noqa: S314
    try:
        # Fed byte by byte, the parser reports a DOCTYPE before it has seen a single declaration inside it.
        # The length is limited because some parser versions scan an unfinished comment anew with every byte.
        position = 0
        while not builder.begun and position < min(len(data), MAX_PROLOG):
            parser.feed(data[position : position + 1])
            position += 1
        if builder.begun:
            parser.feed(data[position:])
        elif position < len(data):
            raise Unreadable("xml", f"its first {MAX_PROLOG} bytes hold no XML element")
        root: Element = parser.close()
    except ParseError as error:
        ending = ", the file seems to be cut off" if builder.begun and error.code in _CUT_OFF else ""
        raise Unreadable("xml", f"it is not well-formed XML ({error}{ending})") from None
    except (LookupError, ValueError) as error:
        raise Unreadable("encoding", f"its declared character encoding cannot be read ({error})") from None
    return root


def _bytes_of(path: Path) -> bytes:
    """The content of the file; raises Unreadable when it is empty, too long or not accessible."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable("access", f"it cannot be read ({error.strerror})") from None
    if not data:
        raise Unreadable("xml", "it is empty")
    if len(data) > MAX_BYTES:
        raise Unreadable("size", f"it is longer than {MAX_BYTES // 1024 // 1024} MiB; ask the bank for shorter periods")
    return data
