# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent's side of a lodge-session's socket."""
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rig", "screen"))

from picture import Error  # noqa: E402
from protocol import CANCEL, ERROR, HELLO, MESSAGE, MORE, REPLY, REQUEST, SYNC, decode, encode  # noqa: E402


class Agent:
    """Waits on a socket for one lodge-session."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.socket = None
        self.held = b""
        self.next = 1
        self.hello = None
        self.messages = []  # (stream, name, map)
        self.ended = {}  # stream: (type, map)

    def close(self):
        for end in (self.socket, self.listener):
            if end:
                end.close()

    def hang_up(self):
        """As an agent that ends; accept() is its next life."""
        self.socket.close()
        self.socket, self.hello, self.held, self.next = None, None, b"", 1
        self.messages, self.ended = [], {}

    def accept(self, seconds):
        if not select.select([self.listener], [], [], seconds)[0]:
            raise Error("no lodge-session came in %d s" % seconds)
        self.socket = self.listener.accept()[0]
        epoch = int.from_bytes(os.urandom(7), "big") + 1
        self._say_hello(epoch, 0)
        self._wait(lambda: self.hello, seconds)
        self._say_hello(epoch, self.hello["epoch"])
        deadline = time.monotonic() + seconds
        while self.hello["peer"] != epoch and time.monotonic() < deadline:
            self._wait(None, 0.1)

    def _say_hello(self, own, peer):
        self.socket.sendall(SYNC)
        self._send(HELLO, 0, encode({"epoch": own, "peer": peer, "versions": [1, 1], "role": "host",
                                     "software": "test", "capabilities": []}))

    def _send(self, kind, stream, payload):
        self.socket.sendall(struct.pack("<BBBBII", kind, 0, 0, 0, stream, len(payload)) + payload)

    def _take(self):
        if self.held.startswith(SYNC):
            self.held = self.held[len(SYNC):]
        if len(self.held) < 12:
            return False
        kind, flags, _, _, stream, length = struct.unpack("<BBBBII", self.held[:12])
        if len(self.held) < 12 + length:
            return False
        payload, self.held = self.held[12:12 + length], self.held[12 + length:]
        if flags & MORE:
            raise Error("pieces are not expected here")
        if kind == HELLO:
            self.hello = decode(payload)[0]
        elif kind == MESSAGE:
            name, at = decode(payload)
            self.messages.append((stream, name, decode(payload, at)[0]))
        elif kind in (REPLY, ERROR):
            self.ended[stream] = kind, decode(payload)[0] if payload else {}
        return True

    def _wait(self, condition, seconds):
        deadline = time.monotonic() + seconds
        while not (condition and condition()):
            while self._take():
                pass
            if condition and condition():
                return
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                if condition:
                    raise Error("nothing came in %g s" % seconds)
                return
            piece = self.socket.recv(65536)
            if not piece:
                raise Error("lodge-session hung up")
            self.held += piece

    def request(self, method, params=None):
        stream, self.next = self.next, self.next + 2
        self._send(REQUEST, stream, encode(method) + encode(params or {}))
        return stream

    def message(self, stream, name, params):
        self._send(MESSAGE, stream, encode(name) + encode(params))

    def cancel(self, stream, seconds=5):
        self._send(CANCEL, stream, b"")
        self._wait(lambda: stream in self.ended, seconds)
        return self.ended[stream]

    def next_message(self, seconds=5):
        """(name, map)"""
        self._wait(lambda: self.messages, seconds)
        return self.messages.pop(0)[1:]

    def wait_message(self, name, condition=lambda params: True, seconds=5):
        """The next one; earlier ones are dropped."""
        while True:
            is_name, params = self.next_message(seconds)
            if is_name == name and condition(params):
                return params
