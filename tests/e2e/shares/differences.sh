# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those who source it
#
# In which lines of posix-suite a share may differ from its folder: by what FUSE is, and no more than
# these (shared-folders/README.md). Extended regular expressions. To be sourced.

# No request for reflinks, for taking bytes out of files or putting some in, nor one by which a deadlock
# between the peer's processes would be seen here; the peer's kernel keeps the time of mapped writes,
# where tmpfs does not.
known='copy/(FICLONE|clone.s bytes)|space/(collapse|insert|unshare)|locks/deadlock|maps/msync and mtime'
# Under write-back no holes are told.
holes='space/(holes|the end is a hole|first data|data in data|hole after data|hole in a hole|second data|last hole|no data in the last hole|data at the end|hole at the end|hole beyond|negative|SEEK_DATA moves the offset|it is a hole|data after it)'
# lodge-fsd has given up the rights that these attributes take.
rights='xattr/trusted\.'
# Linux's virtiofs tells its device of no signals; kernels before 6.6 do not ask for the time of birth.
virtiofs='locks/(interrupted: (F_SETLKW|F_OFD_SETLKW|flock)|not held after that)|attributes/birth time( is a time| stays)?'
# What is written into the window is no request: set-id bits stay, times move when a page is first
# written.
dax='attributes/write clears set-id|times/(write moves both)'

# differences PLAIN SHARED ALLOWED: lines of the two outputs that differ and are not allowed to.
differences()
{
	diff "$1" "$2" | grep '^[<>]' | grep -vE "/?($3)(:|\$)"
}
