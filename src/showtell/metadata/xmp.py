"""An XMP packet: RDF in XML, of which we read and write three things and leave the rest alone."""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from xml.parsers import expat

from showtell.errors import PhotoError

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_OURS = "urn:showtell:xmp:1.0:"
_PREFIXES = {
    "x": "adobe:ns:meta/",
    "rdf": _RDF,
    "dc": "http://purl.org/dc/elements/1.1/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "showtell": _OURS,
}
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_DESCRIPTION, _ALT, _LI, _ABOUT, _VALUE, _RESOURCE = (
    f"{{{_RDF}}}{name}" for name in ("Description", "Alt", "li", "about", "value", "resource")
)
# Attributes that say how to read an element; any other is a value of it in the short form.
_SYNTAX = {_LANG, _ABOUT, *(f"{{{_RDF}}}{name}" for name in ("parseType", "datatype", "ID"))}
_LISTS = (_ALT, f"{{{_RDF}}}Bag", f"{{{_RDF}}}Seq")
# Far more than XMP nests, far less than what exhausts the stack when it is written again.
_MAX_DEPTH = 100
# The same of namespaces: to register one takes time for each of the others.
_MAX_PREFIXES = 1000
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)

ALT_TEXT = "Iptc4xmpCore:AltTextAccessibility"
DESCRIPTION = "dc:description"
PROPERTIES = (ALT_TEXT, DESCRIPTION)
# Where software has a description too, and takes it for the same as dc:description.
_OTHERS = (
    "{http://ns.adobe.com/tiff/1.0/}ImageDescription",
    "{http://ns.adobe.com/exif/1.0/}UserComment",
    "{http://ns.acdsee.com/iptc/1.0/}notes",
    "{http://ns.acdsee.com/iptc/1.0/}caption",
)


class Packet:
    """The XMP of one photo: its two texts, and our record of what we wrote.

    Attributes:
        name: the file that it is of, for messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._root = ET.Element("{adobe:ns:meta/}xmpmeta")
        self._rdf = ET.SubElement(self._root, f"{{{_RDF}}}RDF")
        self._prefixes: dict[str, str] = {}
        self._is_new = True

    @classmethod
    def parse(cls, name: str, data: bytes) -> Packet:
        """Read a packet.

        Raises:
            PhotoError: it is no XML, holds no RDF, or declares a document type: entities can name other files, or
                expand without end.
        """
        packet = cls(name)
        packet._is_new = False
        try:
            text = _decoded(data)
            packet._prefixes = _scan(name, text)
            builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
            packet._root = ET.fromstring(text, ET.XMLParser(target=builder))
        except PhotoError:
            raise
        except (expat.ExpatError, ET.ParseError, LookupError, ValueError) as error:  # the last two: odd encodings
            raise PhotoError(f"{name}: its XMP is damaged ({error}); fix or remove it") from error
        rdf = next(packet._root.iter(f"{{{_RDF}}}RDF"), None)
        if rdf is None:
            raise PhotoError(f"{name}: its XMP is damaged (there is no rdf:RDF in it); fix or remove it")
        packet._rdf = rdf
        return packet

    def text(self, property: str) -> str:
        """The text of one of `PROPERTIES`: of its x-default if it has one, else of any language; empty if none.

        Raises:
            PhotoError: the packet has the property twice.
        """
        element, holder = self._find(property)
        if holder is not None:
            return holder.attrib[_tag(property)].strip()
        return "" if element is None else _value(element)

    def other_descriptions(self) -> list[str]:
        """The texts of further properties that software takes for a description, such as exif:UserComment."""
        found = []
        for description in self._descriptions():
            for tag in _OTHERS:
                found += [_value(element) for element in description.findall(tag)]
                found.append(description.get(tag, "").strip())
        return list(filter(None, found))

    def set_text(self, property: str, text: str) -> None:
        """Make `text` the x-default of one of `PROPERTIES`; its other languages stay.

        Raises:
            PhotoError: the packet has the property twice.
        """
        element, holder = self._find(property)
        if holder is not None:
            del holder.attrib[_tag(property)]
        if element is None:
            element = _add(self._description(), _tag(property))
        alt = element.find(_ALT)
        if alt is None or element.attrib.keys() - _SYNTAX:
            _empty(element)
            alt = ET.SubElement(element, _ALT)
        item = next(filter(_is_default, alt), None)
        if item is None:
            item = ET.Element(_LI)
            alt.insert(0, item)  # XMP wants it first
        _empty(item)
        item.set(_LANG, "x-default")
        item.text = text

    def record(self) -> dict[str, str]:
        """The fields of our record, by name; none if we never wrote here."""
        fields = {}
        for description in self._descriptions():
            for tag, value in description.attrib.items():
                if tag.startswith(f"{{{_OURS}}}"):
                    fields[tag.removeprefix(f"{{{_OURS}}}")] = value.strip()
            for element in _our_elements(description):
                fields[element.tag.removeprefix(f"{{{_OURS}}}")] = _text(element)
        return fields

    def set_record(self, fields: Mapping[str, str]) -> None:
        """Replace our record."""
        for description in self._descriptions():
            for tag in [tag for tag in description.attrib if tag.startswith(f"{{{_OURS}}}")]:
                del description.attrib[tag]
            for element in _our_elements(description):
                description.remove(element)
        for name, value in fields.items():
            _add(self._description(), f"{{{_OURS}}}{name}").text = value

    def to_bytes(self) -> bytes:
        """The packet in UTF-8, in the wrapper by which it is found in files of any format."""
        for prefix, uri in (self._prefixes | _PREFIXES).items():
            if prefix not in ("", "xml") and not re.fullmatch(r"ns\d+", prefix):  # ElementTree's own
                ET.register_namespace(prefix, uri)
        if self._is_new:
            ET.indent(self._root, " ")
        # ElementTree leaves a carriage return in a text as it is, and whoever reads it sees a newline
        xml = ET.tostring(self._root, encoding="unicode").replace("\r", "&#13;")
        return f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{xml}\n<?xpacket end="w"?>'.encode()

    def _descriptions(self) -> list[ET.Element]:
        """The nodes of the RDF, of whatever type: XMP writes rdf:Description, and RDF allows a name of one's own."""
        return [node for node in self._rdf if isinstance(node.tag, str)]

    def _description(self) -> ET.Element:
        """The first rdf:Description, where new properties go."""
        found = self._rdf.find(_DESCRIPTION)
        return _add(self._rdf, _DESCRIPTION, {_ABOUT: ""}) if found is None else found

    def _find(self, property: str) -> tuple[ET.Element | None, ET.Element | None]:
        """The element of a property, or the rdf:Description that holds it as an attribute, or neither."""
        tag = _tag(property)
        elements = [element for description in self._descriptions() for element in description.findall(tag)]
        holders = [description for description in self._descriptions() if tag in description.attrib]
        if len(elements) + len(holders) > 1:
            raise PhotoError(f"{self.name}: its XMP is damaged ({property} is there twice); fix or remove it")
        return next(iter(elements), None), next(iter(holders), None)


