#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The screen in a browser: Chromium in front of lodge-screen and a machine that is only a display.

usage: web.py PROGRAM PICTURES
"""
import http.client
import os
import re
import secrets
import socket
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "rig", "screen"))

from checks import Checks, wait  # noqa: E402
from chromium import Chromium  # noqa: E402
from handoff import hand_over  # noqa: E402
from picture import Error  # noqa: E402
from protocol import Control, Refused  # noqa: E402
from screens import Screen  # noqa: E402

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255))
STATE = "document.body && document.body.dataset.state"
CANVAS = "document.querySelector('#screen canvas')"


class Door:
    """A listener on localhost, handed over."""

    def __init__(self, screen, port=0, **keys):
        self.token = keys.setdefault("token", secrets.token_hex(16))
        with socket.create_server(("127.0.0.1", port)) as listener:
            self.port = listener.getsockname()[1]
            hand_over(screen.handoff, "web-listener", listener, **keys)
        self.scheme = "https" if keys.get("tls") == "required" else "http"
        self.site = "%s://127.0.0.1:%d/" % (self.scheme, self.port)
        self.address = self.site + "#" + self.token


def notice(page):
    """What the page says to people besides the picture."""
    return page.run("(document.getElementById('notice-text') || "
                    "document.getElementById('text') || document.body).textContent")


def corners(page):
    """Colours of the canvas near its corners."""
    return [tuple(one) for one in page.run(
        """(() => { const c = %s, g = c.getContext("2d"), w = c.width, h = c.height;
        return [[3, 3], [w - 4, 3], [3, h - 4], [w - 4, h - 4]].map(([x, y]) =>
            Array.from(g.getImageData(x, y, 1, 1).data).slice(0, 3)); })()""" % CANVAS)]


def shown(page):
    """(width, height) of the guest's picture in the page."""
    return tuple(page.run("(() => { const c = %s; return c ? [c.width, c.height] : [0, 0]; })()" % CANVAS))


def near(one, other):
    return all(abs(a - b) < 24 for x, y in zip(one, other) for a, b in zip(x, y))


def wanted(page):
    return tuple(page.run("[document.getElementById('screen').clientWidth,"
                          "document.getElementById('screen').clientHeight]"))


# --- What is tried ------------------------------------------------------------------------------

def opens(check, page, door, pictures):
    check("page connects", page.wait(STATE + " === 'connected'", 20), notice(page))
    address = page.run("location.href")
    check("token is not in the address", address == door.site, address)
    history = [entry["url"] for entry in page.command("Page.getNavigationHistory")["entries"]]
    check("token is not in the history", door.token not in str(history), " ".join(history))
    check("cookie is out of scripts' reach", page.run("document.cookie") == "")
    check("page names the machine", page.run("document.title").startswith("stand-in"),
          page.run("document.title"))
    wait(lambda: near(corners(page), COLOURS), 5)
    check("picture is the machine's", near(corners(page), COLOURS), corners(page))
    wait(lambda: shown(page) == wanted(page), 5)
    page.picture().save(os.path.join(pictures, "novnc.png"))


def resizes(check, page, machine, pictures):
    for size in ((1440, 900), (1366, 768), (1023, 767), (700, 500), (1920, 1080)):
        page.resize(*size)
        goal = wait(lambda: wanted(page)[0] == size[0] and wanted(page), 5)
        started = time.monotonic()
        followed = wait(lambda: machine.size(0) == goal, 6)
        took = (time.monotonic() - started) * 1000
        check("window %dx%d: guest follows" % size, followed,
              "%dx%d after %d ms" % (*machine.size(0), took))
        check("window %dx%d: picture follows" % size,
              wait(lambda: shown(page) == goal and near(corners(page), COLOURS), 5),
              "%r %r" % (shown(page), corners(page)))
    page.picture().save(os.path.join(pictures, "novnc-1920.png"))
    page.run("document.getElementById('resize').click()")
    before = machine.size(0)
    page.resize(900, 600)
    time.sleep(1.2)
    box = page.run("(() => { const b = %s.getBoundingClientRect(); return [b.width, b.height]; })()" % CANVAS)
    check("without \"fit guest\" it keeps its size, and is scaled",
          machine.size(0) == before and box[0] <= 900 and box[1] <= 600, (machine.size(0), box))
    page.run("document.getElementById('resize').click()")
    check("with it again it follows", wait(lambda: machine.size(0) == wanted(page), 6), machine.size(0))
    wait(lambda: shown(page) == machine.size(0), 5)


