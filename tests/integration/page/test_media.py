"""Sound and film that Chromium plays and seeks, through a connection that is cut off."""

import asyncio
import io
import math
import struct
import wave
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.integration.service.process import Process
from tests.support.proxy import Act, Fault, FaultProxy

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

RATE = 8000
SECONDS = 1800
TONE_FROM = 1200
"""Silence until then: what is heard tells which bytes came."""


def _recording() -> bytes:
    """28.8 MB: more than Chromium fetches ahead."""
    second = b"".join(
        struct.pack("<h", int(20_000 * math.sin(2 * math.pi * 440 * number / RATE))) for number in range(RATE)
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(RATE)
        recording.writeframes(bytes(2 * RATE * TONE_FROM) + second * (SECONDS - TONE_FROM))
    return file.getvalue()


@pytest.fixture
def proxy(service: Process) -> Iterator[FaultProxy]:
    # Playwright's loop runs in this thread.
    with ThreadPoolExecutor(1) as thread:

        def run(work: Coroutine[Any, Any, None]) -> None:
            thread.submit(asyncio.run, work).result(30)

        proxy = FaultProxy(int(service.url.rpartition(":")[2]), None)
        run(proxy.accept())
        yield proxy
        run(proxy.aclose())


_PLAYER = """async ([kind, url]) => {
    const player = document.createElement(kind);
    player.src = url;
    player.preload = "metadata";
    document.body.replaceChildren(player);
    await new Promise((done, failed) => {
        player.onloadedmetadata = done;
        player.onerror = () => failed(new Error(player.error.message));
    });
    return player.duration;
}"""

# Plays a moment from there, and tells how far it came and how loud it was at the loudest.
_LISTEN = """async (position) => {
    const player = document.body.firstElementChild;
    if (!window.ears) {
        const context = new AudioContext();
        window.ears = context.createAnalyser();
        context.createMediaElementSource(player).connect(window.ears);
        window.ears.connect(context.destination);
        await context.resume();
    }
    player.currentTime = position;
    await new Promise((done, failed) => {
        player.onseeked = done;
        player.onerror = () => failed(new Error(player.error.message));
    });
    await player.play();
    const wave = new Float32Array(window.ears.fftSize);
    let loudest = 0;
    while (player.currentTime < position + 0.5) {
        await new Promise((done) => setTimeout(done, 20));
        if (player.currentTime < position + 0.25) continue;  // what was heard before may still sound
        window.ears.getFloatTimeDomainData(wave);
        loudest = Math.max(loudest, ...wave.map(Math.abs));
    }
    player.pause();
    return loudest;
}"""


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_what_is_played_from_a_position_is_what_is_there(
    service: Process, proxy: FaultProxy, chromium: Browser, kind: str
) -> None:
    recording = _recording()
    stored = httpx.put(f"{service.url}/files/talk.wav", content=recording, timeout=60)
    path = stored.headers["location"]
    context = chromium.new_context()
    page = context.new_page()
    ranges: list[str] = []
    page.on("request", lambda request: ranges.append(request.headers.get("range", "")) if path in request.url else None)
    page.goto(f"{proxy.endpoint}/livez")  # a document of that origin whose policy permits media
    page.mouse.click(1, 1)  # without a gesture nothing may be heard
    duration = page.evaluate(_PLAYER, [kind, f"{path}?inline=1"])
    assert duration == pytest.approx(SECONDS)
    # From now on no response comes to its end. Not earlier: as long as Chromium does not know what it plays, it now and
    # then takes a lost connection for a file that it cannot play.
    proxy.plan(Fault(Act.CUT, after=300_000), request_starts=f"GET {path}", times=1_000)
    heard = {position: _listened(page, position) for position in (1500, 300, 1700, TONE_FROM - 100)}
    context.close()
    assert {position: loud > 0.1 for position, loud in heard.items()} == {
        position: position >= TONE_FROM for position in heard
    }
    assert any(_first_byte(asked) > len(recording) // 2 for asked in ranges), ranges
    assert len(proxy.struck) >= len(heard)
    assert httpx.delete(service.url + path).status_code == 200


def _listened(page: Page, position: int) -> float:
    return float(page.evaluate(_LISTEN, position))


def _first_byte(asked: str) -> int:
    front = asked.removeprefix("bytes=").partition("-")[0]
    return int(front) if front else 0
