# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chromium without a window, for tests: its DevTools protocol over a pipe, so nothing listens."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from picture import Error, read_png


NAMES = ("chromium", "chromium-browser", "google-chrome")


class Chromium:
    def __init__(self, timeout=30.0):
        self.timeout = timeout
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if not program:
            raise Error("there is no Chromium")
        self.folder = tempfile.TemporaryDirectory(prefix="lodge-chromium.", ignore_cleanup_errors=True)
        to_it, ours = os.pipe()
        theirs, from_it = os.pipe()
        self.write, self.read = ours, theirs
        self.log = open(os.path.join(self.folder.name, "log"), "wb")
        # Its sandbox needs what containers and root do not give.
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 3<&%d 4>&%d' % (to_it, from_it), "sh", program, "--headless=new",
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--ignore-certificate-errors", "--remote-debugging-pipe",
             "--user-data-dir=" + os.path.join(self.folder.name, "profile"), "about:blank"],
            pass_fds=[to_it, from_it], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        os.close(to_it)
        os.close(from_it)
        self.held = b""
        self.next_id = 1
        self.events = []
        self.version = self.command("Browser.getVersion")["product"]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read)
        os.close(self.write)
        self.log.close()
        self.folder.cleanup()

    def _message(self, deadline):
        while b"\0" not in self.held:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                raise Error("the browser does not answer")
            piece = os.read(self.read, 1 << 20)
            if not piece:
                raise Error("the browser has ended")
            self.held += piece
        text, self.held = self.held.split(b"\0", 1)
        return json.loads(text)

    def command(self, method, session=None, **parameters):
        number, self.next_id = self.next_id, self.next_id + 1
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data):]
        deadline = time.monotonic() + self.timeout
        while True:
            answer = self._message(deadline)
            if answer.get("id") != number:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise Error("%s: %s" % (method, answer["error"]["message"]))
            return answer["result"]

    def page(self, address, size=(1000, 700)):
        return Page(self, address, size)


class Page:
    def __init__(self, browser, address, size):
        self.browser = browser
        target = browser.command("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.command("Target.attachToTarget", targetId=target,
                                       flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.command(domain + ".enable")
        self.resize(*size)
        self.go(address)

    def command(self, method, **parameters):
        return self.browser.command(method, self.session, **parameters)

    def close(self):
        self.browser.command("Target.closeTarget", targetId=self.target)

    def go(self, address):
        self.command("Page.navigate", url=address)

    def resize(self, width, height, density=1):
        """What is inside the window, on a screen with so many pixels for one of the page's."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=density, mobile=False)

    def run(self, script):
        """The value of an expression in the page; promises are waited for."""
        result = self.command("Runtime.evaluate", expression=script, returnByValue=True,
                              awaitPromise=True, userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Error(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def wait(self, script, seconds=10.0):
        """Until the expression is true; its value, or a false one in the end."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                value = self.run(script)
            except Error:  # between two pages
                value = None
            if value or time.monotonic() > deadline:
                return value
            time.sleep(0.03)

    def said(self):
        """What the browser has complained about: refused loads, errors of scripts."""
        texts = []
        for event in self.browser.events:
            parameters = event.get("params", {})
            if event.get("sessionId") != self.session:
                continue
            if event["method"] == "Log.entryAdded":
                entry = parameters["entry"]
                texts.append("%s %s" % (entry["text"], entry.get("url", "")))
            elif event["method"] == "Runtime.exceptionThrown":
                texts.append(parameters["exceptionDetails"].get("exception", {}).get("description", "?"))
        return texts

    def key(self, key, code, text=""):
        common = {"key": key, "code": code, "windowsVirtualKeyCode": ord(key.upper()) if len(key) == 1 else 0}
        self.command("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.command("Input.dispatchKeyEvent", type="keyUp", **common)

    def mouse(self, kind, x, y, button="none", buttons=0):
        self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons,
                     clickCount=1 if button != "none" else 0)

    def click(self, x, y, button="left"):
        bit = {"left": 1, "right": 2, "middle": 4}[button]
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button, bit)
        self.mouse("mouseReleased", x, y, button)

    def wheel(self, x, y, down):
        self.command("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down)

    def picture(self):
        return read_png(base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"]))
