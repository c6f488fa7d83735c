"""Drawings: their rules, and that a drawing which breaks one is noticed."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks" / "diagrams"
NAMES = [
    "course_map",
    "dirac_gan",
    "discriminator_architecture",
    "fresh_discriminator",
    "game_tree",
    "gan_discriminator_step",
    "gan_generator_step",
    "gan_loop",
    "generator_architecture",
    "gradient_penalty",
    "minibatch_discrimination",
    "virtual_batch_normalization",
    "wgan_critic_loop",
]
FILES = sorted(FOLDER.glob("*.svg"))
REAL, GENERATED = "#0072B2", "#D55E00"
SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "desc", "style", "defs", "marker", "pattern"}
ELEMENTS |= {"g", "path", "rect", "circle", "text", "tspan", "use"}
PAINTS = {"fill", "stroke", "color", "stop-color", "flood-color"}
INHERITED = {"fill", "stroke", "font-size", "font-family", "text-anchor"}
INHERITED |= {"font-style", "font-weight", "stroke-dasharray"}
NARROW, WIDE = set("fijlrtI.,:;’'|()[]‖· "), set("mwMWG")


class Drawing:
    """An SVG file, with the few rules of CSS that the drawings use."""

    def __init__(self, text, name):
        self.text, self.name = text, name
        self.root = ET.fromstring(text)
        self.elements = list(self.root.iter())
        self.parents = {c: p for p in self.elements for c in p}
        style = "".join(e.text or "" for e in self.tagged("style"))
        self.rules = [
            (selector.strip(), dict(re.findall(r"([\w-]+):\s*([^;]+)", body)))
            for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", style)
        ]

    def tagged(self, tag):
        return [e for e in self.elements if e.tag == SVG + tag]

    def classed(self, name):
        return [e for e in self.elements if name in classes(e)]

    def ancestry(self, element):
        """The element, its parent, and so on up to the root."""
        while element is not None:
            yield element
            element = self.parents.get(element)

    def own(self, element, name):
        """What a style rule, or else an attribute, says of the element."""
        wanted = [element.tag.removeprefix(SVG)]
        wanted += [f".{c}" for c in classes(element)]
        found = [
            (selector.count("."), i, values[name])
            for i, (selector, values) in enumerate(self.rules)
            if name in values and selector.split()[-1] in wanted
        ]
        return max(found)[2].strip() if found else element.get(name)

    def value(self, element, name):
        """A property of an element, inherited where CSS inherits it."""
        for e in self.ancestry(element):
            own = self.own(e, name)
            if own is not None or name not in INHERITED:
                return own
        return None

    def size(self, element):
        return float(self.value(element, "font-size").removesuffix("px"))

    def width(self, element):
        """A crude estimate of a text's width, of a wide sans-serif font."""
        parts = [(element, element.text)]
        for part in element:
            parts += [(part, part.text), (element, part.tail)]
        return sum(
            self.size(part)
            * (0.36 if c in NARROW else 0.9 if c in WIDE else 0.58)
            for part, text in parts
            for c in text or ""
        )

    def box(self, element):
        """Left, top, right and bottom of a text element."""
        x, y = float(element.get("x")), float(element.get("y"))
        size, width = self.size(element), self.width(element)
        anchor = self.value(element, "text-anchor")
        left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * width
        return left, y - 0.75 * size, left + width, y + 0.22 * size

    def view(self):
        return [float(v) for v in self.root.get("viewBox").split()]

    def paints(self):
        """Every value of a property that holds a colour."""
        for e in self.elements:
            yield from (v for k, v in e.attrib.items() if k in PAINTS)
        for _, values in self.rules:
            yield from (v.strip() for k, v in values.items() if k in PAINTS)


def classes(element):
    return element.get("class", "").split()


def is_grey(colour):
    return len(colour) == 7 and colour[1:3] == colour[3:5] == colour[5:7]


def has_text_alternative(drawing):
    root = drawing.root
    assert root.tag == SVG + "svg"
    assert root.get("role") == "img"
    title, desc = root.find(SVG + "title"), root.find(SVG + "desc")
    assert title is not None and len((title.text or "").strip()) > 5
    assert desc is not None and len((desc.text or "").strip()) > 60
    named = root.get("aria-labelledby", "").split()
    assert named == [title.get("id"), desc.get("id")]


