# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a desktop itself says of its screens: asked in the guest, of the desktop's own tools."""
import json
import re

from guest import Error

AS_USER = ("runuser -u user -- env XDG_RUNTIME_DIR=/run/user/1000 DISPLAY=:0 "
           "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus ")
NUMBER = re.compile(r"^Virtual-(\d+)$")


def _head(connector):
    found = NUMBER.match(connector)
    if not found:
        raise Error("a connector '%s'" % connector)
    return int(found[1]) - 1


def _xrandr(guest):
    text = guest.run(AS_USER + "xrandr --current") or ""
    found = re.findall(r"^Virtual-(\d+) connected (?:primary )?(\d+)x(\d+)\+(\d+)\+(\d+)", text, re.M)
    return {int(name) - 1: (int(x), int(y), int(width), int(height), 1.0)
            for name, width, height, x, y in found}


def _swaymsg(guest):
    # One that was killed leaves its socket behind.
    text = guest.run("SWAYSOCK=/run/user/1000/sway-ipc.1000.$(pgrep -n -x sway).sock "
                     "swaymsg -t get_outputs -r") or "[]"
    return {_head(one["name"]): (one["rect"]["x"], one["rect"]["y"], one["current_mode"]["width"],
                                 one["current_mode"]["height"], one["scale"])
            for one in json.loads(text) if one["active"]}


def _mutter(guest):
    text = guest.run(AS_USER + "busctl --user --json=short call org.gnome.Mutter.DisplayConfig "
                     "/org/gnome/Mutter/DisplayConfig org.gnome.Mutter.DisplayConfig GetCurrentState")
    _, monitors, logical, _ = json.loads(text)["data"]
    modes = {}
    for (connector, *_), listed, _ in monitors:
        for _, width, height, _, _, _, properties in listed:
            if properties.get("is-current", {}).get("data"):
                modes[connector] = (width, height)
    return {_head(one[0]): (x, y, *modes[one[0]], scale)
            for x, y, scale, _, _, shown, _ in logical for one in shown}


ASK = {"xorg": _xrandr, "xfce": _xrandr, "sway": _swaymsg, "sway-next": _swaymsg, "gnome": _mutter}


def layout(name, guest):
    """{head: (x, y, width, height, scale)} of those that are on; None: this desktop has no tool for it."""
    if name not in ASK:
        return None
    try:
        return ASK[name](guest)
    except (ValueError, KeyError, TypeError) as error:
        raise Error("the desktop does not say what its screens are: %r" % error) from error


# What each has that fills part of the screen.
SHOW = {
    "xorg": "xterm -geometry 90x24+300+250 -e 'xrandr; sleep 600'",
    "xfce": "xfce4-display-settings",
    "weston": "weston-terminal",
    "sway": "swaynag -m 'sway 1.7'",
    "sway-next": "swaynag -m 'sway 1.10'",
}


def show(name, guest):
    guest.run("display=$(ls -t /run/user/1000 | grep -x 'wayland-[0-9]' | head -n 1); " + AS_USER +
              "WAYLAND_DISPLAY=$display setsid " + SHOW[name] + " >/dev/null 2>&1 &")


def pointer(guest):
    """Where the pointer is, on X11: (x, y)."""
    words = (guest.run(AS_USER + "backdrop --pointer") or "").split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else None


def login(guest):
    """The file in which logind keeps the session on the first terminal; "": there is none."""
    # There are FIFOs beside them.
    return (guest.run("grep -l -D skip '^TTY=tty1$' /run/systemd/sessions/*") or "").split("\n")[-1]


def is_there(guest, path):
    return guest.run("test -e %s && echo there" % path) == "there"