def _decoded(data: bytes) -> bytes | str:
    """An XML document without what stands behind it: as text if it is UTF-16 or UTF-32, which say so first."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        return data.rstrip(b"\0 \t\r\n")
    return data.decode(encoding).lstrip("\ufeff").rstrip("\0 \t\r\n")


def _scan(name: str, document: bytes | str) -> dict[str, str]:
    """The namespaces of an XML document by their prefixes; document types and bottomless nesting are turned away."""
    prefixes: dict[str, str] = {}
    depth = 0

    def namespace(prefix: str | None, uri: str | None) -> None:
        if prefix and uri:
            prefixes[prefix] = uri
        if len(prefixes) > _MAX_PREFIXES:
            raise PhotoError(f"{name}: its XMP has more than {_MAX_PREFIXES:,} namespaces; fix or remove it")

    def doctype(*_: object) -> None:
        raise PhotoError(f"{name}: its XMP declares a document type, which XMP has no use for; fix or remove it")

    def start(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise PhotoError(f"{name}: its XMP is nested more than {_MAX_DEPTH} deep; fix or remove it")

    def end(*_: object) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartNamespaceDeclHandler = namespace
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.Parse(document, True)
    return prefixes


def _tag(property: str) -> str:
    prefix, name = property.split(":")
    return f"{{{_PREFIXES[prefix]}}}{name}"


def _value(element: ET.Element) -> str:
    """What a property says, in whatever form: of a list the default, or else the first item that says something."""
    items = [item for child in element if child.tag in _LISTS for item in child if isinstance(item.tag, str)]
    items.sort(key=lambda item: not _is_default(item))
    return next(filter(None, map(_text, items)), "") or _text(element)


def _text(element: ET.Element) -> str:
    """The text of an element, or of its rdf:value; in the short form that is an attribute."""
    nodes = [node for node in element.iter() if isinstance(node.tag, str)]
    values = [_all_text(node) for node in nodes if node.tag == _VALUE]
    attributes = [node.attrib for node in nodes]
    values += [found[name] for name in (_VALUE, _RESOURCE) for found in attributes if name in found]
    values.append(_all_text(element))
    values += [text for found in attributes for name, text in found.items() if name not in _SYNTAX]
    return next(filter(None, map(str.strip, values)), "")


def _all_text(element: ET.Element) -> str:
    """All text in an element, but that of comments, which `itertext` takes for text."""
    pieces = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            pieces.append(_all_text(child))
        pieces.append(child.tail or "")
    return "".join(pieces)


def _is_default(item: ET.Element) -> bool:
    """Whether an item is the x-default of its list; one without a language can be no other."""
    return item.tag == _LI and item.get(_LANG, "x-default").lower() == "x-default"


def _our_elements(description: ET.Element) -> list[ET.Element]:
    # the tag of a comment is a function
    return [child for child in description if isinstance(child.tag, str) and child.tag.startswith(f"{{{_OURS}}}")]


def _add(parent: ET.Element, tag: str, attributes: dict[str, str] | None = None) -> ET.Element:
    """A new last child, on a line of its own."""
    child = ET.SubElement(parent, tag, attributes or {})
    child.tail = "\n"
    return child


def _empty(element: ET.Element) -> None:
    """Remove all that is in an element; what follows it stays."""
    tail = element.tail
    element.clear()
    element.tail = tail
