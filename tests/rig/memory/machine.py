# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine of lodge-vmm for tests: its control socket and a shell on its serial console."""

import os
import socket
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(here, "../screen")]
sys.dont_write_bytecode = True
import protocol  # noqa: E402

MIB = 1 << 20
PROMPT = b":/root# "


class Control(protocol.Control):
    """Keeps the events that come, too."""

    def __init__(self, path):
        self.events = []
        super().__init__(path)

    def _take(self, kind, flags, channel, number, payload):
        if kind == protocol.EVENT:
            name, at = protocol.decode(payload)
            self.events.append((name, protocol.decode(payload, at)[0]))
        super()._take(kind, flags, channel, number, payload)


class Guest:
    """A process that runs a guest, and a shell on the guest's serial console, a unix socket."""

    def __init__(self, words, *sockets):
        self.text = b""
        self.asked = 0
        self.process = subprocess.Popen(words)
        while not all(os.path.exists(path) for path in sockets):
            if self.process.poll() is not None:
                raise protocol.Error("%s ended with status %d" % (words[0], self.process.returncode))
            time.sleep(0.05)
        self.serial = socket.socket(socket.AF_UNIX)
        self.serial.connect(sockets[0])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            piece = self.serial.recv(4096)
            if not piece:
                return
            self.text += piece

    def shell(self, command, seconds=120):
        """What a command prints in the guest, once there is a shell."""
        self.asked += 1
        end = time.monotonic() + seconds
        while PROMPT not in self.text:
            if time.monotonic() > end:
                raise protocol.Error("the guest has no shell: %r" % self.text[-300:])
            time.sleep(0.1)
        mark = b"said-%d" % self.asked
        text = b"%s; echo said''-%d\n" % (command.encode(), self.asked)
        begin = len(self.text)
        self.serial.sendall(b"\n" + text)
        while mark not in self.text[begin:]:
            if time.monotonic() > end:
                raise protocol.Error("the guest's shell does not answer: %r" % self.text[-300:])
            time.sleep(0.1)
        return self.text[begin:].split(mark)[0].decode(errors="replace").replace("\r", "")

    def end(self):
        self.process.kill()
        self.process.wait()


class Machine(Guest):
    """Of lodge-vmm."""

    def __init__(self, guest, folder, *arguments, memory="512M", append=""):
        serial, control = folder + "/serial", folder + "/control"
        super().__init__(
            ["lodge-vmm", "--memory", memory, "--kernel", guest + "/vmlinuz",
             "--initrd", guest + "/initrd.img", "--append", "console=ttyS0 " + append,
             "--serial", "unix:" + serial, "--control", control, *arguments], serial, control)
        self.control = Control(control)

    def memory(self):
        return self.control.request("vm.memory")[0]

    def wait(self, condition, seconds):
        """Until what the machine says of its memory is so, or the time is over: what it said last."""
        end = time.monotonic() + seconds
        memory = self.memory()
        while not condition(memory) and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.1)
            memory = self.memory()
        return memory

    def stop(self):
        self.control.request("vm.stop")
        return self.process.wait(30)
