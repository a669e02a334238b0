# The first terminal becomes the desktop.
if [ "$(tty)" = /dev/tty1 ]; then
	# shellcheck source=/dev/null
	. /etc/lodge-desktop/session >"$HOME/session.log" 2>&1
fi
