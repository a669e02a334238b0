/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/boot/kernel.h"

#include "host/vmm/boot/formats.h"
#include "host/vmm/boot/layout.h"
#include "host/vmm/guest_memory.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <asm/bootparam.h>
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB	   (1ULL << 20)
#define RAM_SIZE   (64 * MIB)
#define FILE_SIZE  (64 * 1024U)
#define KERNEL_AT  (16 * MIB)
#define SETUP_SIZE (5 * 512U)

static uint8_t *ram;
static uint8_t file[FILE_SIZE];
static size_t file_size;
static struct guestmem memory;
static struct kernel_files files;
static struct kernel_image image;
static const char *problem;

static void allocate(void)
{
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(ram, MAP_FAILED);
	memory = (struct guestmem){0};
	ck_assert_int_eq(guestmem_add(&memory, 0, ram, RAM_SIZE), 0);
	memset(file, 0, sizeof(file));
	file_size = sizeof(file);
	files = (struct kernel_files){
		.kernel_fd = -1, .initrd_fd = -1, .append = "console=ttyS0", .rsdp = BOOT_ACPI};
}

static void release(void)
{
	munmap(ram, RAM_SIZE);
	if (files.kernel_fd >= 0)
		close(files.kernel_fd);
	if (files.initrd_fd >= 0)
		close(files.initrd_fd);
}

static int fd_of(const void *bytes, size_t length)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	return fd;
}

static int load(void)
{
	if (files.kernel_fd < 0)
		files.kernel_fd = fd_of(file, file_size);
	problem = NULL;
	return kernel_load(&files, &memory, &image, &problem);
}

/* --- bzImage -----------------------------------------------------------------------------------
 */

static struct setup_header *bzimage(void)
{
	struct setup_header *header = (struct setup_header *)(file + 0x1f1);

	*header = (struct setup_header){
		.setup_sects = SETUP_SIZE / 512 - 1,
		.boot_flag = 0xaa55,
		.jump = 0x66eb, /* jump to 268h: the header's end */
		.header = 0x53726448,
		.version = 0x020f,
		.loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64,
		.relocatable_kernel = 1,
		.kernel_alignment = 2 * MIB,
		.pref_address = KERNEL_AT,
		.init_size = 4 * MIB,
		.initrd_addr_max = 0x7fffffff,
		.cmdline_size = 255,
		.syssize = (FILE_SIZE - SETUP_SIZE) / 16,
	};
	memset(file + SETUP_SIZE, 0x90, FILE_SIZE - SETUP_SIZE);
	return header;
}

static const struct boot_params *params(void)
{
	return (const struct boot_params *)(ram + BOOT_PARAMS);
}

START_TEST(a_bzimage_is_loaded_where_it_wants_to_be)
{
	bzimage();
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(image.kind, KERNEL_BZIMAGE);
	ck_assert_int_eq(image.entry.mode, BOOT_LONG);
	ck_assert_uint_eq(image.entry.address, KERNEL_AT + 0x200);
	ck_assert_uint_eq(image.entry.argument, BOOT_PARAMS);
	ck_assert_mem_eq(ram + KERNEL_AT, file + SETUP_SIZE, FILE_SIZE - SETUP_SIZE);
	ck_assert_uint_eq(params()->hdr.type_of_loader, 0xff);
	ck_assert_str_eq((char *)ram + params()->hdr.cmd_line_ptr, "console=ttyS0");
	ck_assert_uint_eq(params()->acpi_rsdp_addr, BOOT_ACPI);
	/* The identity map's first large page, by way of three tables. */
	ck_assert_uint_eq(load_le64(ram + image.entry.page_tables) & ~0xfffULL,
			  image.entry.page_tables + 0x1000);
	ck_assert_uint_eq(load_le64(ram + image.entry.page_tables + 0x2000), 0x83);
}
END_TEST

START_TEST(the_memory_map_leaves_out_what_is_not_ram)
{
	uint64_t end = 0;

	bzimage();
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(params()->e820_entries, 4);
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_uint_ge(params()->e820_table[i].addr, end);
		end = params()->e820_table[i].addr + params()->e820_table[i].size;
	}
	ck_assert_uint_eq(params()->e820_table[1].type, MEMORY_ACPI);
	ck_assert_uint_eq(params()->e820_table[2].size, RAM_SIZE - BOOT_HIGH);
	ck_assert_uint_eq(params()->e820_table[3].type, MEMORY_RESERVED);
}
END_TEST

