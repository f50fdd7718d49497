from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from showtell.errors import PhotoError
from showtell.metadata.record import clean
from showtell.metadata.xmp import ALT_TEXT, DESCRIPTION, PROPERTIES, Packet

NAMESPACES = """xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:mine="http://example.org/mine/" """


def xmp(body: str, attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF {NAMESPACES}><rdf:Description rdf:about="" {attributes}>{body}</rdf:Description></rdf:RDF>'
        '</x:xmpmeta>   \n<?xpacket end="w"?>'
    ).encode()


def alt(property: str, **items: str) -> str:
    items_ = "".join(f'<rdf:li xml:lang="{name.replace("_", "-")}">{text}</rdf:li>' for name, text in items.items())
    return f"<{property}><rdf:Alt>{items_}</rdf:Alt></{property}>"


def again(packet: Packet) -> Packet:
    return Packet.parse("a.xmp", packet.to_bytes())


@pytest.mark.parametrize("property", PROPERTIES)
@given(st.text(st.characters(exclude_categories=())).map(clean).filter(bool))
def test_any_text_comes_back(property: str, text: str) -> None:
    packet = Packet("a.xmp")
    packet.set_text(property, text)
    packet.set_record({"Caption": text})
    read = again(packet)
    assert read.text(property) == text
    assert read.record() == {"Caption": text}
    assert [read.text(other) for other in PROPERTIES if other != property] == [""]


@pytest.mark.parametrize(
    ("body", "attributes", "text"),
    [
        ("", "", ""),
        (alt("dc:description"), "", ""),
        (alt("dc:description", x_default="A dog."), "", "A dog."),
        (alt("dc:description", de="Ein Hund.", x_default="A dog."), "", "A dog."),
        (alt("dc:description", de="Ein Hund."), "", "Ein Hund."),
        (alt("dc:description", x_default=" ", de="Ein Hund."), "", "Ein Hund."),
        ("<dc:description><rdf:Alt><rdf:li>A dog.</rdf:li></rdf:Alt></dc:description>", "", "A dog."),
        ("<dc:description><rdf:Bag><rdf:li>A dog.</rdf:li></rdf:Bag></dc:description>", "", "A dog."),
        ("<dc:description>A dog.</dc:description>", "", "A dog."),
        ("", 'dc:description="A dog."', "A dog."),
        (alt("dc:title", x_default="A dog."), "", ""),
        ('<dc:description rdf:value="A dog." xmp:q="x"/>', "", "A dog."),
        ('<dc:description rdf:resource="A dog."/>', "", "A dog."),
        ('<dc:description xml:lang="en" mine:text="A dog."/>', "", "A dog."),
        (
            '<dc:description rdf:parseType="Resource"><rdf:value>A dog.</rdf:value><mine:q>q</mine:q></dc:description>',
            "",
            "A dog.",
        ),
        ("<dc:description><rdf:Description rdf:value='A dog.' mine:q='q'/></dc:description>", "", "A dog."),
        ("<dc:description><rdf:Alt><rdf:li rdf:value='A dog.'/></rdf:Alt></dc:description>", "", "A dog."),
        ("<dc:description><rdf:Alt/><!-- A dog? --></dc:description>", "", ""),
        ('<dc:description xml:lang="en"/>', "", ""),
    ],
)
def test_a_text_in_any_form_is_seen_and_replaced(body: str, attributes: str, text: str) -> None:
    packet = Packet.parse("a.xmp", xmp(body, attributes))
    assert packet.text(DESCRIPTION) == text
    packet.set_text(DESCRIPTION, "A cat.")
    read = again(packet)
    assert read.text(DESCRIPTION) == "A cat."
    assert b"A dog." not in packet.to_bytes() or "dc:title" in body
    assert (b"Ein Hund." in packet.to_bytes()) == ("Ein Hund." in body)


