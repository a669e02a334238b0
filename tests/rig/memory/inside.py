#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs in the nested rig's KVM host: inside.py CASE..."""

import sys
import tempfile
import time

sys.dont_write_bytecode = True
from machine import MIB, Machine, protocol  # noqa: E402

GUEST = "/root/guest"
BOOT_SECONDS = 150
SECONDS = 90  # for what a guest does under two layers of emulation
STOPPED = 10  # lodge-vmm's exit status after vm.stop

passed = failed = 0


def check(name, condition, why=""):
    global passed, failed
    if condition:
        passed += 1
        print("ok    " + name, flush=True)
    else:
        failed += 1
        print("FAIL  %s: %s" % (name, why), flush=True)
    return condition


def mib(memory):
    return {key: value // MIB if key.endswith("_bytes") else value for key, value in memory.items()}


def until(machine, name, condition, seconds=SECONDS):
    memory = machine.wait(condition, seconds)
    check(name, condition(memory), mib(memory))
    return memory


def move(machine, size):
    """The balloon to so much memory for the guest, in MiB."""
    began = time.monotonic()
    machine.control.request("vm.balloon", {"target_bytes": size * MIB})
    memory = until(machine, "to %d MiB" % size, lambda m: m["actual_bytes"] == size * MIB)
    took = time.monotonic() - began
    inside = memory["maximum_bytes"] - size * MIB
    check("to %d MiB: what is counted is what the driver says" % size,
          memory.get("balloon_bytes", 0) == inside, mib(memory))
    print("      in %.1f s" % took, flush=True)


def case_balloon(folder):
    machine = Machine(GUEST, folder, "--balloon")
    until(machine, "a stock driver drives the balloon", lambda m: m.get("driver"), BOOT_SECONDS)
    machine.control.request("vm.statistics", {"period_ms": 500})
    memory = until(machine, "it tells statistics", lambda m: m.get("total_bytes"))
    check("they are plausible", 400 * MIB < memory["total_bytes"] < 512 * MIB and
          all(0 < memory[key] < memory["total_bytes"] for key in ("free_bytes", "available_bytes")),
          mib(memory))
    check("reporting and deflate on OOM were negotiated",
          memory.get("reporting") and memory.get("deflate_on_oom"), mib(memory))

    before = memory["resident_bytes"]
    machine.shell("dd if=/dev/zero of=/run/file bs=1M count=180 2>/dev/null")
    memory = machine.memory()
    check("what is used costs the host", memory["resident_bytes"] > before + 100 * MIB, mib(memory))
    full = memory["resident_bytes"]
    machine.shell("rm /run/file")
    until(machine, "free pages are reported and given back",
          lambda m: m["resident_bytes"] < full - 120 * MIB)

    machine.shell("dd if=/dev/zero of=/run/file bs=1M count=180 2>/dev/null")
    full = machine.memory()["resident_bytes"]
    machine.shell("rm /run/file")
    move(machine, 192)
    until(machine, "what is in the balloon is the host's", lambda m: m["resident_bytes"] < 192 * MIB)
    move(machine, 512)
    machine.shell("dd if=/dev/zero of=/run/file bs=1M count=180 2>/dev/null")
    check("and can be used again", machine.memory()["resident_bytes"] > full - 60 * MIB,
          mib(machine.memory()))
    machine.shell("rm /run/file")
    check("changes are told", any(name == "vm.memory" for name, _ in machine.control.events))

    move(machine, 192)
    machine.control.request("vm.reset")
    machine.wait(lambda m: not m.get("driver"), 20)
    until(machine, "after a restart the balloon is filled again",
          lambda m: m.get("driver") and m["actual_bytes"] == 192 * MIB, BOOT_SECONDS)
    check("it stops", machine.stop() == STOPPED)


CASES = {"balloon": case_balloon}


def main(names):
    for name in names:
        print("-- " + name, flush=True)
        try:
            with tempfile.TemporaryDirectory() as folder:
                CASES[name](folder)
        except (protocol.Error, OSError) as error:
            check(name + " to its end", False, error)
    print("%d passed, %d failed" % (passed, failed), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
