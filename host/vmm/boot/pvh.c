/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pvh - an uncompressed ELF kernel with a PVH entry point
 *
 * The entry's address stands in a note of Xen's (type 18, PHYS32_ENTRY). It is entered in 32-bit
 * mode without paging, EBX pointing to hvm_start_info (xen/include/public/arch-x86/hvm/
 * start_info.h): signature, modules (the initrd), command line, RSDP, memory map.
 */
#include "host/vmm/boot/formats.h"
#include "host/vmm/boot/layout.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <elf.h>

#define MAX_SEGMENTS	   32
#define MAX_NOTES_BYTES	   65536
#define NOTE_NAME	   "Xen"
#define NOTE_PHYS32_ENTRY  18
#define START_INFO_MAGIC   0x336ec578
#define START_INFO_VERSION 1
#define COMMAND_LINE_MAX   2047

/* Offsets in hvm_start_info (56 bytes), hvm_modlist_entry (32), hvm_memmap_table_entry (24). */
#define MODULES_AT	  64
#define MEMORY_MAP_AT	  128
#define MEMORY_ENTRY_SIZE 24

bool pvh_is(const uint8_t *head, size_t length)
{
	return length >= sizeof(Elf64_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0;
}

static int read_segments(struct boot_load *load, Elf64_Phdr segments[MAX_SEGMENTS], size_t *count)
{
	Elf64_Ehdr header;
	int error = boot_read_kernel(load, 0, &header, sizeof(header));

	if (error)
		return error;
	load->problem = "this ELF is no x86-64 kernel";
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != EM_X86_64 || header.e_type != ET_EXEC ||
	    header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
	    header.e_phnum > MAX_SEGMENTS)
		return -ENOEXEC;
	*count = header.e_phnum;
	return boot_read_kernel(load, header.e_phoff, segments, *count * sizeof(segments[0]));
}

static bool overlaps_earlier(const Elf64_Phdr *segments, size_t at)
{
	const Elf64_Phdr *one = &segments[at];

	for (size_t i = 0; i < at; i++) {
		const Elf64_Phdr *other = &segments[i];

		if (other->p_type == PT_LOAD && one->p_paddr < other->p_paddr + other->p_memsz &&
		    other->p_paddr < one->p_paddr + one->p_memsz)
			return true;
	}
	return false;
}

static int load_segment(struct boot_load *load, const Elf64_Phdr *segments, size_t at,
			struct kernel_image *image)
{
	const Elf64_Phdr *segment = &segments[at];

	if (segment->p_memsz == 0)
		return 0;
	load->problem = "its segments are larger in the file than in memory, or overlap";
	if (segment->p_filesz > segment->p_memsz)
		return -ENOEXEC;
	/* Once it is known to lie in guest memory, its end cannot wrap. */
	if (!guestmem_ptr(load->memory, segment->p_paddr, segment->p_memsz)) {
		load->problem = "it does not fit in the guest's memory: give it more (--memory)";
		return -ENOSPC;
	}
	if (overlaps_earlier(segments, at))
		return -ENOEXEC;
	image->first = MIN(image->first, segment->p_paddr);
	image->end = MAX(image->end, segment->p_paddr + segment->p_memsz);
	return boot_read_segment(load, segment->p_offset, segment->p_filesz, segment->p_paddr);
}

/* A note is three words (length of name, length of content, type), name and content, each padded
 * to four bytes. Returns the entry point, 0 if it is not among these notes. */
