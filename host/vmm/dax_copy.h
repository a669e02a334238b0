/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dax_copy - what the guest has in a window, for somebody who cannot reach it
 */
#ifndef LODGE_VMM_DAX_COPY_H
#define LODGE_VMM_DAX_COPY_H

#include "host/vmm/dax_window.h"

/**
 * dax_copy() - copy between a window and a file
 * @offset:	in the window
 * @fd:		a regular file, memory as a rule, at @file_offset in which the bytes go or come from
 *
 * By system calls, so that a page which is not there is an error here, and no signal. All numbers
 * are somebody else's.
 *
 * Return: 0; -EFAULT if it is not all in the window, or a page is absent or cannot be written;
 * -EBADF if @fd is no regular file; -ENODATA if that ends before; or negative errno.
 */
int dax_copy(struct dax_window *window, uint64_t offset, uint64_t length, int fd,
	     uint64_t file_offset, bool into_window);

#endif