def has_the_course_colours(drawing):
    for paint in drawing.paints():
        known = paint in ("none", REAL, GENERATED)
        known = known or re.fullmatch(r"url\(#[\w-]+\)", paint)
        hexadecimal = re.fullmatch("#[0-9A-F]{6}", paint)
        assert known or (hexadecimal and is_grey(paint)), paint
    for suffix, colour in (("real", REAL), ("generated", GENERATED)):
        for e in drawing.elements:
            if e.get("id") == f"{drawing.name}-{suffix}":
                inside = {v for p in e.iter() for v in p.attrib.values()}
                bright = {v for v in inside if v in (REAL, GENERATED)}
                assert bright == {colour}, e.get("id")


def is_self_contained(drawing):
    assert "<!DOCTYPE" not in drawing.text and "<?" not in drawing.text
    assert "@import" not in drawing.text and "data:" not in drawing.text
    ids = {e.get("id") for e in drawing.elements}
    for e in drawing.elements:
        assert e.tag.removeprefix(SVG) in ELEMENTS, e.tag
        for key, value in e.attrib.items():
            key = key.rpartition("}")[2]
            assert not key.startswith("on") and key != "style", key
            if key in ("href", "src"):
                assert value[0] == "#" and value[1:] in ids, value
    for target in re.findall(r"url\(([^)]*)\)", drawing.text):
        assert target[0] == "#" and target[1:] in ids, target


def has_legible_fonts(drawing):
    for e in drawing.tagged("text") + drawing.tagged("tspan"):
        size = drawing.value(e, "font-size")
        assert re.fullmatch(r"[\d.]+(px)?", size or ""), size
        assert drawing.size(e) >= 11, size
        families = drawing.value(e, "font-family")
        assert families in ("sans-serif", "serif", "monospace"), families


def is_small(drawing):
    assert len(drawing.text.encode()) <= 12_000


def has_the_course_width(drawing):
    left, top, width, height = drawing.view()
    assert left == top == 0 and 700 <= width <= 740 and height <= 600
    size = [float(drawing.root.get(k)) for k in ("width", "height")]
    assert size == [width, height]


def has_an_opaque_page(drawing):
    page = next(e for e in drawing.root if e.tag == SVG + "rect")
    shapes = [e for e in drawing.root if e.tag[len(SVG) :] in ("g", "rect")]
    assert shapes[0] is page
    assert drawing.value(page, "fill") == "#FFFFFF"
    for name in ("opacity", "fill-opacity"):
        assert drawing.value(page, name) is None
    assert float(page.get("rx")) > 0
    for name, length in zip(
        ("width", "height"), drawing.view()[2:], strict=True
    ):
        assert length - 2 <= float(page.get(name)) <= length


def has_its_text_inside(drawing):
    _, _, width, height = drawing.view()
    boxes = []
    for e in drawing.tagged("text"):
        for above in drawing.ancestry(e):
            assert above.get("transform") is None
            assert above.tag != SVG + "defs"
        words = "".join(e.itertext())
        assert words.strip()
        left, top, right, bottom = drawing.box(e)
        assert left >= 2 and right <= width - 2, words
        assert top >= 2 and bottom <= height - 2, words
        for other, (x, y, end, low) in boxes:
            apart = right <= x or end <= left or bottom <= y or low <= top
            assert apart, f"{words} on {other}"
        boxes.append((words, (left, top, right, bottom)))


def has_names_of_its_own(drawing):
    ids = [e.get("id") for e in drawing.elements if e.get("id")]
    assert len(ids) == len(set(ids))
    assert drawing.root.get("id") == drawing.name
    for name in ids:
        assert name == drawing.name or name.startswith(drawing.name + "-"), name
    one = rf"#{drawing.name} (\.[\w-]+|text)"
    for selector, _ in drawing.rules:
        assert re.fullmatch(one, selector), selector


def dashes_gradients_only(drawing):
    for e in drawing.elements:
        dashes = drawing.value(e, "stroke-dasharray")
        is_dashed = dashes not in (None, "none")
        assert is_dashed == ("gradient" in classes(e)), e.attrib
    for e in drawing.classed("gradient") + drawing.classed("data"):
        assert not {"gradient", "data"} <= set(classes(e))
        assert drawing.value(e, "marker-end"), "an arrow without a head"
        assert drawing.value(e, "fill") == "none"


def hatches_what_is_frozen(drawing):
    hatch = f"{drawing.name}-hatch"
    for e in drawing.classed("frozen"):
        for shape in e if e.tag == SVG + "g" else [e]:
            assert drawing.value(shape, "fill") == f"url(#{hatch})"
    for e in drawing.tagged("pattern"):
        assert e.get("id") == hatch
        assert any(line.get("stroke") for line in e.iter(SVG + "path"))
    assert bool(drawing.classed("frozen")) == bool(drawing.tagged("pattern"))


