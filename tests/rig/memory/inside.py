#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs in the nested rig's KVM host: inside.py CASE..."""

import errno
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from machine import MIB, Machine, protocol  # noqa: E402

GUEST = "/root/guest"
BOOT_SECONDS = 150
SECONDS = 240  # for what a guest does under two layers of emulation
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


def move(machine, size, inside):
    """The balloon to so much memory for the guest, in MiB; @inside is in it then."""
    began = time.monotonic()
    machine.control.request("vm.balloon", {"target_bytes": size * MIB})
    memory = until(machine, "to %d MiB" % size, lambda m: m["actual_bytes"] == size * MIB)
    took = time.monotonic() - began
    check("to %d MiB: what is counted is what the driver says" % size,
          memory.get("balloon_bytes", 0) == inside * MIB, mib(memory))
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
    move(machine, 192, 320)
    until(machine, "what is in the balloon is the host's", lambda m: m["resident_bytes"] < 192 * MIB)
    move(machine, 512, 0)
    machine.shell("dd if=/dev/zero of=/run/file bs=1M count=180 2>/dev/null")
    check("and can be used again", machine.memory()["resident_bytes"] > full - 60 * MIB,
          mib(machine.memory()))
    machine.shell("rm /run/file")
    check("changes are told", any(name == "vm.memory" for name, _ in machine.control.events))

    move(machine, 192, 320)
    machine.control.request("vm.reset")
    machine.wait(lambda m: not m.get("driver"), 20)
    until(machine, "after a restart the balloon is filled again",
          lambda m: m.get("driver") and m["actual_bytes"] == 192 * MIB, BOOT_SECONDS)
    check("it stops", machine.stop() == STOPPED)


def total(machine):
    """What the guest's kernel has, in MiB."""
    text = machine.shell("grep MemTotal /proc/meminfo")
    return int(text.split("MemTotal:")[1].split()[0]) // 1024


def wait_for_total(machine, name, least, most):
    """Memory blocks come and go some time after their pages."""
    end = time.monotonic() + SECONDS
    while not least <= total(machine) <= most and time.monotonic() < end:
        time.sleep(1)
    check(name, least <= total(machine) <= most, "%d MiB, not %d to %d" %
          (total(machine), least, most))


def plug(machine, size):
    """So much memory for the machine, in MiB; what it says then."""
    began = time.monotonic()
    machine.control.request("vm.plug", {"ram_bytes": size * MIB})
    memory = until(machine, "plugged to %d MiB" % size, lambda m: m["ram_bytes"] == size * MIB)
    print("      in %.1f s" % (time.monotonic() - began), flush=True)
    return memory


def refusal(machine, method, **parameters):
    try:
        machine.control.request(method, parameters)
    except protocol.Refused as refused:
        return refused.number
    return 0


def case_plug(folder):
    # Its agent puts into use what is plugged in: the kernel does not.
    machine = Machine(GUEST, folder, "--balloon", "--port=org.lodge.agent.0=%s/agent" % folder,
                      memory="512M,max=1G")
    memory = until(machine, "a stock driver finds the memory device",
                   lambda m: m.get("plug_driver") and m.get("driver"), BOOT_SECONDS)
    check("nothing is plugged in at first", memory["ram_bytes"] == 512 * MIB and
          memory["maximum_bytes"] == 1024 * MIB and memory["actual_bytes"] == 512 * MIB, mib(memory))
    check("no more than the maximum can be", refusal(machine, "vm.plug", ram_bytes=1025 * MIB) ==
          errno.ERANGE and refusal(machine, "vm.plug", ram_bytes=511 * MIB) == errno.ERANGE)
    start = total(machine)
    memory = plug(machine, 1024)
    check("the balloon's driver has it, too", memory["actual_bytes"] == 1024 * MIB, mib(memory))
    wait_for_total(machine, "the guest's kernel has it", start + 500, start + 512)
    before = memory["resident_bytes"]
    machine.shell("mount -o remount,size=700m /run; "
                  "dd if=/dev/zero of=/run/file bs=1M count=560 2>/dev/null", SECONDS)
    memory = machine.memory()
    check("and uses it", memory["resident_bytes"] > before + 500 * MIB, mib(memory))
    text = machine.shell("ls -s /run/file")
    check("all of it", "573440 " in text, text)
    machine.shell("rm /run/file")

    # Pages of the balloon that are in the way have to move, one by one: slow here.
    move(machine, 960, 64)
    plug(machine, 960)
    until(machine, "the balloon lets go of what is plugged out",
          lambda m: m["actual_bytes"] == 960 * MIB and m.get("balloon_bytes", 0) == 0)
    plug(machine, 768)
    wait_for_total(machine, "the guest has less", start + 240, start + 260)
    until(machine, "what was plugged out is the host's", lambda m: m["resident_bytes"] < 400 * MIB)
    machine.control.request("vm.reset")
    memory = machine.wait(lambda m: not m.get("plug_driver"), 20)
    check("a restart begins with what the machine started with", memory["ram_bytes"] == 512 * MIB,
          mib(memory))
    until(machine, "and gets to the request again",
          lambda m: m.get("plug_driver") and m["ram_bytes"] == 768 * MIB, BOOT_SECONDS)
    check("changes are told", any(name == "vm.memory" and told["ram_bytes"] == 768 * MIB
                                  for name, told in machine.control.events))
    check("it stops", machine.stop() == STOPPED)


CASES = {"balloon": case_balloon, "plug": case_plug}


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
