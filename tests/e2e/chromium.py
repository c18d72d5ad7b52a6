"""A real Chromium without a window, driven by its DevTools protocol as somebody who looks at pages and clicks."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from tests.e2e.processes import Program

if TYPE_CHECKING:
    from tests.e2e.home_assistant import HomeAssistant

_EYES = Path(__file__).parent / "page.js"
_START_WITHIN_S = 30.0
_ANSWER_WITHIN_S = 30.0
WITHIN_S = 40.0
"""A page of Home Assistant is there within some seconds; where two cores do everything it may be many."""
_LOOK_EVERY_S = 0.1
_GOES_ON = """
(before => {
  const now = lab.video();
  const goesOn = now && now.at > before.at && now.frames > before.frames;
  return goesOn || (now?.ended && now.frames > 1) ? now : null;
})(%s)"""
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # it is started by root, and sees no pages but ours
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_IS_STILL = """
lab.pictures() && new Promise((still) => {
  const before = lab.text();
  setTimeout(() => still(lab.pictures() && lab.text() === before), 1000);
})"""


def what_is_missing() -> str | None:
    """Say why it can't be started here; None if it can."""
    return None if which("chromium") else "chromium is missing: apt-get install chromium"


class Refused(AssertionError):
    """The browser has refused what it was told."""


