# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SPICE client: spice-gtk's library, as virt-viewer uses it, driven by calls. Needs the system's
Python, for which Debian has the library's description (python3-gi, gir1.2-spiceclientglib-2.0)."""
import ctypes
import threading
import time

import gi

gi.require_version("SpiceClientGLib", "2.0")
from gi.repository import Gio, GLib, GObject, SpiceClientGLib as Spice  # noqa: E402

CLIPBOARD, PRIMARY = 0, 1
TEXT, PNG = 1, 2
MOUSE_CLIENT = 2
CAP_MOUSE_STATE, CAP_AUDIO_VOLUME_SYNC = 0, 11

listen = GObject.Object.connect  # SPICE's own objects have another "connect"


class SpiceClient:
    """Connects to SPICE on a unix socket; its own thread runs GLib's loop."""

    def __init__(self, path):
        self.lock = threading.Condition()
        self.channels = {}  # (type, id) -> channel
        self.agent = False
        self.mouse_mode = 0
        self.grabs = {}  # selection -> types that the guest has
        self.asked = []  # (selection, type) of each paste in the guest
        self.answers = {}  # (selection, type) -> what the guest gave last
        self.offer = {}  # (selection, type) -> bytes of ours
        self.sizes = {}  # display -> (width, height)
        self.loop = GLib.MainLoop()
        self.session = Spice.Session()
        self.session.set_property("unix-path", path)
        self.session.set_property("enable-audio", True)
        listen(self.session, "channel-new", self._channel)
        threading.Thread(target=self.loop.run, daemon=True).start()
        self.call(Spice.Session.connect, self.session)

    def call(self, function, *arguments):
        """Calls it in GLib's thread, and gives back what it returns."""
        done = threading.Event()
        result = []

        def run():
            try:
                result.append(function(*arguments))
            finally:
                done.set()
            return False

        GLib.idle_add(run)
        done.wait(30)
        return result[0] if result else None

    def wait(self, holds, seconds=60):
        """True as soon as holds() does."""
        deadline = time.monotonic() + seconds
        with self.lock:
            while not holds():
                if not self.lock.wait(max(0, min(0.5, deadline - time.monotonic()))) and \
                        time.monotonic() >= deadline:
                    return False
        return True

    def knows(self, capability):
        """Whether the guest's agent has that one."""
        return self.agent and self.main.agent_test_capability(capability)

    def _changed(self):
        with self.lock:
            self.lock.notify_all()

    def _channel(self, _, channel):
        kind = type(channel).__name__
        number = channel.get_property("channel-id")
        self.channels[kind, number] = channel
        if kind == "MainChannel":
            listen(channel, "main-agent-update", self._agent)
            listen(channel, "main-mouse-update", self._mouse)
            listen(channel, "main-clipboard-selection-grab", self._grab)
            listen(channel, "main-clipboard-selection-release", self._release)
            listen(channel, "main-clipboard-selection-request", self._request)
            listen(channel, "main-clipboard-selection", self._data)
        elif kind == "DisplayChannel":
            listen(channel, "display-primary-create", self._primary, number)
        if kind in ("DisplayChannel", "InputsChannel", "PlaybackChannel", "RecordChannel"):
            Spice.Channel.connect(channel)
        self._changed()

    @property
    def main(self):
        return self.channels["MainChannel", 0]

    def _agent(self, main):
        self.agent = main.get_property("agent-connected")
        self._changed()

    def _mouse(self, main):
        self.mouse_mode = main.get_property("mouse-mode")
        self._changed()

    def _primary(self, _channel, _format, width, height, _stride, _shm, _data, number):
        self.sizes[number] = (width, height)
        self._changed()

    def _grab(self, _, selection, types, count):
        self.grabs[selection] = types
        self._changed()
        return True

    def _release(self, _, selection):
        self.grabs.pop(selection, None)
        self._changed()

    def _request(self, main, selection, kind):
        data = self.offer.get((selection, kind))
        self.asked.append((selection, kind))
        if data is None:
            return False
        main.clipboard_selection_notify(selection, kind, data)
        self._changed()
        return True

    def _data(self, _, selection, kind, data, size):
        self.answers[selection, kind] = ctypes.string_at(data, size) if size else b""
        self._changed()

    # What a user does.

    def monitors(self, *sizes):
        """Windows of these (x, y, width, height), side by side."""
        def ask():
            for number, (x, y, width, height) in enumerate(sizes):
                self.main.update_display_enabled(number, True, False)
                self.main.update_display(number, x, y, width, height, True)
            for number in range(len(sizes), 4):
                self.main.update_display_enabled(number, False, True)
        self.call(ask)

    def copy(self, data, kind=TEXT, selection=CLIPBOARD):
        self.offer = {one: held for one, held in self.offer.items() if one[0] != selection}
        self.offer[selection, kind] = data
        self.call(self.main.clipboard_selection_grab, selection, [kind])

    def paste(self, kind=TEXT, selection=CLIPBOARD, seconds=60):
        """What the guest gives; None: nothing came."""
        self.answers.pop((selection, kind), None)
        self.call(self.main.clipboard_selection_request, selection, kind)
        self.wait(lambda: (selection, kind) in self.answers, seconds)
        return self.answers.get((selection, kind))

    def send(self, paths, seconds=120):
        """Drops files on the window: None, or why not."""
        ended = []

        def done(main, result):
            try:
                main.file_copy_finish(result)
                ended.append(None)
            except GLib.Error as error:
                ended.append(error.message)
            self._changed()

        self.call(lambda: self.main.file_copy_async([Gio.File.new_for_path(path) for path in paths],
                                                    Gio.FileCopyFlags.NONE, None, None, None, done))
        return ended[0] if self.wait(lambda: ended, seconds) else "no end"

    def point(self, x, y, display=0, buttons=0):
        self.call(self.channels["InputsChannel", 0].position, x, y, display, buttons)

    def click(self, button):
        inputs = self.channels["InputsChannel", 0]
        self.call(inputs.button_press, button, 1 << (button - 1))
        self.call(inputs.button_release, button, 0)

    def close(self):
        self.call(Spice.Session.disconnect, self.session)
