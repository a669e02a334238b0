# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS and passwords: TigerVNC gets in by VeNCrypt with the certificate it was given, and without one;
who has no TLS, no password, the wrong certificate or too many tries does not. Nothing listens that was
not asked for.
"""
import contextlib
import os
import secrets
import socket
import subprocess
import tempfile

from checks import wait
from handoff import hand_over
from picture import Error
from screens import Screen
from viewer_windows import TigerVNC

PASSWORD = "sesame42"
VNC_AUTHENTICATION, VENCRYPT = 2, 19


class Listener:
    """A way in on localhost, handed over as lodged does for --vnc."""

    def __init__(self, screen, name, **keys):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            hand_over(screen.handoff, "vnc-listener", listener, id=name, **keys)


def make_certificate(folder, name):
    """PEM files of a certificate for 127.0.0.1 that proves itself, and its key."""
    certificate, key = (os.path.join(folder, name + end) for end in (".pem", "-key.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return certificate, key


def make_password_file(folder, password):
    """As vncpasswd writes them: by DES, with a key that everybody knows."""
    path = os.path.join(folder, "password-" + secrets.token_hex(4))
    subprocess.run(["openssl", "enc", "-des-ecb", "-nopad", "-K", "e84ad660c4721ae0", "-provider",
                    "legacy", "-provider", "default", "-out", path], check=True,
                   input=password.encode().ljust(8, b"\0")[:8])
    return path


def viewer(port, kind, password, *options):
    """TigerVNC that knows no more ways in than `kind`."""

    class Secured(TigerVNC):
        @staticmethod
        def command(_, __):
            return ("vncviewer", "-SecurityTypes", kind, "-PasswordFile", password, "-Shared",
                    "-NoJPEG", *options, "127.0.0.1::%d" % port)

    return Secured


def gets_in(check, what, kind, screen):
    try:
        window = kind(screen, None)
    except Error as error:
        check(what, False, str(error))
        return
    try:
        why = wait(lambda: not window.shows(screen.machine.size(0), 0), 15) or \
            window.shows(screen.machine.size(0), 0)
        check(what, why is True, "" if why is True else why)
    finally:
        window.close()


def is_refused(check, what, kind, said, screen):
    """What the viewer shows instead is a window of its own, and a line in its log."""

    class Refused(kind):
        title = "TigerVNC Viewer|Unknown certificate"

    window = Refused(screen, None)
    try:
        def log():
            window.log.seek(0)
            return window.log.read().decode("utf-8", "replace") + \
                window.x.xdotool("getwindowname", window.window)

        check(what, wait(lambda: said in log(), 10), log().strip().splitlines()[-1])
    finally:
        window.close()


# --- By hand ------------------------------------------------------------------------------------

def read(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise Error("the server has closed the connection")
        data += piece
    return data


def security_types(port):
    """What the server offers, or its words if that is nothing."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        read(connection, 12)
        connection.sendall(b"RFB 003.008\n")
        count = read(connection, 1)[0]
        if count:
            return list(read(connection, count))
        return read(connection, int.from_bytes(read(connection, 4), "big")).decode()


def guess(port):
    """A password by chance. Return: the server's words."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        read(connection, 12)
        connection.sendall(b"RFB 003.008\n")
        kinds = read(connection, read(connection, 1)[0])
        if not kinds:
            return read(connection, int.from_bytes(read(connection, 4), "big")).decode()
        connection.sendall(bytes([VNC_AUTHENTICATION]))
        read(connection, 16)
        connection.sendall(secrets.token_bytes(16))
        if read(connection, 4) == bytes(4):
            return "ok"
        return read(connection, int.from_bytes(read(connection, 4), "big")).decode()


def listening(process):
    """Its sockets that listen: (address, port) in hexadecimal, as the kernel has them. They are from out
    here: where it is itself there is no network."""
    inodes, found = set(), []
    folder = "/proc/%d/fd" % process.pid
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # it closes some meanwhile
            inodes.add(os.readlink(os.path.join(folder, fd)))
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with open("/proc/net/" + table, encoding="ascii") as file:
            for line in list(file)[1:]:
                words = line.split()
                if "socket:[%s]" % words[9] in inodes and words[3] in ("0A", "07"):
                    found.append(tuple(words[1].split(":")))
    return found


def tries_passwords(check, screen, right):
    """On a way in of its own, as the others would be shut as well."""
    door = Listener(screen, "guessed", password=PASSWORD)
    words = [guess(door.port) for _ in range(5)]
    check("a wrong password is refused, and said to be",
          words == ["The password is wrong."] * 5, repr(words))
    late = security_types(door.port)
    check("after five nobody may try for a while", isinstance(late, str), repr(late))
    check("then one may again", wait(lambda: security_types(door.port) == [VNC_AUTHENTICATION], 30))
    gets_in(check, "and gets in by the right one", viewer(door.port, "VncAuth", right), screen)


def try_secured(check, program):
    with tempfile.TemporaryDirectory(prefix="lodge-secured.") as folder:
        certificate, key = make_certificate(folder, "ours")
        foreign, _ = make_certificate(folder, "foreign")
        right, wrong = (make_password_file(folder, text) for text in (PASSWORD, "guess"))
        screen = Screen(program, folder, "--tls-certificate", certificate, "--tls-key", key)
        try:
            found = listening(screen.process)
            check("nothing listens but files", not found, repr(found))
            door = Listener(screen, "locked", password=PASSWORD, tls="required")
            found = listening(screen.process)
            check("then what was asked for, on localhost",
                  found == [("0100007F", "%04X" % door.port)], repr(found))
            found = security_types(door.port)
            check("TLS is all that it offers", found == [VENCRYPT], repr(found))
            port = door.port
            gets_in(check, "TigerVNC: certificate and password",
                    viewer(port, "X509Vnc", right, "-X509CA", certificate), screen)
            gets_in(check, "TigerVNC: TLS without certificate, password",
                    viewer(port, "TLSVnc", right), screen)
            is_refused(check, "TigerVNC: another's certificate is noticed",
                       viewer(port, "X509Vnc", right, "-X509CA", foreign), "Unknown certificate",
                       screen)
            is_refused(check, "TigerVNC: without TLS it does not get in",
                       viewer(port, "VncAuth", right), "No matching security types", screen)
            is_refused(check, "TigerVNC: the wrong password inside TLS is refused",
                       viewer(port, "X509Vnc", wrong, "-X509CA", certificate),
                       "The password is wrong", screen)
            tries_passwords(check, screen, right)
        finally:
            screen.close()