RULES = [
    has_text_alternative,
    has_the_course_colours,
    is_self_contained,
    has_legible_fonts,
    is_small,
    has_the_course_width,
    has_an_opaque_page,
    has_its_text_inside,
    has_names_of_its_own,
    dashes_gradients_only,
    hatches_what_is_frozen,
]


def read(path):
    return Drawing(path.read_text(encoding="utf-8"), path.stem)


def test_every_drawing_is_there_and_explained():
    assert [path.stem for path in FILES] == NAMES
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"{name}.svg" in readme


def test_no_name_is_used_by_two_drawings():
    ids = [e.get("id") for path in FILES for e in read(path).elements]
    ids = [name for name in ids if name]
    assert len(ids) == len(set(ids)) > 3 * len(FILES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_drawing_keeps_the_rules(path, rule):
    rule(read(path))


# of gan_discriminator_step: the rule, what is replaced once, and by what
BREAKS = [
    (has_text_alternative, 'role="img"', 'role="none"'),
    (has_text_alternative, "-title gan_d", "-name gan_d"),
    (has_text_alternative, r"<title(.*)>.*</title>", r"<title\1></title>"),
    (has_text_alternative, r"<desc(.*)>.*</desc>", ""),
    (has_the_course_colours, "#D55E00", "#FF0000"),
    (has_the_course_colours, "stroke: #BBBBBB", "stroke: red"),
    (has_the_course_colours, 'fill="#D55E00"', 'fill="#0072B2"'),
    (has_the_course_colours, 'fill="#BBBBBB"', 'fill="rgb(9,9,9)"'),
    (is_self_contained, "</defs>", "</defs><script>1</script>"),
    (is_self_contained, "</defs>", '</defs><image href="a.png"/>'),
    (is_self_contained, 'href="#', 'href="other.svg#'),
    (is_self_contained, 'href="#', 'href="#missing'),
    (is_self_contained, r"url\(#", "url(https://example.org/#"),
    (is_self_contained, "<style>", "<style>@import 'a.css';"),
    (is_self_contained, "<g>", '<g onclick="1">'),
    (has_legible_fonts, r"(\.small \{ font-size:) 12px", r"\1 10px"),
    (has_legible_fonts, r"(\.small \{ font-size:) 12px", r"\1 1em"),
    (has_legible_fonts, "font-family: sans-serif", "font-family: Arial"),
    (is_small, "</svg>", " " * 12_000 + "</svg>"),
    (has_the_course_width, "0 0 720", "0 0 900"),
    (has_the_course_width, 'width="720"', 'width="360"'),
    (has_an_opaque_page, r'<rect class="page".*/>', ""),
    (has_an_opaque_page, r"(\.page \{ fill:) #FFFFFF", r"\1 none"),
    (has_an_opaque_page, 'class="page"', 'class="page" opacity="0.5"'),
    (has_its_text_inside, r'(x=)"678"( y="170")', r'\1"714"\2'),
    (has_its_text_inside, r'(y=)"339"( class="left small">f)', r'\1"356"\2'),
    (has_its_text_inside, r'(y=)"186"( class="small">disc)', r'\1"172"\2'),
    (has_names_of_its_own, 'id="gan_discriminator_step-tip"', 'id="tip"'),
    (has_names_of_its_own, r"#gan_discriminator_step \.math", ".math"),
    (has_names_of_its_own, r'(id="\w+)-desc"', r'\1-title"'),
    (dashes_gradients_only, "stroke-dasharray: 7 4;", ""),
    (dashes_gradients_only, 'class="data"', 'class="data gradient"'),
    (dashes_gradients_only, r"(\.data \{)", r"\1 stroke-dasharray: 2 2;"),
    (dashes_gradients_only, "<g>", '<g stroke-dasharray="2 2">'),
    (dashes_gradients_only, r"marker-end: url\(#.*-tip\);", ""),
    (hatches_what_is_frozen, r"(\.frozen \{ fill:) url\(.*?\)", r"\1 #EEEEEE"),
    (hatches_what_is_frozen, "<pattern.*</pattern>", ""),
]


@pytest.mark.parametrize(
    ("rule", "old", "new"), BREAKS, ids=[rule.__name__ for rule, *_ in BREAKS]
)
def test_a_broken_drawing_is_noticed(rule, old, new):
    path = FOLDER / "gan_discriminator_step.svg"
    whole = path.read_text(encoding="utf-8")
    broken = re.sub(old, new, whole, count=1)
    assert broken != whole
    with pytest.raises(AssertionError):
        rule(Drawing(broken, path.stem))


def test_a_drawing_that_is_not_xml_is_noticed():
    with pytest.raises(ET.ParseError):
        Drawing("<svg><g></svg>", "broken")
