/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/boot/kernel.h"

#include "host/vmm/boot/formats.h"
#include "host/vmm/boot/layout.h"
#include "host/vmm/guest_memory.h"
#include "host/vmm/pci/bus.h"
#include "host/vmm/ports.h"
#include "host/vmm/power.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <unistd.h>

#define PAGE 4096ULL

/* Segment descriptors (Intel SDM 3.4.5), at the selectors that vcpu.c loads: 10h code, 18h data,
 * 20h task state. The code's L or D bit is set for the entry's mode. */
#define GDT_CODE_LONG 0x00af9b000000ffffULL
#define GDT_CODE_FLAT 0x00cf9b000000ffffULL
#define GDT_DATA      0x00cf93000000ffffULL
#define GDT_TSS	      0x00008b0000000067ULL

#define PAGE_PRESENT_WRITABLE 0x3ULL
#define PAGE_LARGE	      0x80ULL
#define ENTRIES_PER_TABLE     512

/* --- Reading -----------------------------------------------------------------------------------
 */

static int read_all(int fd, uint64_t offset, void *bytes, size_t length)
{
	uint8_t *at = bytes;

	while (length > 0) {
		ssize_t done = pread(fd, at, length, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (done == 0)
			return -ENOEXEC; /* shorter than it said */
		at += done;
		offset += (uint64_t)done;
		length -= (size_t)done;
	}
	return 0;
}

int boot_read_kernel(struct boot_load *load, uint64_t offset, void *bytes, size_t length)
{
	load->problem = "it ends before its own end: truncated?";
	if (offset > load->kernel_size_bytes || length > load->kernel_size_bytes - offset)
		return -ENOEXEC;
	return read_all(load->files->kernel_fd, offset, bytes, length);
}

int boot_read_segment(struct boot_load *load, uint64_t offset, uint64_t length, uint64_t gpa)
{
	void *bytes = guestmem_ptr(load->memory, gpa, length);

	if (gpa < BOOT_HIGH || !bytes) {
		load->problem = "it does not fit in the guest's memory: give it more (--memory)";
		return -ENOSPC;
	}
	return boot_read_kernel(load, offset, bytes, length);
}

/* --- Pieces that both formats need -------------------------------------------------------------
 */

static int file_size(int fd, uint64_t *size_bytes)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0)
		return -errno;
	*size_bytes = (uint64_t)end;
	return 0;
}

int boot_load_initrd(struct boot_load *load, uint64_t first, uint64_t end, uint64_t limit)
{
	const struct guestmem_region *low = &load->memory->region[0];
	uint64_t size = 0, at;
	void *bytes;
	int error;

	if (load->files->initrd_fd < 0)
		return 0;
	load->problem = "the initrd is no file of a certain size";
	error = file_size(load->files->initrd_fd, &size);
	if (error)
		return error;
	load->problem = "the initrd does not fit in the guest's memory: give it more (--memory)";
	limit = MIN(limit, low->gpa + low->size_bytes);
	if (limit < BOOT_HIGH || size > limit - BOOT_HIGH)
		return -ENOSPC;
	at = (limit - size) & ~(PAGE - 1);
	if (at < end && at + size > first) {
		if (first < BOOT_HIGH || size > first - BOOT_HIGH)
			return -ENOSPC;
		at = (first - size) & ~(PAGE - 1);
	}
	bytes = guestmem_ptr(load->memory, at, size);
	if (at < BOOT_HIGH || !bytes)
		return -ENOSPC;
	load->problem = "the initrd cannot be read";
	load->initrd = at;
	load->initrd_size_bytes = size;
	return read_all(load->files->initrd_fd, 0, bytes, size);
}

int boot_put_command_line(struct boot_load *load, size_t max)
{
	size_t length = strlen(load->files->append);
	char *at = guestmem_ptr(load->memory, BOOT_COMMAND_LINE, BOOT_COMMAND_LINE_SIZE);

	load->problem = "the command line (--append) is longer than this kernel takes";
	if (!at || length > max || length >= BOOT_COMMAND_LINE_SIZE)
		return -E2BIG;
	memcpy(at, load->files->append, length + 1);
	return 0;
}

static void put_page_tables(uint8_t *tables)
{
	uint8_t *level4 = tables, *level3 = tables + PAGE, *level2 = tables + 2 * PAGE;

	store_le64(level4, (BOOT_PAGE_TABLES + PAGE) | PAGE_PRESENT_WRITABLE);
	store_le64(level3, (BOOT_PAGE_TABLES + 2 * PAGE) | PAGE_PRESENT_WRITABLE);
	for (uint64_t i = 0; i < ENTRIES_PER_TABLE; i++)
		store_le64(level2 + 8 * i, i << 21 | PAGE_LARGE | PAGE_PRESENT_WRITABLE);
}

