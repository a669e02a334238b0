#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent's memory.watch and memory.reclaim in a real guest: the host's part, and the guest's trouble.

usage: tests/rig/guest/run [--image full] -- tests/rig/guest/memory.py
       tests/rig/guest/run --append psi=0 -- tests/rig/guest/memory.py --no-psi

Or beside an agent on any machine that has lodge-guest in its PATH: memory.py --socket PATH. In a full guest, whose
files are on a disk, memory is reclaimed too."""
import argparse
import json
import os
import queue
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "screen"))
from picture import Error  # noqa: E402
from protocol import CANCEL, Control, Refused  # noqa: E402

MIB = 1 << 20
LONG = 180  # seconds in which anything may happen, on a busy machine

# Who is over memory.high of his group is made to wait, which counts as waiting for memory.
STALL = """
at=/run/hog && mkdir $at && mount -t cgroup2 none $at && echo +memory >$at/cgroup.subtree_control &&
	mkdir $at/hog && echo 4M >$at/hog/memory.high || exit 1
sh -c "echo \\$\\$ >$at/hog/cgroup.procs && exec dd if=/dev/zero of=/dev/null bs=32M" >/dev/null 2>&1 &
"""
RELIEF = """
at=/run/hog; echo max >$at/hog/memory.high; read -r pid <$at/hog/cgroup.procs && kill -9 $pid
until rmdir $at/hog; do sleep 1; done
umount $at && rmdir $at
"""

# How often the agent's loop woke in a minute in which nobody asked it anything.
WAKEUPS = """
agent=$(pidof lodge-agent); count() { sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' /proc/$agent/status; }
up() { cut -d' ' -f1 /proc/uptime; }
sleep 2; before=$(count); start=$(up); sleep 60; after=$(count); end=$(up)
echo $before $after $(awk "BEGIN { print $end - $start }")
"""


def words(report):
    names = ("period_ms", "free_bytes", "available_bytes", "balloon_bytes", "cached_bytes", "working_set_bytes", "idle_bytes",
             "refaulted_file_bytes", "some_us", "cause")
    return ", ".join("%s %s" % (name, report[name] // MIB if name.endswith("bytes") else report[name])
                     for name in names if name in report)


class Rig:
    def __init__(self, path):
        self.passed = self.failed = 0
        self.path = path
        self.control = self._connect()

    def _connect(self):
        deadline = time.monotonic() + LONG
        while True:
            try:
                return Control(self.path, LONG)
            except OSError as error:
                if time.monotonic() > deadline:
                    raise Error("no agent: %s" % error)
                time.sleep(1)

    def check(self, name, fine, *more):
        if fine:
            self.passed += 1
        else:
            self.failed += 1
        print("%s  %s" % ("ok  " if fine else "FAIL", name), *more, flush=True)

    def shell(self, command):
        """What it prints; it must succeed."""
        result, text = self.control.open("exec", {"argv": [b"sh", b"-c", command.encode()]}).wait(LONG)
        if result.get("status") or result.get("signal"):
            raise Error("%s: %s" % (command, result))
        return text.decode()

    def watch(self, **wishes):
        return self.control.open("memory.watch", wishes)

    def next(self, stream, seconds=LONG):
        """(time, name, report); None if nothing comes"""
        try:
            return stream.messages.get(timeout=seconds)
        except queue.Empty:
            if stream.error:
                raise stream.error
            return None

    def end(self, stream):
        self.control.send(CANCEL, stream.number)
        stream.wait(LONG)

    def until(self, stream, fine, seconds=LONG):
        """The first message that is fine, else None."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self.next(stream, deadline - time.monotonic())
            if message and fine(message[1], message[2]):
                return message
        return None


def first_report(rig, psi):
    stream = rig.watch()
    _, name, report = rig.next(stream) or (0, "", {})
    rig.check("a report comes at once", name == "report" and report.get("total_bytes", 0) > 0, words(report))
    rig.check("the kernel has PSI, and wakes the agent" if psi else "the kernel has no PSI, which is told",
              (report.get("pressure", False), report.get("trigger", False)) == (psi, psi))
    print("      reclaim: %s" % (report.get("reclaim") or "not possible"))
    rig.end(stream)
    return report


def changes(rig, report):
    """Takes an eighth of what is there, and gives it back."""
    size = report["total_bytes"] // 8
    stream = rig.watch()
    rig.next(stream)
    before = time.monotonic()
    rig.shell("dd if=/dev/zero of=/dev/shm/hog bs=1M count=%d 2>/dev/null" % (size // MIB))
    less = rig.until(stream, lambda name, now: report["available_bytes"] - now["available_bytes"] > size * 3 // 4)
    rig.check("what is taken is told", less, "after %.1f s" % (time.monotonic() - before))
    rig.shell("rm /dev/shm/hog")
    rig.check("and what is given back", rig.until(
        stream, lambda name, now: report["available_bytes"] - now["available_bytes"] < size // 4))
    return stream


def quiet(rig, stream):
    """@stream: of the usual wishes."""
    slow = rig.until(stream, lambda name, now: now["period_ms"] == 30000, 300)
    rig.check("a quiet guest is told of less and less, down to every 30 s", slow)
    before, after, seconds = (float(word) for word in rig.shell(WAKEUPS).split())
    rig.check("and the agent sleeps in between", after - before < seconds / 2,
              "%d wakeups in %.0f s" % (after - before, seconds))


def stall(rig, stream):
    """From the quiet: nothing but the kernel's trigger can wake the agent."""
    before = time.monotonic()
    rig.shell(STALL)
    urgent = rig.until(stream, lambda name, now: name == "urgent" and now["cause"] == "stall", 60)
    rig.check("a stall is urgent", urgent,
              "after %.2f s: %s" % (urgent[0] - before, words(urgent[2])) if urgent else "")
    rig.shell(RELIEF)


def low(rig, report):
    mark = report["available_bytes"] - 24 * MIB
    stream = rig.watch(low_bytes=mark)
    rig.next(stream)
    before = time.monotonic()
    rig.shell("dd if=/dev/zero of=/dev/shm/hog bs=1M count=48 2>/dev/null")
    urgent = rig.until(stream, lambda name, now: name == "urgent" and now["cause"] == "low", 60)
    rig.check("falling below the mark is urgent", urgent and urgent[2]["available_bytes"] < mark,
              "after %.2f s" % (urgent[0] - before) if urgent else "")
    rig.shell("rm /dev/shm/hog")
    rig.end(stream)


def order(lines, command, **arguments):
    lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    lines.flush()
    while True:
        answer = json.loads(lines.readline())
        if "return" in answer:
            return answer["return"]
        if "error" in answer:
            raise Error(answer["error"]["desc"])


def balloon(rig, path):
    """The host takes 64 MiB, by QEMU's balloon, which deflates on OOM: the kernel goes on counting them."""
    size = 64 * MIB
    qmp = socket.socket(socket.AF_UNIX)
    qmp.settimeout(LONG)
    qmp.connect(path)
    lines = qmp.makefile("rw")
    order(lines, "qmp_capabilities")
    stream = rig.watch()
    before = rig.next(stream)[2]
    whole = order(lines, "query-balloon")["actual"]
    order(lines, "balloon", value=whole - size)
    taken = rig.until(stream, lambda name, now: now.get("balloon_bytes", 0) == size)
    rig.check("what the balloon has is told apart", taken and taken[2]["total_bytes"] == before["total_bytes"] and
              taken[2]["working_set_bytes"] < before["working_set_bytes"] + size // 2,
              words(taken[2]) if taken else "")
    order(lines, "balloon", value=whole)
    rig.check("and that it is back", rig.until(stream, lambda name, now: not now.get("balloon_bytes")))
    rig.end(stream)
    qmp.close()


def reclaim(rig, report):
    want = 64 * MIB
    try:
        rig.shell("find /usr -type f -exec cat {} + 2>/dev/null | head -c 209715200 >/dev/null")
        stream = rig.watch(period_ms=200)
        before = rig.next(stream)[2]
        started = time.monotonic()
        result = rig.control.open("memory.reclaim", {"bytes": want}).wait(LONG)[0]
        seconds = time.monotonic() - started
    except Refused as error:
        rig.check("what the kernel cannot is refused with words", not report.get("reclaim"), str(error))
        return
    text = "%d MiB by %s in %.2f s" % (result["bytes"] // MIB, result.get("by"), seconds)
    if before["cached_bytes"] < 2 * want:
        rig.end(stream)
        rig.check("memory.reclaim ends where there is nothing to reclaim", True, text)
        return
    after = rig.until(stream, lambda name, now: now["free_bytes"] > before["free_bytes"] + want // 2, 30)
    rig.end(stream)
    rig.check("reclaimed memory is free", result["bytes"] >= want // 2 and after, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", default=os.path.join(os.environ.get("RIG", "."), "agent.sock"))
    parser.add_argument("--no-psi", action="store_true")
    wishes = parser.parse_args()
    rig = Rig(wishes.socket)
    report = first_report(rig, not wishes.no_psi)
    print(rig.shell("lodge-guest memory"))
    shown = json.loads(rig.shell("lodge-guest memory --json"))
    rig.check("lodge-guest memory shows the same", all(shown[name] == report.get(name, absent) for name, absent in
              (("total_bytes", 0), ("swap_total_bytes", 0), ("pressure", False), ("reclaim", ""))))
    low(rig, report)
    qmp = os.path.join(os.path.dirname(wishes.socket), "qmp.sock")
    if os.path.exists(qmp):
        balloon(rig, qmp)
    stream = changes(rig, report)
    reclaim(rig, report)
    if not wishes.no_psi:
        quiet(rig, stream)
        stall(rig, stream)
    print("%d passed, %d failed" % (rig.passed, rig.failed))
    sys.exit(rig.failed > 0)


if __name__ == "__main__":
    main()