def test_other_properties_are_kept() -> None:
    body = (
        alt("dc:title", x_default="T", fr="U")
        + "<!-- a comment --><mine:deep rdf:parseType='Resource'><mine:er>1&#13;&#10;2 &lt; 3</mine:er></mine:deep>"
        + "<dc:subject><rdf:Bag><rdf:li>dog</rdf:li><rdf:li>sand</rdf:li></rdf:Bag></dc:subject>"
    )
    packet = Packet.parse("a.xmp", xmp(body, 'xmp:Rating="5" mine:a="&#10;&quot;"'))
    packet.set_text(ALT_TEXT, "A cat.")
    written = again(packet).to_bytes().decode()
    for part in (
        'xmp:Rating="5"',
        'mine:a="&#10;&quot;"',
        "<!-- a comment -->",
        "<mine:er>1&#13;\n2 &lt; 3</mine:er>",
        "<rdf:li>dog</rdf:li><rdf:li>sand</rdf:li>",
        '<rdf:li xml:lang="fr">U</rdf:li>',
    ):
        assert part in written


def test_the_default_comes_first() -> None:
    packet = Packet.parse("a.xmp", xmp(alt("dc:description", de="Ein Hund.")))
    packet.set_text(DESCRIPTION, "A dog.")
    written = packet.to_bytes()
    assert written.index(b"x-default") < written.index(b'"de"')


def test_the_record_is_replaced_also_where_others_have_made_attributes_of_it() -> None:
    attributes = 'xmlns:showtell="urn:showtell:xmp:1.0:" showtell:Caption="A dog." showtell:Gone="1"'
    packet = Packet.parse("a.xmp", xmp("<!-- a comment --><showtell:Model>m</showtell:Model>", attributes))
    assert packet.record() == {"Caption": "A dog.", "Gone": "1", "Model": "m"}
    packet.set_record({"Caption": "A cat."})
    assert again(packet).record() == {"Caption": "A cat."}


def test_rdf_needs_no_wrapper_and_no_description() -> None:
    packet = Packet.parse("a.xmp", f"\ufeff<rdf:RDF {NAMESPACES}/>".encode())
    packet.set_text(DESCRIPTION, "A dog.")
    assert again(packet).text(DESCRIPTION) == "A dog."


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is damaged"),
        (b"no XML", "is damaged"),
        (xmp("<dc:open>"), "is damaged"),
        (xmp("")[:-60], "is damaged"),
        (b"<a/>", "no rdf:RDF"),
        (b'<?xml version="1.0" encoding="none"?><a/>', "is damaged"),
        (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "is damaged"),
        (BOMB.encode() + xmp("").partition(b"?>")[2], "document type"),
        (BOMB.encode("utf-16"), "document type"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type"),
        (b"<a>" * 200 + b"</a>" * 200, "nested"),
    ],
)
def test_invalid_xmp_is_an_error(data: bytes, reason: str) -> None:
    with pytest.raises(PhotoError, match=rf"^a\.xmp: .*{reason}"):
        Packet.parse("a.xmp", data)


def test_a_property_that_is_there_twice_is_an_error() -> None:
    packet = Packet.parse("a.xmp", xmp(alt("dc:description", x_default="A dog."), 'dc:description="A cat."'))
    with pytest.raises(PhotoError, match="dc:description is there twice"):
        packet.text(DESCRIPTION)
    with pytest.raises(PhotoError, match="dc:description is there twice"):
        packet.set_text(DESCRIPTION, "A cow.")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("declared", [False, True])
def test_any_encoding_of_unicode(encoding: str, declared: bool) -> None:
    name = "utf-8" if encoding == "utf-8-sig" else encoding[:6]
    text = xmp(alt("dc:description", x_default="Mein süßer Hund.")).decode().removeprefix("\ufeff")
    text = f'<?xml version="1.0" encoding="{name}"?>{text}' if declared else text
    for end in ("", "\n\n", "\0\0\0"):
        packet = Packet.parse("a.xmp", (text + end).encode(encoding))
        assert packet.text(DESCRIPTION) == "Mein süßer Hund."
        packet.set_text(ALT_TEXT, "A dog.")
        assert again(packet).text(DESCRIPTION) == "Mein süßer Hund."


def test_nodes_may_have_a_type_of_their_own() -> None:
    text = xmp("<dc:description>A dog.</dc:description>").replace(b"rdf:Description", b"mine:Photo")
    assert Packet.parse("a.xmp", text).text(DESCRIPTION) == "A dog."


def test_too_many_namespaces_are_turned_away() -> None:
    many = " ".join(f'xmlns:p{number}="urn:p:{number}"' for number in range(2000))
    with pytest.raises(PhotoError, match="more than 1,000 namespaces"):
        Packet.parse("a.xmp", xmp("", many))