int boot_put_descriptors(struct boot_load *load, struct boot_entry *entry)
{
	const uint64_t gdt[] = {0, 0, entry->mode == BOOT_LONG ? GDT_CODE_LONG : GDT_CODE_FLAT,
				GDT_DATA, GDT_TSS};
	uint8_t *at = guestmem_ptr(load->memory, BOOT_GDT, sizeof(gdt));
	uint8_t *tables = guestmem_ptr(load->memory, BOOT_PAGE_TABLES, 3 * PAGE);

	load->problem = "the guest has less than 1 MiB of memory";
	if (!at || !tables)
		return -ENOSPC;
	for (size_t i = 0; i < ARRAY_SIZE(gdt); i++)
		store_le64(at + 8 * i, gdt[i]);
	entry->gdt = BOOT_GDT;
	entry->gdt_size_bytes = sizeof(gdt);
	if (entry->mode == BOOT_LONG) {
		put_page_tables(tables);
		entry->page_tables = BOOT_PAGE_TABLES;
	}
	return 0;
}

/*
 * Linux takes a hardware-reduced machine for one with EFI and, finding none, restarts it by a jump
 * to the firmware's first instruction, in real mode. There it finds ours:
 *	mov dx, port; mov al, value; out dx, al; hlt; jmp to hlt
 */
static int put_reset_vector(struct boot_load *load)
{
	const uint8_t code[] = {
		0xba,
		(POWER_PORT + POWER_RESET) & 0xff,
		(POWER_PORT + POWER_RESET) >> 8,
		0xb0,
		POWER_RESET_VALUE,
		0xee,
		0xf4,
		0xeb,
		0xfd,
	};
	uint8_t *at = guestmem_ptr(load->memory, BOOT_RESET_VECTOR, sizeof(code));

	load->problem = "the guest has less than 1 MiB of memory";
	if (!at)
		return -ENOSPC;
	memcpy(at, code, sizeof(code));
	return 0;
}

size_t memory_map(const struct guestmem *memory, struct memory_range ranges[MEMORY_MAP_MAX])
{
	const struct guestmem_region *low = &memory->region[0];
	size_t count = 0;

	ranges[count++] = (struct memory_range){0, BOOT_LOW_END, MEMORY_RAM};
	ranges[count++] = (struct memory_range){BOOT_ACPI, BOOT_ACPI_SIZE, MEMORY_ACPI};
	ranges[count++] = (struct memory_range){BOOT_HIGH, low->size_bytes - BOOT_HIGH, MEMORY_RAM};
	/* Linux uses an ECAM only if the map reserves it. */
	ranges[count++] = (struct memory_range){LAYOUT_ECAM, PCI_ECAM_SIZE, MEMORY_RESERVED};
	for (size_t i = 1; i < memory->count; i++)
		ranges[count++] = (struct memory_range){memory->region[i].gpa,
							memory->region[i].size_bytes, MEMORY_RAM};
	return count;
}

/* --- All of it ---------------------------------------------------------------------------------
 */

#define HEAD_SIZE 1024

int kernel_load(const struct kernel_files *files, const struct guestmem *memory,
		struct kernel_image *image, const char **problem)
{
	struct boot_load load = {.files = files, .memory = memory};
	uint8_t head[HEAD_SIZE];
	int error;

	*image = (struct kernel_image){0};
	*problem = "it is no file of a certain size";
	error = file_size(files->kernel_fd, &load.kernel_size_bytes);
	if (error)
		return error;
	*problem = "it is neither a bzImage nor an ELF with a PVH entry";
	if (load.kernel_size_bytes < sizeof(head))
		return -ENOEXEC;
	error = boot_read_kernel(&load, 0, head, sizeof(head));
	if (!error)
		error = put_reset_vector(&load);
	if (error)
		return error;
	if (bzimage_is(head, sizeof(head))) {
		image->kind = KERNEL_BZIMAGE;
		error = bzimage_load(&load, image);
	} else if (pvh_is(head, sizeof(head))) {
		image->kind = KERNEL_PVH;
		error = pvh_load(&load, image);
	} else {
		return -ENOEXEC;
	}
	if (error)
		*problem = load.problem;
	return error;
}

const char *kernel_kind_name(enum kernel_kind kind)
{
	return kind == KERNEL_PVH ? "PVH" : "bzImage";
}
