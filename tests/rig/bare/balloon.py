#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's side of the bare guest's suite balloon-host: tests/rig/bare/balloon.py CONTROL

Sets targets and looks at what the machine says of its memory; a line "ok NAME" or "not ok NAME: WHY"
each. Stops the machine at the end.
"""

import errno
import os
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(here, "../screen")]
sys.dont_write_bytecode = True
import protocol  # noqa: E402

SECONDS = 60  # for what a guest does on a machine that is busy
MIB = 1 << 20
PAGE = 4096
EVENT_SECONDS = 0.2  # they are so far apart at least
FREE, MAJOR_FAULTS = 4, 2


def check(name, condition, why=""):
    print("ok " + name if condition else "not ok %s: %s" % (name, why), flush=True)
    return condition


class Machine(protocol.Control):
    def __init__(self, path):
        self.events = []  # (when, what)
        super().__init__(path)

    def _take(self, kind, flags, channel, number, payload):
        if kind == protocol.EVENT:
            name, at = protocol.decode(payload)
            if name == "vm.memory":
                self.events.append((time.monotonic(), protocol.decode(payload, at)[0]))
        super()._take(kind, flags, channel, number, payload)

    def memory(self):
        return self.request("vm.memory")[0]

    def wait(self, condition):
        """Until what the machine says of its memory is so: what it said last."""
        end = time.monotonic() + SECONDS
        memory = self.memory()
        while not condition(memory) and time.monotonic() < end:
            time.sleep(0.05)
            memory = self.memory()
        return memory

    def refusal(self, method, **parameters):
        try:
            self.request(method, parameters)
        except protocol.Refused as refused:
            return refused.number
        return 0


def look_at_refusals(machine, maximum):
    for name, method, parameters, number in (
            ("no-target", "vm.balloon", {}, errno.EBADMSG),
            ("target-of-nothing", "vm.balloon", {"target_bytes": 0}, errno.ERANGE),
            ("target-too-large", "vm.balloon", {"target_bytes": maximum + 1}, errno.ERANGE),
            ("no-period", "vm.statistics", {}, errno.EBADMSG),
            ("period-too-short", "vm.statistics", {"period_ms": 1}, errno.ERANGE),
            ("period-too-long", "vm.statistics", {"period_ms": 3600001}, errno.ERANGE)):
        got = machine.refusal(method, **parameters)
        check("balloon-host/" + name, got == number, "errno %d" % got)


def look_at_statistics(machine):
    machine.request("vm.statistics", {"period_ms": 100})
    first = machine.wait(lambda memory: memory.get("tags", 0) != 0)
    check("balloon-host/tags", first.get("tags") == 1 << FREE | 1 << MAJOR_FAULTS, first)
    check("balloon-host/statistic", first.get("free_bytes") == 48 * MIB, first)
    told = first.get("major_faults", 0)
    later = machine.wait(lambda memory: memory.get("major_faults", 0) >= told + 3)
    check("balloon-host/statistics-go-on", later.get("major_faults", 0) >= told + 3, later)
    machine.request("vm.statistics", {"period_ms": 0})
    machine.wait(lambda memory: memory.get("age_ms", 0) > 500)
    told = machine.memory().get("major_faults")
    time.sleep(0.5)
    check("balloon-host/statistics-end", machine.memory().get("major_faults") == told,
          machine.memory())


def move(machine, name, maximum, inside):
    """To a balloon of so many bytes; what the machine says then."""
    machine.events.clear()
    machine.request("vm.balloon", {"target_bytes": maximum - inside})
    memory = machine.wait(lambda memory: memory.get("actual_bytes") == maximum - inside and
                          memory.get("balloon_bytes", 0) == inside)
    check("balloon-host/" + name, memory.get("actual_bytes") == maximum - inside and
          memory.get("balloon_bytes", 0) == inside and
          memory.get("target_bytes") == maximum - inside, memory)
    end = time.monotonic() + SECONDS
    while not told(machine, maximum - inside) and time.monotonic() < end:
        time.sleep(0.05)
    check("balloon-host/%s-event" % name, told(machine, maximum - inside), machine.events[-1:])
    return memory


def told(machine, actual):
    return bool(machine.events) and machine.events[-1][1].get("actual_bytes") == actual


def main(path):
    machine = Machine(path)
    start = machine.wait(lambda memory: memory.get("driver"))
    maximum = start["ram_bytes"]
    check("balloon-host/driver", start.get("balloon") and start.get("driver"), start)
    check("balloon-host/all-there", start.get("actual_bytes") == maximum, start)
    look_at_refusals(machine, start["maximum_bytes"])
    look_at_statistics(machine)
    before = machine.memory()["resident_bytes"]
    large = move(machine, "inflate", maximum, 32 * MIB)
    check("balloon-host/host-has-it-back", before - large["resident_bytes"] >= 32 * MIB - 64 * PAGE,
          "%d bytes of 32 MiB" % (before - large["resident_bytes"]))
    began = time.monotonic()
    small = move(machine, "deflate", maximum, 0)
    check("balloon-host/guest-has-it-back", small["resident_bytes"] >= before - 64 * PAGE,
          "%d bytes, not %d" % (small["resident_bytes"], before))
    # The guest changes its word thousands of times now.
    move(machine, "flood", maximum, PAGE)
    most = (time.monotonic() - began) / EVENT_SECONDS + 2
    check("balloon-host/few-events", len(machine.events) <= most, "%d" % len(machine.events))
    check("balloon-host/complete", True)
    machine.request("vm.stop")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (protocol.Error, OSError) as error:
        check("balloon-host/machine", False, error)
