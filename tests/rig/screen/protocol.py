# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Lodge protocol (protocol/README.md) for tests, written from its text and not from our C: the host's
end of a unix socket."""
import os
import queue
import socket
import struct
import threading
import time

from picture import Error, Picture, read_png

SYNC = bytes.fromhex("f74c6f646765fafd")
HELLO, REQUEST, REPLY, ERROR, CANCEL, MESSAGE, DATA, END, CREDIT, EVENT, PING, PONG = range(1, 13)
MORE = 1
FIRST_CREDIT = 262144


def encode(value):
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        for size, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
            if number < 1 << 8 * struct.calcsize(form):
                return bytes([major << 5 | size]) + struct.pack(form, number)
        raise ValueError(number)

    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(encode(item) for item in value)
    items = sorted((encode(key), encode(item)) for key, item in value.items())
    return head(5, len(items)) + b"".join(key + item for key, item in items)


def decode(data, at=0):
    """(value, where it ends)"""
    major, number = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return {20: False, 21: True, 22: None}[number], at
    if number >= 24:
        size = 1 << (number - 24)
        number = int.from_bytes(data[at:at + size], "big")
        at += size
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        piece = bytes(data[at:at + number])
        return piece if major == 2 else piece.decode(), at + number
    if major == 4:
        items = []
        for _ in range(number):
            item, at = decode(data, at)
            items.append(item)
        return items, at
    pairs = {}
    for _ in range(number):
        key, at = decode(data, at)
        pairs[key], at = decode(data, at)
    return pairs, at


class Refused(Error):
    def __init__(self, number, text):
        super().__init__("%s (%s)" % (text or "no words", os.strerror(number)))
        self.number = number


class Stream:
    """An open request: messages, data and the reply, as they came."""

    def __init__(self, control, number):
        self.control, self.number = control, number
        self.messages = queue.Queue()  # (time, name, map)
        self.data = []
        self.parts = b""
        self.ended = threading.Event()
        self.result = self.error = None
        self.credit = threading.Semaphore(0)  # something has come
        self.granted, self.sent = FIRST_CREDIT, 0

    def message(self, name, values):
        self.control.send(MESSAGE, self.number, encode(name) + encode(values))

    def write(self, data, seconds=60):
        """All of it on channel 0, as fast as it is taken, and the end."""
        while data and not self.ended.is_set():
            room = min(self.granted - self.sent, 65536)
            if not room and not self.credit.acquire(timeout=seconds):
                raise Error("nothing is taken for %g s" % seconds)
            piece, data = data[:room], data[room:]
            if piece:
                self.sent += len(piece)
                self.control.send(DATA, self.number, piece)
        self.control.send(END, self.number)

    def wait(self, seconds):
        """(result, bytes of channel 1)"""
        if not self.ended.wait(seconds):
            raise Error("no reply within %g s" % seconds)
        if self.error:
            raise self.error
        return self.result, b"".join(self.data)


class Control:
    """lodge-screen's control socket, or any other pipe whose guest end is there. A thread reads."""

    def __init__(self, path, timeout=20.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.timeout = timeout
        self.next_id = 1
        self.epoch = int.from_bytes(os.urandom(7), "big") + 1
        self.held = b""
        self.peer = None
        self.streams = {}
        self.lock = threading.Lock()
        self.established = threading.Event()
        self._hello(0)
        threading.Thread(target=self._serve, daemon=True).start()
        if not self.established.wait(timeout):
            raise Error("no HELLO from %s within %g s" % (path, timeout))

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    # --- Frames

    def _hello(self, peer):
        payload = encode({"epoch": self.epoch, "peer": peer, "versions": [1, 1], "role": "host",
                          "software": "tests", "capabilities": []})
        with self.lock:
            self.socket.sendall(SYNC + struct.pack("<BBBBII", HELLO, 0, 0, 0, 0, len(payload)) +
                                payload)

    def send(self, kind, stream, payload=b"", channel=0):
        with self.lock:
            self.socket.sendall(struct.pack("<BBBBII", kind, 0, channel, 0, stream, len(payload)) +
                                payload)

    def _receive(self):
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise Error("the other end has closed the connection")
        self.held += piece

    def _read(self, count):
        while len(self.held) < count:
            self._receive()
        piece, self.held = self.held[:count], self.held[count:]
        return piece

    def _skip_to_sync(self):
        while SYNC not in self.held:
            self.held = self.held[-7:]
            self._receive()
        self.held = self.held[self.held.index(SYNC) + 8:]

    def _serve(self):
        try:
            self._skip_to_sync()
            while True:
                start = self._read(12)
                if start[:8] == SYNC:
                    start = start[8:] + self._read(8)
                kind, flags, channel, _, number, length = struct.unpack("<BBBBII", start)
                self._take(kind, flags, channel, number, self._read(length))
        except (Error, OSError) as error:
            for stream in list(self.streams.values()):
                self._end(stream, error=Error(str(error)))

    def _take(self, kind, flags, channel, number, payload):
        if kind == HELLO:
            self.peer = decode(payload)[0]
            if self.peer["peer"] != self.epoch:
                self._hello(self.peer["epoch"])
            self.established.set()
        elif kind == PING:
            self.send(PONG, 0, payload)
        stream = self.streams.get(number)
        if not stream:
            return
        if kind == DATA:
            stream.data.append(payload)
            self.send(CREDIT, number, struct.pack("<I", len(payload)), channel)
        elif kind == CREDIT and channel == 0:
            stream.granted += struct.unpack("<I", payload)[0]
            stream.credit.release()
        elif kind in (MESSAGE, REPLY, ERROR):
            stream.parts += payload
            if flags & MORE:
                return
            whole, stream.parts = stream.parts, b""
            if kind == MESSAGE:
                name, at = decode(whole)
                stream.messages.put((time.monotonic(), name, decode(whole, at)[0]))
            elif kind == REPLY:
                self._end(stream, decode(whole)[0])
            else:
                error = decode(whole)[0]
                self._end(stream, error=Refused(error["number"], error.get("text", "")))

    def _end(self, stream, result=None, error=None):
        self.streams.pop(stream.number, None)
        stream.result, stream.error = result, error
        stream.ended.set()
        stream.credit.release()

    # --- Requests

    def open(self, method, parameters=None):
        stream = Stream(self, self.next_id)
        self.next_id += 2
        self.streams[stream.number] = stream
        self.send(REQUEST, stream.number, encode(method) + encode(parameters or {}))
        return stream

    def request(self, method, parameters=None, data=None):
        """(result, bytes of channel 1)"""
        stream = self.open(method, parameters)
        if data is not None:
            stream.write(data)
        return stream.wait(self.timeout)

    # --- lodge-screen

    def info(self):
        return self.request("screen.info")[0]

    def heads(self):
        return {head["head"]: head for head in self.info().get("heads", [])}

    def display(self, **wish):
        return self.request("screen.display", wish)[0]

    def capture(self, head=None, form="png"):
        wish = {"format": form}
        if head is not None:
            wish.update(one=True, head=head)
        result, data = self.request("screen.capture", wish)
        if form == "png":
            picture = read_png(data)
            if (picture.width, picture.height) != (result["width"], result["height"]):
                raise Error("the picture is not of the size that was said")
            return picture
        if len(data) != result["width"] * result["height"] * 4:
            raise Error("%d bytes of pixels for %r" % (len(data), result))
        return Picture(result["width"], result["height"], data)


def main():
    """protocol.py SOCKET METHOD [JSON]: a request by hand."""
    import json
    import sys
    control = Control(sys.argv[1])
    started = time.monotonic()
    result, data = control.request(sys.argv[2], json.loads(sys.argv[3]) if sys.argv[3:] else {})
    print(json.dumps(result), len(data), "bytes", "%.1f ms" % ((time.monotonic() - started) * 1000))


if __name__ == "__main__":
    main()
