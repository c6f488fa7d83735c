"""The web book in a real browser: pages, links, formulas, search, players, dark mode, phones and accessibility."""

import functools
import http.server
import io
import pathlib
import subprocess
import threading
import urllib.parse

import browser
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
BOOK = ROOT / "build" / "book"
FACTS = """() => ({
  links: [...document.querySelectorAll("a[href]")].map((a) => a.href),
  ids: [...document.querySelectorAll("[id]")].map((e) => e.id),
  formulas: document.querySelectorAll(".math").length,
  drawn: document.querySelectorAll(".math mjx-container svg,"
    + ".math mjx-container mjx-math").length,
  broken: document.querySelectorAll("mjx-merror, [data-mjx-error]").length,
  unnamed: [...document.images].filter((i) => !i.alt).map((i) => i.src),
  empty: [...document.images].filter(
    (i) => i.complete && !i.naturalWidth && i.loading !== "lazy"
  ).map((i) => i.src),
})"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    """Builds the book, and serves it on the loopback."""
    subprocess.run(["make", "book"], cwd=ROOT, check=True, timeout=600)
    handler = functools.partial(QuietHandler, directory=str(BOOK))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def chromium():
    with browser.launch() as launched:
        yield launched


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1300, "height": 900})
    yield context.new_page()
    context.close()


def names_of_pages():
    return sorted(
        str(path.relative_to(BOOK))
        for path in BOOK.rglob("*.html")
        if "_static" not in path.parts
    )


@pytest.fixture(scope="module")
def visits(address, chromium):
    """What was seen on each page, visited once at the width of a laptop and once at that of a phone."""
    context = chromium.new_context(viewport={"width": 1300, "height": 900})
    page = context.new_page()
    seen, messages, requests = {}, [], []
    page.on(
        "console",
        lambda m: m.type in ("error", "warning") and messages.append(m.text),
    )
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    for name in names_of_pages():
        messages.clear()
        requests.clear()
        page.set_viewport_size({"width": 1300, "height": 900})
        page.goto(f"{address}/{name}", wait_until="load")
        browser.wait_for_formulas(page)
        facts = page.evaluate(FACTS)
        facts["messages"] = list(messages)
        facts["requests"] = list(requests)
        facts["faults"] = serious_faults(page)
        page.set_viewport_size({"width": 390, "height": 800})
        facts["too wide"] = page.evaluate(
            "document.documentElement.scrollWidth - innerWidth"
        )
        seen[name] = facts
    context.close()
    return seen


def serious_faults(page, contrast=False):
    """What axe-core finds on a page, by rule and element. Contrast takes it ten times as long as all else."""
    rules = {"color-contrast": {"enabled": contrast}}
    options = {"resultTypes": ["violations"], "rules": rules}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{fault['id']}: {node['target']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def only_filled(facts):
    return {name: found for name, found in facts.items() if found}


def test_the_book_has_its_pages(visits):
    chapters = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    tasks = {path.stem for path in ROOT.glob("assignments/source/*/*.ipynb")}
    modules = {
        path.stem
        for path in (ROOT / "gan_lib").glob("*.py")
        if path.stem != "__init__"
    }
    assert len(chapters) == 9 and len(tasks) == 10
    expected = {f"notebooks/{name}.html" for name in chapters}
    expected |= {f"assignments/{name}/{name}.html" for name in tasks}
    expected |= {f"library/{name}.html" for name in modules}
    expected |= {"index.html", "start.html", "gallery.html", "search.html"}
    expected |= {"library/speed.html"}
    expected |= {"notebooks/glossary.html", "assignments/README.html"}
    assert expected <= set(visits)


def test_no_page_reports_an_error(visits):
    messages = {name: facts["messages"] for name, facts in visits.items()}
    assert only_filled(messages) == {}


def test_no_request_leaves_the_machine(visits, address):
    outside = {
        name: [
            url
            for url in facts["requests"]
            if not url.startswith((address, "data:", "blob:"))
        ]
        for name, facts in visits.items()
    }
    assert any(facts["requests"] for facts in visits.values())
    assert only_filled(outside) == {}


def test_links_and_anchors_hold(visits, address):
    broken = []
    for name, facts in visits.items():
        for link in facts["links"]:
            if not link.startswith(address):
                continue
            url = urllib.parse.urlsplit(link)
            path = urllib.parse.unquote(url.path).lstrip("/") or "index.html"
            anchor = urllib.parse.unquote(url.fragment)
            there = (BOOK / path).is_file()
            if anchor and path in visits:
                there = anchor in visits[path]["ids"]
            if not there:
                broken.append((name, link.removeprefix(address)))
    assert broken == []


def test_formulas_are_rendered(visits):
    assert visits["notebooks/01_adversarial_game.html"]["formulas"] > 50
    missing = {
        name: facts["formulas"] - facts["drawn"]
        for name, facts in visits.items()
    }
    assert only_filled(missing) == {}
    broken = {name: facts["broken"] for name, facts in visits.items()}
    assert only_filled(broken) == {}


def test_pictures_are_there_and_described(visits):
    for what in ("empty", "unnamed"):
        found = {name: facts[what] for name, facts in visits.items()}
        assert only_filled(found) == {}


def test_a_phone_scrolls_code_and_not_the_page(visits):
    wide = {name: facts["too wide"] for name, facts in visits.items()}
    assert only_filled(wide) == {}


def test_axe_finds_no_serious_fault(visits):
    faults = {name: facts["faults"] for name, facts in visits.items()}
    assert only_filled(faults) == {}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("frozen discriminator", "notebooks/02_vanilla_gan.html"),
        ("fake", "notebooks/glossary.html"),
        ("판별자", "notebooks/glossary.html"),
    ],
)
def test_the_search_finds(page, address, words, expected):
    query = urllib.parse.urlencode({"q": words})
    page.goto(f"{address}/search.html?{query}")
    page.wait_for_function(
        "/Search finished|did not match/.test("
        "document.querySelector('#search-results').innerText)"
    )
    links = page.eval_on_selector_all(
        "#search-results a", "found => found.map((a) => a.href)"
    )
    assert any(expected in link for link in links), links


def test_the_search_finds_nothing_where_there_is_nothing(page, address):
    page.goto(f"{address}/search.html?q=qwertzuiop")
    page.wait_for_function(
        "document.querySelector('#search-results').innerText.includes("
        "'did not match')"
    )


def test_it_works_from_its_folder(page, address):
    messages = []
    page.on("console", lambda m: m.type == "error" and messages.append(m.text))
    page.goto(f"{BOOK.as_uri()}/search.html?q=checkerboard")
    page.wait_for_function(
        "document.querySelector('#search-results').innerText.includes("
        "'Search finished')"
    )
    page.locator("#search-results a").first.click()
    page.wait_for_load_state()
    browser.wait_for_formulas(page)
    assert page.url.startswith(BOOK.as_uri()) and "search" not in page.url
    assert messages == []


def test_a_player_plays_and_its_slider_moves(page, address):
    page.goto(f"{address}/notebooks/03_mode_collapse.html")
    slider = page.locator("input[type=range]").first
    box = slider.locator("xpath=ancestor::div[.//img][1]")
    picture, button = box.locator("img").first, box.locator("button").first
    slider.scroll_into_view_if_needed()

    def place():
        return float(slider.input_value()), picture.get_attribute("src")

    slider.evaluate(
        "s => { s.value = 0; s.dispatchEvent(new Event('input')); }"
    )
    first, first_picture = place()
    assert first == 0
    slider.press("ArrowRight")
    second, second_picture = place()
    assert second == 1 and second_picture != first_picture
    button.click()
    page.wait_for_timeout(1500)
    button.click()
    third, third_picture = place()
    assert third > second and third_picture != second_picture
    page.wait_for_timeout(500)
    assert place() == (third, third_picture), "goes on after the pause"


def luminance(pixels):
    """Relative luminance of sRGB pixels, 0 to 1 (WCAG 2.2)."""
    share = pixels / 255
    linear = np.where(
        share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize(
    "name", ["notebooks/04_challenges", "notebooks/06_wgan"]
)
def test_dark_mode_keeps_figures_legible(page, address, name):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}/{name}.html")
    browser.wait_for_formulas(page)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    figures = page.locator("article img").all()
    assert len(figures) > 10
    for figure in figures:
        shot = Image.open(io.BytesIO(figure.screenshot())).convert("RGB")
        light = luminance(np.asarray(shot).astype(float))
        ground, ink = np.median(light[3]), np.percentile(light, 0.5)
        contrast = (ground + 0.05) / (ink + 0.05)
        assert contrast > 7, figure.get_attribute("alt")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["index", "notebooks/02_vanilla_gan", "library/gan", "gallery"]
)
def test_contrast_is_high_enough(page, address, name, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(f"{address}/{name}.html")
    browser.wait_for_formulas(page)
    assert page.locator("html").get_attribute("data-theme") == theme
    assert serious_faults(page, contrast=True) == []