START_TEST(memory_above_4_gib_is_in_the_map)
{
	struct memory_range ranges[MEMORY_MAP_MAX];
	size_t count;

	ck_assert_int_eq(guestmem_add(&memory, LAYOUT_HIGH_RAM, ram, MIB), 0);
	count = memory_map(&memory, ranges);
	ck_assert_uint_eq(count, 5);
	ck_assert_uint_eq(ranges[4].address, LAYOUT_HIGH_RAM);
	ck_assert_uint_eq(ranges[4].size_bytes, MIB);
}
END_TEST

START_TEST(an_initrd_goes_to_the_top)
{
	static const char initrd[5000] = "initrd";

	bzimage();
	files.initrd_fd = fd_of(initrd, sizeof(initrd));
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(params()->hdr.ramdisk_image, RAM_SIZE - 8192);
	ck_assert_uint_eq(params()->hdr.ramdisk_size, sizeof(initrd));
	ck_assert_mem_eq(ram + RAM_SIZE - 8192, initrd, sizeof(initrd));
}
END_TEST

START_TEST(an_initrd_keeps_clear_of_the_kernel)
{
	static const char initrd[4096] = "initrd";
	struct setup_header *header = bzimage();

	header->init_size = (uint32_t)(RAM_SIZE - KERNEL_AT);
	files.initrd_fd = fd_of(initrd, sizeof(initrd));
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(params()->hdr.ramdisk_image, KERNEL_AT - 4096);
}
END_TEST

START_TEST(an_initrd_that_does_not_fit_is_refused)
{
	int fd = fd_of("x", 1);

	bzimage();
	ck_assert_int_eq(ftruncate(fd, RAM_SIZE), 0);
	files.initrd_fd = fd;
	ck_assert_int_eq(load(), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(problem, "initrd"));
}
END_TEST

START_TEST(a_kernel_that_can_move_finds_a_place)
{
	struct setup_header *header = bzimage();

	header->pref_address = RAM_SIZE - MIB;
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(image.first, 2 * MIB);
}
END_TEST

START_TEST(the_command_line_has_a_limit)
{
	static char text[300];

	memset(text, 'a', 256);
	bzimage();
	files.append = text;
	ck_assert_int_eq(load(), -E2BIG);
	text[255] = '\0';
	ck_assert_int_eq(load(), 0);
}
END_TEST

START_TEST(the_reset_vector_writes_the_reset_register)
{
	static const uint8_t code[] = {0xba, 0x02, 0x06, 0xb0, 0x01, 0xee};

	bzimage();
	ck_assert_int_eq(load(), 0);
	ck_assert_mem_eq(ram + BOOT_RESET_VECTOR, code, sizeof(code));
}
END_TEST

/* Each spoils the header in a way of its own. */
static void no_64_bit_entry(struct setup_header *header)
{
	header->xloadflags = 0;
}

static void too_old(struct setup_header *header)
{
	header->version = 0x020b;
}

static void claims_more_than_there_is(struct setup_header *header)
{
	header->syssize = UINT32_MAX;
}

static void stub_is_longer_than_the_file(struct setup_header *header)
{
	header->setup_sects = 255;
}

static void wants_a_place_that_wraps(struct setup_header *header)
{
	header->pref_address = UINT64_MAX - 4096;
	header->relocatable_kernel = 0;
}

static void wants_the_first_megabyte(struct setup_header *header)
{
	header->pref_address = BOOT_PARAMS;
	header->relocatable_kernel = 0;
}

static void wants_a_huge_alignment(struct setup_header *header)
{
	header->pref_address = 0;
	header->kernel_alignment = 1U << 31;
}

static void wants_an_odd_alignment(struct setup_header *header)
{
	header->pref_address = 0;
	header->kernel_alignment = 3;
}

static void unpacks_beyond_memory(struct setup_header *header)
{
	header->init_size = UINT32_MAX;
}

static const struct {
	void (*spoil)(struct setup_header *header);
	int error;
} bad_bzimages[] = {
	{no_64_bit_entry, -ENOEXEC},	       {too_old, -ENOEXEC},
	{claims_more_than_there_is, -ENOEXEC}, {stub_is_longer_than_the_file, -ENOEXEC},
	{wants_a_place_that_wraps, -ENOSPC},   {wants_the_first_megabyte, -ENOSPC},
	{wants_a_huge_alignment, -ENOSPC},     {wants_an_odd_alignment, -ENOSPC},
	{unpacks_beyond_memory, -ENOSPC},
};