static uint64_t find_entry(const uint8_t *notes, size_t length)
{
	size_t at = 0;

	while (length - at >= sizeof(Elf64_Nhdr)) {
		uint64_t name_bytes = load_le32(notes + at);
		uint64_t content_bytes = load_le32(notes + at + 4);
		uint32_t type = load_le32(notes + at + 8);
		uint64_t name_at = at + sizeof(Elf64_Nhdr);
		uint64_t content_at = name_at + ((name_bytes + 3) & ~3ULL);
		uint64_t end = content_at + ((content_bytes + 3) & ~3ULL);

		if (content_at + content_bytes > length)
			return 0;
		if (type == NOTE_PHYS32_ENTRY && name_bytes == sizeof(NOTE_NAME) &&
		    memcmp(notes + name_at, NOTE_NAME, sizeof(NOTE_NAME)) == 0)
			return content_bytes >= 8   ? load_le64(notes + content_at)
			       : content_bytes >= 4 ? load_le32(notes + content_at)
						    : 0;
		if (end > length)
			return 0;
		at = (size_t)end;
	}
	return 0;
}

static int read_entry(struct boot_load *load, const Elf64_Phdr *segment, uint64_t *address)
{
	_cleanup_free_ uint8_t *notes = NULL;
	int error;

	load->problem = "its notes are larger than any kernel's";
	if (segment->p_filesz > MAX_NOTES_BYTES)
		return -ENOEXEC;
	notes = malloc(segment->p_filesz + 1);
	if (!notes)
		return -ENOMEM;
	error = boot_read_kernel(load, segment->p_offset, notes, segment->p_filesz);
	if (!error)
		*address = find_entry(notes, segment->p_filesz);
	return error;
}

static int load_segments(struct boot_load *load, struct kernel_image *image)
{
	Elf64_Phdr segments[MAX_SEGMENTS];
	uint64_t entry = 0;
	size_t count;
	int error = read_segments(load, segments, &count);

	image->first = UINT64_MAX;
	for (size_t i = 0; !error && i < count; i++) {
		if (segments[i].p_type == PT_LOAD)
			error = load_segment(load, segments, i, image);
		else if (segments[i].p_type == PT_NOTE && !entry)
			error = read_entry(load, &segments[i], &entry);
	}
	if (error)
		return error;
	if (entry < image->first || entry >= image->end || entry > UINT32_MAX) {
		load->problem = "this ELF names no PVH entry point (CONFIG_PVH); try the bzImage";
		return -ENOEXEC;
	}
	image->entry = (struct boot_entry){
		.mode = BOOT_PROTECTED, .address = entry, .argument = BOOT_START_INFO};
	return 0;
}

static int put_start_info(struct boot_load *load)
{
	uint8_t *info = guestmem_ptr(load->memory, BOOT_START_INFO, 4096);
	struct memory_range ranges[MEMORY_MAP_MAX];
	size_t count = memory_map(load->memory, ranges);

	if (!info)
		return -ENOSPC;
	memset(info, 0, 4096);
	store_le32(info, START_INFO_MAGIC);
	store_le32(info + 4, START_INFO_VERSION);
	store_le32(info + 12, load->initrd_size_bytes ? 1 : 0);
	store_le64(info + 16, BOOT_START_INFO + MODULES_AT);
	store_le64(info + 24, BOOT_COMMAND_LINE);
	store_le64(info + 32, load->files->rsdp);
	store_le64(info + 40, BOOT_START_INFO + MEMORY_MAP_AT);
	store_le32(info + 48, (uint32_t)count);
	store_le64(info + MODULES_AT, load->initrd);
	store_le64(info + MODULES_AT + 8, load->initrd_size_bytes);
	for (size_t i = 0; i < count; i++) {
		uint8_t *range = info + MEMORY_MAP_AT + i * MEMORY_ENTRY_SIZE;

		store_le64(range, ranges[i].address);
		store_le64(range + 8, ranges[i].size_bytes);
		store_le32(range + 16, (uint32_t)ranges[i].type);
	}
	return 0;
}

int pvh_load(struct boot_load *load, struct kernel_image *image)
{
	int error = load_segments(load, image);

	if (!error)
		error = boot_load_initrd(load, image->first, image->end, UINT32_MAX);
	if (!error)
		error = boot_put_command_line(load, COMMAND_LINE_MAX);
	if (!error)
		error = boot_put_descriptors(load, &image->entry);
	if (!error)
		error = put_start_info(load);
	return error;
}