def is_dense(check, page, machine, door):
    """A screen with more pixels than the page counts: the guest has them all, and they are shown small."""
    page.resize(800, 600, 2)
    followed = wait(lambda: machine.size(0) == tuple(2 * one for one in wanted(page)), 6)
    check("on a dense screen the guest has all its pixels", followed, (machine.size(0), wanted(page)))
    wait(lambda: shown(page) == machine.size(0), 5)
    left, top, width, height = page.run(
        "(() => { const b = %s.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; })()" % CANVAS)
    check("and they fit", (round(width), round(height)) == wanted(page), (width, height))
    page.click(left + 100, top + 80)
    # Browsers tell of places in whole pixels of theirs.
    check("the pointer is where it points", wait(lambda: machine.pointer()[0] and all(
        abs(at - goal) <= 2 for at, goal in zip(machine.pointer(), (200, 160))), 6), machine.pointer())
    page.command("Page.navigate", url=door.site + "?scale=1#" + door.token)
    followed = page.wait(STATE + " === 'connected'", 10) and \
        wait(lambda: machine.size(0) == wanted(page), 6)
    check("unless the address says otherwise", followed, (machine.size(0), wanted(page)))
    check("which is kept without the token", page.run("location.href") == door.site + "?scale=1",
          page.run("location.href"))
    page.resize(900, 600)
    page.command("Page.navigate", url=door.address)
    check("back again", page.wait(STATE + " === 'connected'", 10) and
          wait(lambda: machine.size(0) == wanted(page), 6), machine.size(0))
    wait(lambda: shown(page) == machine.size(0), 5)
    machine.forget()


def keeps_heads(check, page, screen):
    """noVNC knows of one screen: it must not switch off the second."""
    machine = screen.machine
    control = Control(screen.control)
    control.display(head=1, width=640, height=480)
    check("a second head comes", wait(lambda: machine.size(1) == (640, 480), 5), machine.size(1))
    before = machine.size(0)
    whole = (before[0] + 640, max(before[1], 480))
    check("the page shows both", wait(lambda: shown(page) == whole, 5), shown(page))
    page.resize(1100, 800)
    time.sleep(1.5)
    page.command("Page.reload")
    page.wait(STATE + " === 'connected'", 10)
    time.sleep(1.5)
    check("heads keep their size", (machine.size(0), machine.size(1)) == (before, (640, 480)),
          (machine.size(0), machine.size(1)))
    check("and the page says so", "2 screens" in page.run("document.getElementById('status').textContent"))
    control.display(head=1, off=True)
    wait(lambda: shown(page) == before, 5)
    page.resize(900, 600)
    check("with one head it follows again", wait(lambda: machine.size(0) == wanted(page), 6), machine.size(0))
    wait(lambda: shown(page) == machine.size(0), 5)
    control.close()


def inputs(check, page, machine):
    left, top = page.run("(() => { const b = %s.getBoundingClientRect(); return [b.left, b.top]; })()" % CANVAS)
    page.mouse("mouseMoved", left + 40, top + 30)
    page.click(left + 100.5, top + 80.5)
    check("pointer arrives", wait(lambda: machine.pointer() == (100, 80), 3), machine.pointer())
    check("button arrives", wait(lambda: len(machine.seen("button")) >= 2, 3),
          "%d" % len(machine.seen("button")))
    page.click(left + 100.5, top + 80.5, "right")
    codes = lambda: [(event["code"], event["down"]) for event in machine.seen("button")]  # noqa: E731
    check("left and right are what they are",
          wait(lambda: [(0x110, 1), (0x110, 0), (0x111, 1), (0x111, 0)] ==
               [(code, int(down)) for code, down in codes()], 3), codes())
    page.wheel(left + 100, top + 80, 120)
    check("wheel arrives", wait(lambda: [event["dy"] for event in machine.seen("wheel")] == [-1], 3),
          machine.seen("wheel"))
    for character in "hello":
        page.key(character, "Key" + character.upper(), character)
    check("typing arrives", wait(lambda: machine.text().endswith("hello"), 3), repr(machine.text()))