class Chromium:
    """One browser with a profile of its own in a folder; it listens on loopback, at a port that it chooses."""

    def __init__(self, folder: Path) -> None:
        self._profile = folder / "chromium"
        self.program = Program("Chromium", folder / "chromium.log")
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def __aenter__(self) -> Self:
        path = which("chromium")
        assert path is not None, what_is_missing()
        await self.program.start(path, *_SWITCHES, f"--user-data-dir={self._profile}", "about:blank")
        try:
            address = await self._address()
            self._http = aiohttp.ClientSession()
            self._socket = await self._http.ws_connect(address, max_msg_size=0)
        except BaseException:
            await self.program.stop()
            raise
        self._reader = asyncio.create_task(self._read(), name="chromium")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()
        await self._http.close()
        await self.program.stop()

    async def page(self, home: HomeAssistant, *, width: int = 1280, height: int = 800) -> Page:
        """Return a page of that Home Assistant, with nothing on it yet: logged in by a token put where its pages keep theirs."""
        target = (await self.command("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.command("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = Page(self, session, home)
        await page.command("Page.enable")
        await page.resize(width, height)
        tokens = {"access_token": home.token, "token_type": "Bearer", "refresh_token": "", "expires_in": 10**8}
        tokens |= {"hassUrl": home.url, "clientId": home.url + "/", "expires": 10**14, "ha_auth_provider": ""}
        kept = {"hassTokens": json.dumps(tokens), "dockedSidebar": '"always_hidden"'}
        logged_in = f"if (location.origin === {json.dumps(home.url)}) Object.assign(localStorage, {json.dumps(kept)});"
        for source in (logged_in, await asyncio.to_thread(_EYES.read_text)):
            await page.command("Page.addScriptToEvaluateOnNewDocument", source=source)
        return page

    async def command(self, method: str, *, session: str | None = None, **parameters: object) -> Any:
        """Send one command, to a page where a session is named, and return its result. Raises Refused."""
        number = self._number = self._number + 1
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        said: dict[str, object] = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(said | ({} if session is None else {"sessionId": session}))
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            told = await answer
        if "error" in told:
            raise Refused(f"{method}: {told['error']['message']}")
        return told["result"]

    async def _address(self) -> str:
        """Wait until it says where its protocol is spoken."""
        said = self._profile / "DevToolsActivePort"
        end = time.monotonic() + _START_WITHIN_S
        while True:
            lines = said.read_text().splitlines() if said.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            assert self.program.is_running, f"Chromium has ended:\n{self.program.tail()}"
            assert time.monotonic() < end, f"Chromium does not come up:\n{self.program.tail()}"
            await asyncio.sleep(0.05)  # a file has no event to wait for

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                told = json.loads(message.data)
                answer = self._answers.pop(told.get("id", 0), None)
                if answer is not None and not answer.done():
                    answer.set_result(told)
        finally:
            for each in self._answers.values():
                each.cancel()


class Page:
    """One page; texts are looked for in what can be seen, and in the dialog in front where one is open."""

    def __init__(self, browser: Chromium, session: str, home: HomeAssistant) -> None:
        self._browser, self._session, self._home = browser, session, home

    async def command(self, method: str, **parameters: object) -> Any:
        """Send the page a command of the protocol. Raises Refused."""
        return await self._browser.command(method, session=self._session, **parameters)

    async def resize(self, width: int, height: int) -> None:
        """Have it that large, in pixels."""
        await self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    async def open(self, path: str) -> None:
        """Load a page of Home Assistant, and wait until it shows something."""
        told = await self.command("Page.navigate", url=self._home.url + path)
        assert not told.get("errorText"), f"{path}: {told['errorText']}"
        loading = "!document.querySelector('#ha-launch-screen') && document.readyState === 'complete'"
        await self.until(f"location.href !== 'about:blank' && {loading}", f"{path} is loaded")

    async def run(self, script: str) -> Any:
        """Return what an expression gives on the page. Raises Refused."""
        told = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise Refused(str(told["exceptionDetails"].get("exception", told["exceptionDetails"])))
        return told["result"].get("value")

    async def until(self, script: str, what: str, *, within: float = WITHIN_S) -> Any:
        """Look until an expression gives something, and return that."""
        end = time.monotonic() + within
        refused = ""
        while True:
            try:
                if found := await self.run(script):
                    return found
            except Refused as error:  # while a page is loaded there is none
                refused = f"; {error}"
            assert time.monotonic() < end, f"waited {within:g} s for: {what}{refused}; there is: {await self.text()}"
            await asyncio.sleep(_LOOK_EVERY_S)  # what a page draws has no event for that

    async def shows(self, text: str, *, whole: bool = True, within: float = WITHIN_S) -> None:
        """Wait until this text, or name of a button or field, is seen: the `whole`, or one that has it in it."""
        await self.until(f"lab.shows({json.dumps(text)}, {json.dumps(whole)})", f"{text!r} is seen", within=within)

    async def hides(self, text: str, *, whole: bool = True, within: float = WITHIN_S) -> None:
        """Wait until it is not seen any more."""
        await self.until(f"!lab.shows({json.dumps(text)}, {json.dumps(whole)})", f"{text!r} is gone", within=within)

    async def click(self, text: str, *, whole: bool = True, within: float = WITHIN_S) -> None:
        """Click on the first that has this text or name."""
        await self._click(f"lab.place({json.dumps(text)}, {json.dumps(whole)})", repr(text), within)

    async def click_on(self, selector: str, *, within: float = WITHIN_S) -> None:
        """Click on the first that a selector of CSS, of a single element, fits."""
        await self._click(f"lab.placeOf({json.dumps(selector)})", selector, within)

    async def fill(self, label: str, text: str) -> None:
        """Type a text into the empty field with this label, or one that begins so."""
        await self._click(f"lab.placeOfField({json.dumps(label)})", f"the field {label!r}", WITHIN_S)
        await self.command("Input.insertText", text=text)
        await self.until(f"lab.valueOf({json.dumps(label)}) === {json.dumps(text)}", f"{text!r} is in the field {label!r}")

    async def enter(self) -> None:
        """Press the key Enter."""
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        await self.command("Input.dispatchKeyEvent", type="keyDown", **key)
        await self.command("Input.dispatchKeyEvent", type="keyUp", **key)

    async def plays(self, *, within: float = WITHIN_S) -> tuple[int, int]:
        """Wait until the video in front has decoded frames and goes on, or was shown to its end; return its size in pixels."""
        first = await self.until(_GOES_ON % '{"at": 0, "frames": 0}', "a video plays", within=within)
        last = await self.until(_GOES_ON % json.dumps(first), f"the video goes on after {first}", within=within)
        return last["width"], last["height"]

    async def settles(self, *, within: float = WITHIN_S) -> None:
        """Wait until all pictures are loaded and nothing has changed for a second."""
        await self.until(_IS_STILL, "the page is still", within=within)

    async def text(self) -> str:
        """Return what is to be read on it, for people."""
        try:
            return f"{await self.run('location.pathname')}: {await self.run('lab.text()')}"[:3000] + f"; {await self._video()}"
        except Refused as error:
            return str(error)

    async def save(self, file: Path) -> None:
        """Save it as a picture (PNG)."""
        told = await self.command("Page.captureScreenshot", format="png")
        await asyncio.to_thread(file.write_bytes, base64.b64decode(told["data"]))

    async def _video(self) -> str:
        video = await self.run("lab.video()")
        return f"its video: {video}" if video else "no video"

    async def _click(self, place: str, what: str, within: float) -> None:
        """Click where the expression says as soon as that is the same twice: until then something moves."""
        before = None
        while (now := await self.until(place, f"{what} can be clicked", within=within)) != before:
            before = now
            await asyncio.sleep(_LOOK_EVERY_S)  # it moves: dialogs come in from below
        mouse = {"x": now[0], "y": now[1], "button": "left", "clickCount": 1}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.command("Input.dispatchMouseEvent", type=kind, **mouse)
