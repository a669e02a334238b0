# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154 # what harness.sh and the test have set
#
# A libvirtd of a test's own: as root in a mount namespace with empty folders where the host's libvirt
# has its state, as anybody else in folders of the session. To be sourced; harness.sh comes between
# enter_own_namespace and prepare_libvirt.

# enter_own_namespace ARGUMENTS...: of the test, which begins anew there.
enter_own_namespace()
{
	if ((UID == 0)) && [[ ${1-} != --inside ]]; then
		exec unshare --mount --propagation private -- "$0" --inside "$@"
	fi
}

libvirtd=

# prepare_libvirt: folders and settings; $uri, $settings, $socket.
prepare_libvirt()
{
	local folder user=libvirt-qemu group=kvm
	chmod 755 "$work" # QEMU runs as libvirt's user
	if ((UID == 0)); then
		uri=qemu:///system settings=/etc/libvirt
		for folder in /etc/libvirt /run/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
			mkdir -p "$folder" && mount -t tmpfs -o mode=755 none "$folder"
		done
		mkdir -p /var/lib/libvirt/qemu
		socket=/run/libvirt/libvirt-sock
	else
		uri=qemu:///session
		export HOME=$work/home XDG_RUNTIME_DIR=$work/run
		unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME
		settings=$HOME/.config/libvirt socket=$XDG_RUNTIME_DIR/libvirt/libvirt-sock
		mkdir -p "$settings" "$XDG_RUNTIME_DIR"
	fi
	export LODGE_LIBVIRT_URIS=$uri LIBVIRT_DEFAULT_URI=$uri LIBVIRT_AUTOSTART=0
	# Debian's package libvirt-daemon-system makes the user that QEMU is.
	id "$user" >/dev/null 2>&1 || user=nobody group=nogroup
	((UID == 0)) && printf 'user = "%s"\ngroup = "%s"\n' "$user" "$group" >"$settings/qemu.conf"
	cat >>"$settings/qemu.conf" <<'SETTINGS'
stdio_handler = "file"
security_driver = "none"
remember_owner = 0
namespaces = []
cgroup_controllers = []
SETTINGS
	printf 'unix_sock_group = "%s"\nauth_unix_rw = "none"\n' "$(id -gn)" >"$work/libvirtd.conf"
}

# "check" runs what it checks in a subshell, so start_libvirtd is not for it.
start_libvirtd()
{
	libvirtd -f "$work/libvirtd.conf" -p "$work/libvirtd.pid" >>"$work/libvirtd.log" 2>&1 &
	libvirtd=$!
}

# Without transparent huge pages for what it starts, which inherits that (prctl(2), PR_SET_THP_DISABLE): a
# huge page of which a balloon took a part stays charged as a whole until the kernel is short of memory.
start_libvirtd_without_huge_pages()
{
	python3 -c 'import ctypes, os, sys
if ctypes.CDLL(None).prctl(41, 1, 0, 0, 0):
    sys.exit("prctl: no PR_SET_THP_DISABLE")
os.execvp("libvirtd", sys.argv[1:])' libvirtd -f "$work/libvirtd.conf" -p "$work/libvirtd.pid" \
		>>"$work/libvirtd.log" 2>&1 &
	libvirtd=$!
}

libvirtd_answers()
{
	virsh list >/dev/null
}

kill_libvirtd()
{
	kill -KILL "$libvirtd"
	wait "$libvirtd" 2>/dev/null
	libvirtd=
	rm -f "$socket"
}

# Who ended the test may have ended its libvirtd too, which then ends no guest any more.
end_guests()
{
	local process
	for process in /proc/[0-9]*; do
		if [[ $(cat "$process/comm") == qemu-system-x86 ]] && grep -qsaF "$work/" "$process/cmdline"; then
			kill -KILL "${process#/proc/}" || true
		fi
	done
}

# end_all: for the trap.
end_all()
{
	local domain
	if [[ -n $libvirtd ]]; then
		while read -r domain; do
			# The list ends with an empty line, and a caller may end at what fails.
			[[ -z $domain ]] || virsh destroy "$domain" || true
		done < <(virsh list --uuid) >/dev/null 2>&1
		((!failed)) || tail -n 20 "$work/libvirtd.log" >&2
		kill "$libvirtd" 2>/dev/null
	fi
	end_guests 2>/dev/null
	clean_up
}
