"""Icons are pictures and nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from multiflexi.manifests import icon_beside
from multiflexi.manifests.icons import svg_image, usable_image
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.svg import UnsafeSvg, sanitised

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '<rect onclick="alert(1)"/>',
        '<a href="javascript:alert(1)"><rect/></a>',
        '<image href="https://evil.example/x.png"/>',
        '<use xlink:href="https://evil.example/x.svg#a"/>',
        '<rect style="fill:url(https://evil.example/x)"/>',
        '<rect fill="url(&#39;//evil.example/x&#39;)"/>',
        '<rect style="fill:u\\72l(//evil.example)"/>',
        "<style>@import url(//evil.example)</style>",
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></body></foreignObject>',
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        "<!--alert(1)-->",
        "<?alert evil.example?>",
    ],
)
def test_active_content_is_left_out(evil: str) -> None:
    clean = sanitised(f'{HEAD} onload="alert(1)"><path d="M0 0"/>{evil}</svg>'.encode())
    assert b"alert" not in clean
    assert b"evil" not in clean
    assert b'<path d="M0 0"></path>' in clean
    assert sanitised(clean) == clean


def test_harmless_content_stays() -> None:
    picture = '<defs><linearGradient id="g"><stop offset="0"/></linearGradient></defs><use xlink:href="#g"/>'
    clean = sanitised(f'{HEAD} viewBox="0 0 9 9">{picture}<rect fill="url(#g)"/><text>a &lt; b</text></svg>'.encode())
    assert b'href="#g"' in clean
    assert b'fill="url(#g)"' in clean
    assert b"a &lt; b" in clean


@pytest.mark.parametrize(
    "content",
    [b"", b"<html/>", b"<svg/>", b'<!DOCTYPE svg [<!ENTITY a "b">]>' + HEAD.encode() + b">&a;</svg>"],
)
def test_what_is_no_safe_picture_is_refused(content: bytes) -> None:
    with pytest.raises(UnsafeSvg):
        sanitised(content)


def test_a_document_type_without_entities_is_no_obstacle() -> None:
    doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    assert sanitised(f"{doctype}{HEAD}><path/></svg>".encode())


def test_a_picture_larger_than_a_text_may_be_is_refused() -> None:
    with pytest.raises(UnsafeSvg, match="too large"):
        svg_image(f'{HEAD}><path d="{"M0 0" * 20000}"/></svg>'.encode())


def test_images_of_definition_files() -> None:
    notes = Notes()
    assert usable_image("https://example.org/a.png", notes) == "https://example.org/a.png"
    assert usable_image("data:image/png;base64,AAAA", notes) == "data:image/png;base64,AAAA"
    dirty = base64.b64encode(f"{HEAD}><script/><path/></svg>".encode()).decode()
    clean = usable_image(f"data:image/svg+xml;base64,{dirty}", notes)
    assert b"script" not in base64.b64decode(clean.partition(",")[2])
    assert usable_image(clean, notes) == clean
    assert notes.findings == []
    assert [usable_image(bad, notes) for bad in ("javascript:x", "data:text/html,x", "a.svg")] == ["", "", ""]
    assert len(notes.findings) == 3


def test_the_icon_beside_a_file_is_found_by_uuid(tmp_path: Path) -> None:
    (tmp_path / "97f30cf9.svg").write_bytes(b"icon")
    assert icon_beside(tmp_path / "x.app.json", {"uuid": "97F30CF9"}) == b"icon"
    assert icon_beside(tmp_path / "x.app.json", {"uuid": "other"}) is None
    assert icon_beside(tmp_path / "sub" / "x.app.json", {"uuid": "../97f30cf9"}) is None
    assert icon_beside(tmp_path / "x.app.json", {}) is None
