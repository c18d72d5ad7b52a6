"""Save a page of Home Assistant as a picture; runs in Home Assistant's own environment, which has playwright.

browser.py URL TOKEN PATH WIDTHxHEIGHT PNG TEXT [LABEL...]

What has these labels is clicked one after the other; the picture is taken when TEXT is on the page.
"""

from __future__ import annotations

import json
import shutil
import sys

from playwright.sync_api import sync_playwright  # type: ignore[import-not-found]  # of Home Assistant's environment


def save(url: str, token: str, path: str, size: str, png: str, text: str, *labels: str) -> None:
    """Open the page, logged in by a token put where the frontend keeps its own, and save it."""
    width, height = map(int, size.split("x"))
    tokens = {"access_token": token, "token_type": "Bearer", "refresh_token": "", "expires_in": 10**8}
    tokens |= {"hassUrl": url, "clientId": url + "/", "expires": 10**14, "ha_auth_provider": ""}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        page.add_init_script(f"localStorage.hassTokens = {json.dumps(json.dumps(tokens))}")
        page.add_init_script("localStorage.dockedSidebar = '\"always_hidden\"'")
        page.goto(url + path, wait_until="domcontentloaded")
        page.wait_for_selector("ha-launch-screen, #ha-launch-screen", state="detached")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1500)
        for label in labels:
            page.get_by_label(label).first.click(timeout=60_000)
        page.get_by_text(text).first.wait_for(timeout=120_000)
        page.wait_for_timeout(500)
        page.screenshot(path=png)
        browser.close()


if __name__ == "__main__":
    save(*sys.argv[1:])
