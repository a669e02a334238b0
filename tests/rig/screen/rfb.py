# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small RFB (VNC) client for tests, without libraries (RFC 6143 and rfbproto's extensions).

It asks for raw pixels of four bytes, ExtendedDesktopSize and QEMU's extended keys; the cursor it takes
apart from them, and forgets. It believes the server: it is for tests on this machine.
"""
import os
import select
import socket
import struct
import time

from picture import Error

RAW, DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE = 0, -223, -308
CURSOR, QEMU_EXTENDED_KEY, QEMU_LEDS = -239, -258, -261


class Rfb:
    """A viewer: `where` is the path of a unix socket, HOST:PORT, or a connected socket."""

    def __init__(self, where, timeout=10.0, shared=True):
        if isinstance(where, socket.socket):
            self.socket = where
            self.socket.settimeout(timeout)
        elif os.path.exists(where):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(where)
        else:
            host, port = where.rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout)
        self.timeout = timeout
        self.width = self.height = 0
        self.screens = []
        self.extended = False  # the server knows ExtendedDesktopSize
        self.extended_keys = False
        self.leds = None
        self.cut_text = b""  # the last; of an extended clipboard, if that was asked for
        self.reason = self.status = None  # of the last ExtendedDesktopSize
        self.pixels = bytearray()
        self._handshake(shared)

    def close(self):
        self.socket.close()

    # --- Bytes

    def _read(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(min(count - len(data), 1 << 20))
            if not piece:
                raise Error("the server has closed the connection")
            data += piece
        return bytes(data)

    def _unpack(self, form):
        return struct.unpack(form, self._read(struct.calcsize(form)))

    def send(self, data):
        self.socket.sendall(data)

    # --- Start

    def _handshake(self, shared):
        version = self._read(12)
        if not version.startswith(b"RFB 003."):
            raise Error("not an RFB server: %r" % version)
        self.send(b"RFB 003.008\n")
        (count,) = self._unpack(">B")
        if not count:
            (length,) = self._unpack(">I")
            raise Error(self._read(length).decode("utf-8", "replace"))
        if 1 not in self._read(count):
            raise Error("the server wants a password or TLS")
        self.send(b"\1")
        (result,) = self._unpack(">I")
        if result:
            raise Error("the server refuses: security result %d" % result)
        self.send(b"\1" if shared else b"\0")
        self.width, self.height = self._unpack(">HH")
        self._read(16)
        (length,) = self._unpack(">I")
        self.name = self._read(length).decode("utf-8", "replace")
        self.pixels = bytearray(self.width * self.height * 4)
        # 32 bits, little endian: bytes B G R X.
        self.send(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.encodings([RAW, EXTENDED_DESKTOP_SIZE, DESKTOP_SIZE, CURSOR, QEMU_EXTENDED_KEY,
                        QEMU_LEDS])

    # --- To the server

    def encodings(self, numbers):
        self.send(struct.pack(">BxH%di" % len(numbers), 2, len(numbers), *numbers))

    def request(self, incremental=True, area=None):
        x, y, width, height = area or (0, 0, self.width, self.height)
        self.send(struct.pack(">BBHHHH", 3, incremental, x, y, width, height))

    def set_desktop_size(self, width, height, screens=None):
        """screens: (id, x, y, width, height, flags) each; default: one that is all of it."""
        if screens is None:
            first = self.screens[0][0] if self.screens else 0
            screens = [(first, 0, 0, width, height, 0)]
        message = struct.pack(">BxHHBx", 251, width, height, len(screens))
        self.send(message + b"".join(struct.pack(">IHHHHI", *screen) for screen in screens))

    def key(self, keysym, down):
        self.send(struct.pack(">BBxxI", 4, down, keysym))

    def scancode(self, keysym, xt, down):
        """QEMU's extended key event: an XT scan code (0xe0 prefixes are bit 7)."""
        self.send(struct.pack(">BBHII", 255, 0, down, keysym, xt))

    def pointer(self, x, y, buttons=0):
        self.send(struct.pack(">BBHH", 5, buttons, x, y))

    # --- From the server

    def _rectangle(self):
        x, y, width, height, encoding = self._unpack(">HHHHi")
        if encoding == RAW:
            data = self._read(width * height * 4)
            if x == 0 and width == self.width:
                self.pixels[y * width * 4:(y + height) * width * 4] = data
            else:
                for row in range(height):
                    at = ((y + row) * self.width + x) * 4
                    self.pixels[at:at + width * 4] = data[row * width * 4:(row + 1) * width * 4]
            return "pixels"
        if encoding in (DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE):
            if encoding == EXTENDED_DESKTOP_SIZE:
                self.extended = True
                self.reason, self.status = x, y
                (count,) = self._unpack(">Bxxx")
                screens = [self._unpack(">IHHHHI") for _ in range(count)]
                if self.status:
                    return "refused"
                self.screens = screens
            if (width, height) == (self.width, self.height):
                return "layout"
            self.width, self.height = width, height
            self.pixels = bytearray(width * height * 4)
            return "size"
        if encoding == CURSOR:
            self._read(width * height * 4 + (width + 7) // 8 * height)
            return "cursor"
        if encoding == QEMU_EXTENDED_KEY:
            self.extended_keys = True
            return "keys"
        if encoding == QEMU_LEDS:
            (self.leds,) = self._unpack(">B")
            return "leds"
        raise Error("a rectangle of encoding %d, which was not asked for" % encoding)

    def message(self):
        """Reads one message; returns the kinds of what it held."""
        (kind,) = self._unpack(">B")
        if kind == 0:
            (count,) = self._unpack(">xH")
            return [self._rectangle() for _ in range(count)]
        if kind == 1:
            _, count = self._unpack(">xHH")
            self._read(count * 6)
            return ["colours"]
        if kind == 2:
            return ["bell"]
        if kind == 3:
            (length,) = self._unpack(">xxxi")
            self.cut_text = self._read(abs(length))
            return ["clipboard"]
        raise Error("a message of kind %d" % kind)

    def events(self, seconds):
        """Yields (time, kinds) of each message until that many seconds have passed."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return
            kinds = self.message()
            yield time.monotonic(), kinds

    def drain(self, seconds=0.3, limit=5.0):
        """Reads what there is, asking for more, until nothing has come for that long. A picture that
        never rests, such as a blinking cursor, is read for @limit seconds."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            self.request()
            if not list(self._some(seconds)):
                return

    def _some(self, seconds):
        for event in self.events(seconds):
            yield event
            return

    def frame(self, area=None):
        """Asks for the whole picture, or a part of it, and waits for it."""
        self.request(incremental=False, area=area)
        deadline = time.monotonic() + self.timeout
        for _, kinds in self.events(self.timeout):
            if "size" in kinds:
                self.request(incremental=False, area=area)
            elif "pixels" in kinds:
                return
            if time.monotonic() > deadline:
                break
        raise Error("no picture within %g s" % self.timeout)

    def pixel(self, x, y):
        """(red, green, blue)"""
        at = (y * self.width + x) * 4
        blue, green, red = self.pixels[at:at + 3]
        return red, green, blue
