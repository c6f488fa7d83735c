"""The real browser of the tests: Chromium or Chrome, driven by Playwright.

python tests/browser.py    installs Chromium where no browser starts
"""

import contextlib
import os
import shutil
import subprocess
import sys

from playwright.sync_api import Error, sync_playwright

NAMES = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
]
# a browser that asks for nothing but what the test opens
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def launch():
    """Yields a headless browser: the system's, else the one that Playwright installed."""
    found = [path for path in map(shutil.which, NAMES) if path]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=found[0] if found else None, args=OPTIONS
        )
        yield launched
        launched.close()


def wait_for_formulas(page):
    """Waits until MathJax, where the page has it, has drawn all formulas."""
    page.evaluate("window.MathJax?.startup?.promise")


def install():
    """Installs Debian's Chromium where we may, else Playwright's."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        command = ["apt-get", "install", "-y", "-qq", "chromium"]
    else:
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    try:
        with launch():
            pass
    except Error:
        install()
