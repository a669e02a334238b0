#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of lodge-web in Chromium, with two guests: "worker" with a disk, and "idler".

usage: page.py PICTURES; lodge is in PATH, its runtime folder in the environment
"""
import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "rig", "screen"))
sys.dont_write_bytecode = True

from checks import Checks, wait  # noqa: E402
from chromium import Chromium  # noqa: E402

STATE = "document.body && document.body.dataset.state"
SECONDS = 90  # for what a guest does on a machine that is busy
WORK = ("while :; do i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; "
        "dd if=/dev/vda of=/dev/null bs=1M count=20 2>/dev/null; "
        "dd if=/dev/zero of=/dev/vda bs=1M count=5 conv=fsync 2>/dev/null; done")
LOOKS = 4  # lodge-web asks on for so many seconds after the last look


def soon(condition):
    return wait(condition, SECONDS, 0.2)


def lodge(*words):
    return subprocess.run(("lodge",) + words, capture_output=True, text=True, timeout=60)


class Address:
    def __init__(self, text):
        self.text = text
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/#([A-Za-z0-9]{32})\n?", text)
        self.good = found is not None
        self.port, self.token = (int(found[1]), found[2]) if found else (0, "")
        self.site = "http://127.0.0.1:%d/" % self.port

    def ask(self, path, method="GET", token=None, **headers):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        if token is None:
            token = self.token
        if token:
            headers["Authorization"] = "Bearer " + token
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.headers, body

    def newest(self):
        points = json.loads(self.ask("/history?since=0")[2])["points"]
        return points[-1]["n"]


def row(page, name, column):
    return page.run("(() => { const row = document.querySelector('#rows tr[data-id=\"vm/%s\"]');"
                    "return row ? row.querySelector('.%s').textContent : ''; })()" % (name, column))


def number(text):
    """The first number of "12.3 MiB/s", in units of its own."""
    found = re.search(r"[\d.]+", text)
    return float(found[0]) if found else 0.0


def picture(page, path):
    data = page.command("Page.captureScreenshot", format="png")["data"]
    with open(path, "wb") as file:
        file.write(base64.b64decode(data))


def colours(page, scheme):
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


# --- What is tried ------------------------------------------------------------------------------

def opens(check, page, address):
    check("the page is live", page.wait(STATE + " === 'live'", 30), page.run(STATE))
    check("the token is not in the address", page.run("location.href") == address.site)
    history = [entry["url"] for entry in page.command("Page.getNavigationHistory")["entries"]]
    check("nor in the history", address.token not in str(history), " ".join(history))
    check("both guests are listed", soon(lambda: row(page, "worker", "state") == "running" and
                                         row(page, "idler", "state") == "running"), row(page, "worker", "state"))
    foreign = page.run("performance.getEntriesByType('resource').map((one) => one.name)"
                       ".filter((name) => !name.startsWith(location.origin + '/'))"
                       ".filter((name) => !name.startsWith('blob:'))")
    check("nothing comes from elsewhere", foreign == [], foreign)


def shows_work(check, page):
    check("a guest that works uses processors", soon(lambda: number(row(page, "worker", "cpu")) > 5),
          row(page, "worker", "cpu"))
    seen = set()

    def both():
        rates = re.findall(r"[\d.]+ [A-Z]?i?B/s", row(page, "worker", "disk"))
        seen.update(way for way, rate in zip("rw", rates) if number(rate) > 0)
        return len(seen) == 2
    check("and its disk is read and written", soon(both), sorted(seen))
    check("its memory is told", number(row(page, "worker", "memory")) > 0, row(page, "worker", "memory"))
    page.run("document.querySelector('#rows tr[data-id=\"vm/worker\"]').click()")
    check("it can be looked at", page.run("document.getElementById('detail-name').textContent") == "worker")
    curves = "document.querySelectorAll('#charts [data-chart=Processors] path.curve').length"
    check("its chart has a curve", soon(lambda: page.run(curves) >= 1), page.run(curves))
    spread = ("[...document.querySelectorAll('#charts [data-chart=Processors] path.curve')]"
              ".reduce((sum, path) => sum + path.getAttribute('d').split('L').length, 0)")
    check("which goes on", soon(lambda: page.run(spread) > 5), page.run(spread))


def shows_screens(check, browser, page):
    shown = ("!document.getElementById('screen').hidden &&"
             "document.getElementById('screen-picture').naturalWidth")
    check("the guest's screen is shown", soon(lambda: (page.run(shown) or 0) > 300), page.run(shown))
    page.run("document.getElementById('screen-open').click()")
    opened = soon(lambda: page.run("document.getElementById('screen-open').dataset.address"))
    check("it is opened at an address of its own", opened and opened.startswith("http://127.0.0.1:"), opened)
    tabs = [one["url"] for one in browser.command("Target.getTargets")["targetInfos"]]
    check("in a tab", soon(lambda: any(one["url"].startswith(opened or "?") for one in
                                       browser.command("Target.getTargets")["targetInfos"])), tabs)
    for one in browser.command("Target.getTargets")["targetInfos"]:
        if opened and one["url"].startswith(opened):
            browser.command("Target.closeTarget", targetId=one["targetId"])


def looks_good(check, page, pictures):
    page.resize(1280, 1000)
    page.run("scrollTo(0, 0)")
    for scheme in ("light", "dark"):
        colours(page, scheme)
        time.sleep(1)
        picture(page, os.path.join(pictures, "figures-%s.png" % scheme))
    colours(page, "light")
    for width in (1280, 760, 390, 320):
        page.resize(width, 800)
        time.sleep(0.3)
        wide = page.run("document.documentElement.scrollWidth")
        check("%d wide: nothing sticks out" % width, wide <= width, wide)
    page.resize(390, 844)
    picture(page, os.path.join(pictures, "figures-telephone.png"))
    page.resize(1280, 900)
    check("the browser has not complained", page.said() == [], page.said())


def keeps_others_out(check, address):
    for path, method in (("/history", "GET"), ("/picture?vm=vm/worker", "GET"), ("/metrics", "GET"),
                         ("/screen?vm=vm/worker", "POST")):
        status = [address.ask(path, method, token)[0] for token in (False, "x" * 32, address.token + "x")]
        check("%s needs the token" % path.split("?")[0], status == [401] * 3, status)
    check("a token in the address is for metrics alone",
          address.ask("/history?token=" + address.token, token=False)[0] == 401)
    check("who is called otherwise is not us", address.ask("/", Host="evil.example")[0] == 421)
    check("not even with the token", address.ask("/metrics", Host="evil.example:%d" % address.port)[0] == 421)
    wanted = {"/history": ("POST", 405), "/screen?vm=vm/worker": ("GET", 405), "/nothing": ("GET", 404),
              "/picture?vm=vm/nobody": ("GET", 404), "/picture": ("GET", 400), "/history?since=x": ("GET", 400),
              "/": ("DELETE", 405)}
    for path, (method, status) in wanted.items():
        got = address.ask(path, method)[0]
        check("%s %s is refused" % (method, path), got == status, got)
    headers = address.ask("/", token=False)[1]
    check("the page may load nothing else", "default-src 'none'" in headers["Content-Security-Policy"])
    check("and is kept nowhere", headers["Cache-Control"] == "no-store")


def tells_prometheus(check, address):
    status, headers, body = address.ask("/metrics?token=" + address.token, token=False)
    text = body.decode()
    check("there are metrics", status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"))
    line = re.compile(r'# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{vm="[^"]*"(,[a-z]+="[^"]*")*\})? [\d.]+')
    wrong = [one for one in text.splitlines() if not line.fullmatch(one)]
    check("each line is one", wrong == [], wrong[:3])
    check("of the guests", re.search(r'^lodge_vm_cpu_seconds_total\{vm="worker"\} [1-9\d]*\.?\d+$', text, re.M), text[:500])
    with open(os.path.join(HERE, "..", "..", "..", "packaging", "man", "lodge-web.8")) as file:
        manual = set(re.findall(r"^(lodge_[a-z_]+)", file.read(), re.M))
    names = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    check("the manual has them all", names and names <= manual, sorted(names - manual))
    again = address.ask("/metrics")[2].decode()
    both = [float(re.search(r"^lodge_host_cpu_seconds_total ([\d.]+)", one, re.M)[1]) for one in (text, again)]
    check("sums do not shrink", both[0] <= both[1], both)


def rests(check, address):
    """Nobody looks: nothing is measured."""
    first = address.newest()
    time.sleep(LOOKS + 10)
    later = address.newest()
    check("nothing is measured while nobody looks", later - first <= LOOKS + 3, (first, later))


def web_process():
    for entry in os.listdir("/proc"):
        try:
            with open("/proc/%s/environ" % entry, "rb") as file:
                ours = os.environ["LODGE_RUNTIME_DIR"].encode() in file.read()
            with open("/proc/%s/status" % entry) as file:
                status = dict(one.split(":\t", 1) for one in file.read().splitlines() if ":\t" in one)
        except (OSError, ValueError):
            continue
        if ours and status["Name"] in ("lodge-web", "lodged"):
            yield status["Name"], int(entry), status


def is_confined(check):
    """The address is told when the socket is there, which may be before lodge-web has begun."""
    deadline = time.monotonic() + 60
    while True:
        mine = [status for name, _, status in web_process() if name == "lodge-web"]
        if all(status["Seccomp"] == "2" for status in mine) and mine or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    check("there is one lodge-web", len(mine) == 1, len(mine))
    for status in mine:
        check("its system calls are filtered", status["Seccomp"] == "2", status["Seccomp"])
        check("it has no privileges", int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1")


def survives(check, page, address):
    page.command("Page.navigate", url=address.text.strip())
    check("the page is live again", page.wait(STATE + " === 'live'", 30), page.run(STATE))
    for name, process, _ in list(web_process()):
        if name == "lodged":
            os.kill(process, signal.SIGKILL)
    check("without lodged it says so", page.wait(STATE + " === 'trouble'", 30), page.run(STATE))
    lodge("ls")
    check("the next lodged has it at the same address", page.wait(STATE + " === 'live'", 60), page.run(STATE))
    check("lodge web knows it", lodge("web", "--print").stdout == address.text)
    lodge("web", "--stop")
    check("then it is closed", page.wait(STATE + " !== 'live'", 30), page.run(STATE))
    again = Address(lodge("web", "--print").stdout)
    check("and opened with another token", again.good and again.token != address.token, again.text)
    check("the old one is worth nothing", again.ask("/metrics", token=address.token)[0] == 401)


def main():
    check = Checks()
    address = Address(lodge("web", "--print").stdout)
    if not check("lodge web prints an address", address.good, address.text):
        return 1
    is_confined(check)
    work = subprocess.Popen(["lodge", "exec", "worker", "--", "sh", "-c", WORK], stdin=subprocess.DEVNULL)
    browser = Chromium()
    try:
        page = browser.page(address.text.strip(), (1280, 1000))
        opens(check, page, address)
        shows_work(check, page)
        shows_screens(check, browser, page)
        looks_good(check, page, sys.argv[1])
        page.go("about:blank")
        keeps_others_out(check, address)
        tells_prometheus(check, address)
        rests(check, address)
        survives(check, page, address)
    finally:
        browser.close()
        work.kill()
        work.wait()
    print("page: %d passed, %d failed" % (check.passed, check.failed))
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