START_TEST(hostile_bzimages_are_refused)
{
	bad_bzimages[_i].spoil(bzimage());
	ck_assert_int_eq(load(), bad_bzimages[_i].error);
	ck_assert_ptr_nonnull(problem);
}
END_TEST

START_TEST(a_bzimage_that_ends_where_it_would_be_entered_is_refused)
{
	struct setup_header *header = bzimage();

	header->syssize = 0;
	header->init_size = 0;
	file_size = SETUP_SIZE + 0x200;
	ck_assert_int_eq(load(), -ENOEXEC);
	ck_assert_ptr_nonnull(problem);
}
END_TEST

START_TEST(a_bzimage_cut_anywhere_is_refused)
{
	bzimage();
	for (size_t size = 0; size < FILE_SIZE; size += size < 4096 ? 61 : 4099) {
		file_size = size;
		ck_assert_int_eq(load(), -ENOEXEC);
		close(files.kernel_fd);
		files.kernel_fd = -1;
	}
}
END_TEST

/* --- PVH ELF -----------------------------------------------------------------------------------
 */

#define SEGMENT_AT 4096U
#define NOTES_AT   1024U

struct note {
	Elf64_Nhdr header;
	char name[4];
	uint32_t entry;
};

static Elf64_Phdr *pvh(void)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)file;
	Elf64_Phdr *segments = (Elf64_Phdr *)(file + sizeof(*header));
	struct note *notes = (struct note *)(file + NOTES_AT);

	*header = (Elf64_Ehdr){
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(*header),
		.e_phentsize = sizeof(*segments),
		.e_phnum = 3,
	};
	segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_offset = SEGMENT_AT,
				   .p_paddr = KERNEL_AT,
				   .p_filesz = 8192,
				   .p_memsz = 16384};
	segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_offset = SEGMENT_AT + 8192,
				   .p_paddr = KERNEL_AT + MIB,
				   .p_filesz = 4096,
				   .p_memsz = 4096};
	segments[2] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTES_AT, .p_filesz = 2 * sizeof(struct note)};
	notes[0] = (struct note){{4, 4, 6}, "Xen", 1};
	notes[1] = (struct note){{4, 4, 18}, "Xen", KERNEL_AT + 64};
	memset(file + SEGMENT_AT, 0x90, 12288);
	return segments;
}

START_TEST(a_pvh_kernel_is_loaded_by_its_segments)
{
	const uint8_t *info = ram + BOOT_START_INFO;

	pvh();
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(image.kind, KERNEL_PVH);
	ck_assert_int_eq(image.entry.mode, BOOT_PROTECTED);
	ck_assert_uint_eq(image.entry.address, KERNEL_AT + 64);
	ck_assert_uint_eq(ram[KERNEL_AT + 8191], 0x90);
	ck_assert_uint_eq(ram[KERNEL_AT + 8192], 0);
	ck_assert_uint_eq(ram[KERNEL_AT + MIB], 0x90);
	ck_assert_uint_eq(load_le32(info), 0x336ec578);
	ck_assert_uint_eq(load_le32(info + 12), 0); /* no modules */
	ck_assert_str_eq((char *)ram + load_le64(info + 24), "console=ttyS0");
	ck_assert_uint_eq(load_le64(info + 32), BOOT_ACPI);
	ck_assert_uint_eq(load_le32(info + 48), 4);
}
END_TEST

START_TEST(a_pvh_kernel_gets_its_initrd_as_a_module)
{
	const uint8_t *info = ram + BOOT_START_INFO;

	pvh();
	files.initrd_fd = fd_of("initrd", 6);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(load_le32(info + 12), 1);
	ck_assert_uint_eq(load_le64(ram + load_le64(info + 16)), RAM_SIZE - 4096);
	ck_assert_uint_eq(load_le64(ram + load_le64(info + 16) + 8), 6);
}
END_TEST

static struct note *notes(void)
{
	return (struct note *)(file + NOTES_AT);
}

static void segments_overlap(Elf64_Phdr *segments)
{
	segments[1].p_paddr = KERNEL_AT + 4096;
}

static void more_in_the_file_than_in_memory(Elf64_Phdr *segments)
{
	segments[0].p_filesz = segments[0].p_memsz + 1;
}

static void segment_beyond_the_file(Elf64_Phdr *segments)
{
	segments[1].p_offset = UINT64_MAX - 100;
}

static void segment_longer_than_the_file(Elf64_Phdr *segments)
{
	segments[0].p_filesz = segments[0].p_memsz = FILE_SIZE;
}

static void segment_that_wraps(Elf64_Phdr *segments)
{
	segments[0].p_paddr = UINT64_MAX - 4096;
}