def clipboards(check, page, screen):
    control = Control(screen.control)
    text = "grüße from the page\nsecond line ✓"
    page.run("document.getElementById('clipboard-toggle').click();"
             "document.getElementById('clipboard-text').value = %r;"
             "document.getElementById('clipboard-send').click(); 1" % text)

    def got():
        try:
            return control.request("screen.clipboard-get", {})[1].decode()
        except Refused as error:
            return "refused: %s" % error

    check("page's text reaches the clipboard", wait(lambda: got() == text, 3), repr(got()))
    other = "für die Seite: ∑ 1\nline two"
    control.request("screen.clipboard-set", {}, other.encode())
    check("the clipboard's text reaches the page",
          page.wait("document.getElementById('clipboard-text').value === %r" % other, 3),
          repr(page.run("document.getElementById('clipboard-text').value")))
    page.browser.command("Browser.grantPermissions",
                         permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.run("document.getElementById('clipboard-follow').click(); 1")
    control.request("screen.clipboard-set", {}, b"straight on")
    check("and the browser's own clipboard, where that is wanted",
          page.wait("navigator.clipboard.readText().then((text) => text === 'straight on')", 3))
    control.close()


def reloads(check, page):
    page.command("Page.reload")
    time.sleep(0.2)
    check("reload connects again", page.wait(STATE + " === 'connected'", 10),
          notice(page))


def refuses(check, browser, screen, door, mine):
    page = browser.page(door.site + "#" + "0" * 32)
    check("a wrong token gets words", page.wait("/not (be )?valid/.test(document.body.innerText)", 10),
          notice(page))
    page.close()
    # Another site in the same browser, which has our cookie: its socket and its frame are refused.
    other = Door(screen, id="other")
    page = browser.page(other.address)
    check("a second screen works beside it", page.wait(STATE + " === 'connected'", 20))
    outcome = page.run("""new Promise((done) => {
        const socket = new WebSocket("ws://127.0.0.1:%d/socket", ["binary", "lodge.%s"]);
        socket.onopen = () => done("open"); socket.onerror = () => done("refused"); })"""
                       % (door.port, door.token))
    check("a page of another origin gets no socket", outcome == "refused", outcome)
    page.close()
    connection = http.client.HTTPConnection("127.0.0.1", door.port)
    connection.request("GET", "/about.json")
    check("no cookie, no name", connection.getresponse().status == 403)
    connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", door.port)
    connection.request("GET", "/", headers={"Host": "rebound.example"})
    check("no other name", connection.getresponse().status == 421)
    connection.close()
    bad = [line for line in mine.said() if re.search(r"Content Security Policy|Refused|Uncaught", line)]
    check("the browser has nothing to complain about", not bad, bad)


def looks_only(check, browser, screen, machine):
    door = Door(screen, id="look", view_only=1)
    page = browser.page(door.address, (800, 600))
    check("view only connects", page.wait(STATE + " === 'connected'", 20))
    keys, size = len(machine.seen("key")), machine.size(0)
    page.run(CANVAS + ".focus()")
    page.key("x", "KeyX", "x")
    # Behind the page's back, as somebody might who has changed it.
    page.resize(640, 480)
    time.sleep(1.0)
    check("view only: nothing arrives", len(machine.seen("key")) == keys and machine.size(0) == size,
          (machine.seen("key")[keys:], machine.size(0)))
    page.close()


def encrypts(check, browser, screen):
    door = Door(screen, id="tls", tls="required")
    page = browser.page(door.address)
    check("https connects", page.wait(STATE + " === 'connected'", 20),
          notice(page))
    check("https shows the picture", wait(lambda: near(corners(page), COLOURS), 5), corners(page))
    page.close()
    connection = http.client.HTTPConnection("127.0.0.1", door.port)
    connection.request("GET", "/")
    answer = connection.getresponse()
    check("http is told to come by https", answer.status == 426 and b"https://" in answer.read())
    connection.close()


def comes_back(check, page, program, folder, door):
    """lodge-screen is killed, and another takes its place with the same listener."""
    with tempfile.TemporaryDirectory(dir=folder) as again:
        screen = Screen(program, again, "--name", "stand-in again")
        try:
            Door(screen, port=door.port, token=door.token)
            check("a page connects to a lodge-screen that took the place of another",
                  page.wait(STATE + " === 'connected'", 20), notice(page))
        finally:
            screen.close()


def main():
    program, pictures = sys.argv[1], sys.argv[2]
    check = Checks(tells=True)
    with tempfile.TemporaryDirectory(prefix="lodge-web.") as folder:
        screen = Screen(program, folder, "--name", "stand-in")
        browser = None
        try:
            browser = Chromium()
            print("      " + browser.version)
            door = Door(screen, id="first")
            page = browser.page(door.address)
            opens(check, page, door, pictures)
            resizes(check, page, screen.machine, pictures)
            is_dense(check, page, screen.machine, door)
            keeps_heads(check, page, screen)
            inputs(check, page, screen.machine)
            clipboards(check, page, screen)
            reloads(check, page)
            refuses(check, browser, screen, door, page)
            looks_only(check, browser, screen, screen.machine)
            encrypts(check, browser, screen)
            screen.close()
            check("the page says that the connection has ended",
                  page.wait(STATE + " !== 'connected'", 5))
            comes_back(check, page, program, folder, door)
        except Error as error:
            check("all steps", False, error)
        finally:
            if browser:
                browser.close()
            if screen.process.poll() is None:
                screen.close()
    print("web: %d passed, %d failed" % (check.passed, check.failed))
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
