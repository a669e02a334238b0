# SPDX-License-Identifier: LGPL-2.1-or-later
"""Descriptors for lodge-screen (host/screen/handoff.h)."""
import socket

from picture import Error


def hand_over(path, kind, file=None, **keys):
    """`file`: a socket or a file, which stays open here."""
    text = "".join("%s=%s\n" % pair for pair in [("kind", kind), *keys.items()])
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(10)
        connection.connect(path)
        socket.send_fds(connection, [text.encode()], [file.fileno()] if file else [])
        answer = connection.recv(512).decode()
    if answer != "ok":
        raise Error("lodge-screen does not take it: " + answer)