static void segment_as_large_as_the_world(Elf64_Phdr *segments)
{
	segments[0].p_memsz = UINT64_MAX;
}

static void segment_over_the_boot_data(Elf64_Phdr *segments)
{
	segments[0].p_paddr = BOOT_START_INFO;
}

static void no_entry(Elf64_Phdr *segments)
{
	(void)segments;
	notes()[1].header.n_type = 1;
}

static void entry_outside(Elf64_Phdr *segments)
{
	(void)segments;
	notes()[1].entry = 0;
}

static void another_owner_of_the_note(Elf64_Phdr *segments)
{
	(void)segments;
	notes()[1].name[0] = 'Y';
}

static void note_name_wraps(Elf64_Phdr *segments)
{
	(void)segments;
	notes()[0].header.n_namesz = UINT32_MAX;
}

static void note_content_wraps(Elf64_Phdr *segments)
{
	(void)segments;
	notes()[0].header.n_descsz = UINT32_MAX - 2;
}

static void notes_without_end(Elf64_Phdr *segments)
{
	segments[2].p_filesz = UINT64_MAX;
}

static void too_many_segments(Elf64_Phdr *segments)
{
	(void)segments;
	((Elf64_Ehdr *)file)->e_phnum = 33;
}

static void segments_beyond_the_file(Elf64_Phdr *segments)
{
	(void)segments;
	((Elf64_Ehdr *)file)->e_phoff = UINT64_MAX - 8;
}

static void another_machine(Elf64_Phdr *segments)
{
	(void)segments;
	((Elf64_Ehdr *)file)->e_machine = EM_AARCH64;
}

static const struct {
	void (*spoil)(Elf64_Phdr *segments);
	int error;
} bad_elfs[] = {
	{segments_overlap, -ENOEXEC},
	{more_in_the_file_than_in_memory, -ENOEXEC},
	{segment_beyond_the_file, -ENOEXEC},
	{segment_longer_than_the_file, -ENOEXEC},
	{segment_that_wraps, -ENOSPC},
	{segment_as_large_as_the_world, -ENOSPC},
	{segment_over_the_boot_data, -ENOSPC},
	{no_entry, -ENOEXEC},
	{entry_outside, -ENOEXEC},
	{another_owner_of_the_note, -ENOEXEC},
	{note_name_wraps, -ENOEXEC},
	{note_content_wraps, -ENOEXEC},
	{notes_without_end, -ENOEXEC},
	{too_many_segments, -ENOEXEC},
	{segments_beyond_the_file, -ENOEXEC},
	{another_machine, -ENOEXEC},
};

START_TEST(hostile_elfs_are_refused)
{
	bad_elfs[_i].spoil(pvh());
	ck_assert_int_eq(load(), bad_elfs[_i].error);
	ck_assert_ptr_nonnull(problem);
}
END_TEST

START_TEST(other_files_are_refused)
{
	ck_assert_int_eq(load(), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(problem, "neither"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel");
	TCase *tc = tcase_create("kernel");

	tcase_add_checked_fixture(tc, allocate, release);
	tcase_add_test(tc, a_bzimage_is_loaded_where_it_wants_to_be);
	tcase_add_test(tc, the_memory_map_leaves_out_what_is_not_ram);
	tcase_add_test(tc, memory_above_4_gib_is_in_the_map);
	tcase_add_test(tc, an_initrd_goes_to_the_top);
	tcase_add_test(tc, an_initrd_keeps_clear_of_the_kernel);
	tcase_add_test(tc, an_initrd_that_does_not_fit_is_refused);
	tcase_add_test(tc, a_kernel_that_can_move_finds_a_place);
	tcase_add_test(tc, the_command_line_has_a_limit);
	tcase_add_test(tc, the_reset_vector_writes_the_reset_register);
	tcase_add_loop_test(tc, hostile_bzimages_are_refused, 0, ARRAY_SIZE(bad_bzimages));
	tcase_add_test(tc, a_bzimage_that_ends_where_it_would_be_entered_is_refused);
	tcase_add_test(tc, a_bzimage_cut_anywhere_is_refused);
	tcase_add_test(tc, a_pvh_kernel_is_loaded_by_its_segments);
	tcase_add_test(tc, a_pvh_kernel_gets_its_initrd_as_a_module);
	tcase_add_loop_test(tc, hostile_elfs_are_refused, 0, ARRAY_SIZE(bad_elfs));
	tcase_add_test(tc, other_files_are_refused);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
