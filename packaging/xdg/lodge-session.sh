# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# For sessions of X11, which read this before the window manager is started: those that start nothing
# of XDG autostart have a lodge-session, too, with what it needs to reach the display. Where the
# desktop starts one, or systemd has, the second to come ends.
if [ -x /usr/bin/lodge-session ]; then
	/usr/bin/lodge-session >/dev/null 2>&1 </dev/null &
fi
