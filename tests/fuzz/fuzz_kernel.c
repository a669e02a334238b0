/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/*
 * Any bytes as a kernel file. Guest memory ends at a page that may not be touched; a kernel that is
 * accepted has to lie in memory, with its entry in it.
 */
#include "host/vmm/boot/kernel.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_BYTES   (24UL << 20)
#define GUARD_BYTES 4096UL

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint8_t *make_ram(void)
{
	uint8_t *ram = mmap(NULL, RAM_BYTES + 2 * GUARD_BYTES, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED || mprotect(ram + GUARD_BYTES, RAM_BYTES, PROT_READ | PROT_WRITE) < 0)
		abort();
	return ram + GUARD_BYTES;
}

static int file_of(const uint8_t *bytes, size_t length)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, bytes, length, 0) != (ssize_t)length)
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static uint8_t *ram;
	struct guestmem memory = {0};
	struct kernel_files files = {.initrd_fd = -1, .append = "console=ttyS0", .rsdp = 0xe0000};
	struct kernel_image image = {0};
	const char *problem = NULL;
	int error;

	if (!ram)
		ram = make_ram();
	madvise(ram, RAM_BYTES, MADV_DONTNEED);
	if (guestmem_add(&memory, 0, ram, RAM_BYTES) < 0)
		abort();
	files.kernel_fd = file_of(bytes, length);
	/* The first byte of a kernel is anything: it decides whether there is an initrd. */
	if (length > 0 && bytes[0] % 2)
		files.initrd_fd = file_of(bytes, length);
	error = kernel_load(&files, &memory, &image, &problem);
	if (error == 0) {
		if (image.first >= image.end || image.end > RAM_BYTES)
			abort();
		if (image.entry.address < image.first || image.entry.address >= image.end)
			abort();
		if (!guestmem_ptr(&memory, image.entry.argument, 64))
			abort();
	} else if (!problem) {
		abort();
	}
	close(files.kernel_fd);
	if (files.initrd_fd >= 0)
		close(files.initrd_fd);
	return 0;
}
