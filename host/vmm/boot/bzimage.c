/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bzimage - Linux's own format: a real-mode stub with a header, then a kernel that unpacks itself
 *
 * Entered at its 64-bit entry point, 200h into the part behind the stub, with the address of a
 * boot_params page in RSI (Documentation/x86/boot.rst, "64-bit Boot Protocol").
 */
#include "host/vmm/boot/formats.h"
#include "host/vmm/boot/layout.h"
#include "protocol/base/bytes.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <sys/random.h>

#define SECTOR		    512U
#define MAGIC		    0x53726448U /* "HdrS" */
#define BOOT_FLAG	    0xaa55
#define VERSION_64BIT_ENTRY 0x020c
#define DEFAULT_SECTORS	    4
#define LOADER_UNDEFINED    0xff
#define ENTRY_OFFSET	    0x200
#define MAPPED_END	    (1ULL << 30) /* of our page tables */
#define MAX_ALIGNMENT	    (1U << 30)
#define SEED_SIZE	    32

#ifndef SETUP_RNG_SEED
#define SETUP_RNG_SEED 9
#endif

/* Offsets in the file: the header begins at 1F1h; its length is where its jump goes. */
#define HEADER_AT 0x1f1U
#define MAGIC_AT  0x202U
#define JUMP_AT	  0x201U

bool bzimage_is(const uint8_t *head, size_t length)
{
	return length >= MAGIC_AT + 4 && load_le32(head + MAGIC_AT) == MAGIC &&
	       load_le16(head + 0x1fe) == BOOT_FLAG;
}

static int read_header(struct boot_load *load, struct setup_header *header)
{
	uint8_t jump;
	size_t length;
	int error = boot_read_kernel(load, JUMP_AT, &jump, sizeof(jump));

	if (error)
		return error;
	length = MIN((size_t)(MAGIC_AT + jump - HEADER_AT), sizeof(*header));
	memset(header, 0, sizeof(*header));
	error = boot_read_kernel(load, HEADER_AT, header, length);
	if (error)
		return error;
	if (header->version < VERSION_64BIT_ENTRY || !(header->xloadflags & XLF_KERNEL_64)) {
		load->problem = "this bzImage has no 64-bit entry: it needs Linux 3.8 or newer, "
				"built for x86-64";
		return -ENOEXEC;
	}
	return 0;
}

/* The kernel is moved to where it wants to be, or, if it can be moved, to the next place that has
 * room for it to unpack itself (init_size). */
static int choose_place(struct boot_load *load, const struct setup_header *header,
			uint64_t file_bytes, struct kernel_image *image)
{
	uint64_t size = MAX((uint64_t)header->init_size, file_bytes);
	uint64_t at = header->pref_address;
	uint32_t alignment = header->kernel_alignment;

	load->problem = "the kernel does not fit in the guest's memory: give it more (--memory)";
	if (at < BOOT_HIGH || at >= MAPPED_END || !guestmem_ptr(load->memory, at, size)) {
		if (!header->relocatable_kernel || alignment == 0 || alignment > MAX_ALIGNMENT ||
		    (alignment & (alignment - 1)))
			return -ENOSPC;
		at = (BOOT_HIGH + alignment - 1) & ~(uint64_t)(alignment - 1);
		if (!guestmem_ptr(load->memory, at, size))
			return -ENOSPC;
	}
	if (at + size > MAPPED_END)
		return -ENOSPC;
	image->first = at;
	image->end = at + size;
	return 0;
}

static int load_kernel(struct boot_load *load, const struct setup_header *header,
		       struct kernel_image *image)
{
	unsigned int sectors = header->setup_sects ? header->setup_sects : DEFAULT_SECTORS;
	uint64_t offset = (uint64_t)(sectors + 1) * SECTOR;
	uint64_t length;
	int error;

	load->problem = "it ends before its own end: truncated?";
	if (offset >= load->kernel_size_bytes)
		return -ENOEXEC;
	length = load->kernel_size_bytes - offset;
	/* syssize counts paragraphs of the protected-mode code; a signature may follow it. */
	if (length < (uint64_t)header->syssize * 16 || length <= ENTRY_OFFSET)
		return -ENOEXEC;
	error = choose_place(load, header, length, image);
	if (error)
		return error;
	return boot_read_segment(load, offset, length, image->first);
}

static void put_memory_map(const struct boot_load *load, struct boot_params *params)
{
	struct memory_range ranges[MEMORY_MAP_MAX];
	size_t count = memory_map(load->memory, ranges);

	for (size_t i = 0; i < count; i++)
		params->e820_table[i] = (struct boot_e820_entry){
			ranges[i].address, ranges[i].size_bytes, (uint32_t)ranges[i].type};
	params->e820_entries = (uint8_t)count;
}

/* Random numbers for a guest that has no source of its own yet. */
static uint64_t put_seed(const struct boot_load *load)
{
	struct setup_data header = {.type = SETUP_RNG_SEED, .len = SEED_SIZE};
	uint8_t *at = guestmem_ptr(load->memory, BOOT_SETUP_DATA, sizeof(header) + SEED_SIZE);

	if (!at || getrandom(at + sizeof(header), SEED_SIZE, 0) != SEED_SIZE)
		return 0;
	memcpy(at, &header, sizeof(header));
	return BOOT_SETUP_DATA;
}

static int put_params(struct boot_load *load, struct setup_header *header)
{
	struct boot_params *params = guestmem_ptr(load->memory, BOOT_PARAMS, sizeof(*params));

	if (!params)
		return -ENOSPC;
	header->type_of_loader = LOADER_UNDEFINED;
	header->loadflags |= LOADED_HIGH;
	header->loadflags &= (uint8_t)~CAN_USE_HEAP;
	header->cmd_line_ptr = BOOT_COMMAND_LINE;
	header->ramdisk_image = (uint32_t)load->initrd;
	header->ramdisk_size = (uint32_t)load->initrd_size_bytes;
	header->setup_data = put_seed(load);
	memset(params, 0, sizeof(*params));
	params->hdr = *header;
	params->ext_ramdisk_image = (uint32_t)(load->initrd >> 32);
	params->ext_ramdisk_size = (uint32_t)(load->initrd_size_bytes >> 32);
	params->acpi_rsdp_addr = load->files->rsdp;
	put_memory_map(load, params);
	return 0;
}

int bzimage_load(struct boot_load *load, struct kernel_image *image)
{
	struct setup_header header;
	int error = read_header(load, &header);

	if (!error)
		error = load_kernel(load, &header, image);
	if (!error)
		error = boot_load_initrd(load, image->first, image->end,
					 (uint64_t)header.initrd_addr_max + 1);
	if (!error)
		error = boot_put_command_line(load, header.cmdline_size);
	if (error)
		return error;
	image->entry = (struct boot_entry){
		.mode = BOOT_LONG,
		.address = image->first + ENTRY_OFFSET,
		.argument = BOOT_PARAMS,
	};
	error = boot_put_descriptors(load, &image->entry);
	if (!error)
		error = put_params(load, &header);
	return error;
}
