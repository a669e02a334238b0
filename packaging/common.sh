# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the project's scripts share: messages, the cache, packages of Debian. To be sourced.
#
# Everything that is downloaded or costs more than a few seconds lives in the cache (build/cache, or
# $LODGE_CACHE), in a folder whose name ends in a hash of what it was made from: a change of a
# script or a package list makes a new folder, and an unchanged one is there at once. `make clean`
# keeps the cache, `make distclean` removes it, which is also how newer packages come in.

# A failure inside $(...) is a failure.
shopt -s inherit_errexit

LODGE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LODGE_BUILD=${LODGE_BUILD:-$LODGE_ROOT/build}
LODGE_CACHE=${LODGE_CACHE:-$LODGE_ROOT/build/cache}
# shellcheck disable=SC2034 # for those that source this
DEBIAN_SUITE=bookworm

# die MESSAGE...: one line for people, exit status $DIE_STATUS (1).
die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "${DIE_STATUS:-1}"
}

# note MESSAGE...: one line about a step that is being taken.
note()
{
	printf '%s\n' "$*" >&2
}

# bar LABEL: reads percentages, one a line; draws a bar on a terminal, and one line anywhere else.
bar()
{
	local label=$1 percent width=40 filled
	if [[ ! -t 2 ]]; then
		note "$label"
		cat >/dev/null
		return
	fi
	while read -r percent; do
		percent=${percent%.*}
		filled=$((percent * width / 100))
		printf '\r%-34s [%s%s] %3d%%' "$label" "$(printf '%*s' "$filled" '' | tr ' ' '#')" \
			"$(printf '%*s' $((width - filled)) '')" "$percent" >&2
	done
	printf '\n' >&2
}

# need COMMAND...: end with a clear line when one is not installed.
need()
{
	local command
	for command; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null ||
			die "needs '$command', which is not installed; run packaging/install-dependencies"
	done
}

# hash_of FILE|TEXT...: a short name for what the contents of files, and other words, add up to.
hash_of()
{
	local word
	for word; do
		if [[ -f $word ]]; then
			cat -- "$word"
		else
			printf '%s\n' "$word"
		fi
	done | sha256sum | cut -c1-12
}

# cached NAME HASH FUNCTION [ARGUMENT...]: prints the path of the cache's folder NAME-HASH, which
# FUNCTION FOLDER ARGUMENT... fills if it is missing. One caller makes it, others wait. A folder
# appears whole or not at all. Older versions go, unless used within the last day.
cached()
{
	local name=$1 folder=$LODGE_CACHE/$1-$2 function=$3
	shift 3
	if [[ ! -d $folder ]]; then
		mkdir -p "$LODGE_CACHE"
		(
			flock 9
			[[ ! -d $folder ]] || exit 0
			rm -rf "$folder.partial"
			mkdir -p "$folder.partial"
			"$function" "$folder.partial" "$@" >&2
			find "$LODGE_CACHE" -maxdepth 1 -type d -name "$name-????????????" -mmin +1440 \
				-exec rm -rf {} +
			mv "$folder.partial" "$folder"
		) 9>"$LODGE_CACHE/$name.lock"
	fi
	# Says that it is in use, so that it outlives the clean-up above.
	touch "$folder"
	printf '%s\n' "$folder"
}

# debian_package FOLDER NAME: downloads a package of Debian and unpacks it into FOLDER.
debian_package()
{
	local folder=$1 name=$2 download
	need apt-get dpkg
	download=$(mktemp -d)
	# As another user apt would complain about folders that it may not enter.
	if ! (cd "$download" && apt-get download -qq -o APT::Sandbox::User=root "$name") >&2; then
		rm -rf "$download"
		die "cannot download the Debian package '$name'; is there a network, and did 'apt-get update' run?"
	fi
	dpkg -x "$download"/*.deb "$folder"
	rm -rf "$download"
}

make_busybox()
{
	debian_package "$1/package" busybox-static
	mv "$1/package/bin/busybox" "$1/busybox"
	rm -rf "$1/package"
}

# debian_busybox: prints the path of a static busybox.
debian_busybox()
{
	printf '%s/busybox\n' "$(cached busybox 1 make_busybox)"
}

make_kernel()
{
	local folder=$1 meta=$2 package
	need depmod apt-cache
	package=$(apt-cache depends "$meta" | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p')
	[[ -n $package ]] || die "no Debian package '$meta' known here; run 'apt-get update' first"
	note "downloading $package"
	debian_package "$folder/package" "$package"
	mv "$folder"/package/boot/vmlinuz-* "$folder/vmlinuz"
	mv "$folder"/package/boot/config-* "$folder/config"
	mv "$folder/package/lib" "$folder/lib"
	rm -rf "$folder/package"
	basename "$folder"/lib/modules/* >"$folder/version"
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$folder" "$(cat "$folder/version")"
}

# debian_kernel cloud|generic: prints a folder with vmlinuz, config, version and lib/modules of
# Debian's stock kernel. The cloud kernel is smaller; the generic one has DRM and 9p.
debian_kernel()
{
	case $1 in
	cloud) cached kernel-cloud 1 make_kernel linux-image-cloud-amd64 ;;
	generic) cached kernel-generic 1 make_kernel linux-image-amd64 ;;
	*) die "no kernel flavour '$1'; there are cloud and generic" ;;
	esac
}

# modules_in_order KERNEL MODULE...: prints the files of modules and of all they need, in the order
# in which they load. Those that the kernel has built in are left out; unknown ones end it.
modules_in_order()
{
	local kernel=$1 module
	shift
	for module; do
		PATH=$PATH:/sbin:/usr/sbin modprobe --ignore-install --show-depends -d "$kernel" \
			-S "$(cat "$kernel/version")" "$module" ||
			die "the kernel in $kernel has no module '$module'"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}
