/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main - what the loader told us, then the suites that the command line names
 *
 * Command line: tests=SUITE[,SUITE...] (default: all), seed=NUMBER, end=HOW (power.h; default off).
 */
#include "acpi.h"
#include "interrupts.h"
#include "io.h"
#include "layout.h"
#include "lib.h"
#include "page.h"
#include "pci.h"
#include "power.h"
#include "smp.h"
#include "suites.h"
#include "test.h"

#include <asm/bootparam.h>

#define PVH_MAGIC    0x336ec578
#define RAM	     1
#define IMAGE_START  0x1000000ULL
#define COMMAND_SIZE 1024

/* Xen's docs/misc/pvh.pandoc */
struct pvh_start_info {
	uint32_t magic, version, flags, modules;
	uint64_t modules_address;
	uint64_t command_line;
	uint64_t rsdp;
	uint64_t memory_map;
	uint32_t memory_map_entries;
	uint32_t reserved;
};

struct pvh_memory {
	uint64_t address, size_bytes;
	uint32_t type, reserved;
};

struct boot {
	const char *loader;
	const char *command_line;
	uint64_t rsdp;
	uint64_t ram_end;
};

static const struct suite *const suites[] = {
	&suite_machine, &suite_interrupts, &suite_smp,		&suite_rng,    &suite_blk,
	&suite_console, &suite_net,	   &suite_gpu,		&suite_input,  &suite_fs,
	&suite_fs_use,	&suite_balloon,	   &suite_balloon_host, &suite_mem,    &suite_mem_host,
	&suite_rings,	&suite_lifecycle,  &suite_registers,	&suite_config, &suite_ports,
	&suite_figures,
};

/* They do not end. */
static const struct suite *const endless[] = {
	&suite_memory_idle,
	&suite_memory_works,
	&suite_memory_refuses,
};

void guest_main(int loader, uint64_t info);

static void consider_ram(struct boot *boot, uint64_t address, uint64_t size_bytes, uint32_t type)
{
	if (type == RAM && address <= IMAGE_START && IMAGE_START - address < size_bytes)
		boot->ram_end = address + size_bytes;
}

static struct boot read_boot_params(const struct boot_params *params)
{
	struct boot boot = {
		.loader = "bzImage",
		.command_line = (const char *)(uint64_t)params->hdr.cmd_line_ptr,
		.rsdp = params->acpi_rsdp_addr,
	};

	for (unsigned i = 0; i < params->e820_entries; i++) {
		const struct boot_e820_entry *entry = &params->e820_table[i];

		consider_ram(&boot, entry->addr, entry->size, entry->type);
	}
	return boot;
}

static struct boot read_start_info(const struct pvh_start_info *info)
{
	struct boot boot = {
		.loader = "PVH",
		.command_line = (const char *)info->command_line,
		.rsdp = info->rsdp,
	};
	const struct pvh_memory *map = (const struct pvh_memory *)info->memory_map;

	if (info->magic != PVH_MAGIC)
		return (struct boot){.command_line = ""};
	for (uint32_t i = 0; info->version >= 1 && i < info->memory_map_entries; i++)
		consider_ram(&boot, map[i].address, map[i].size_bytes, map[i].type);
	return boot;
}

/* The value of @key on the command line, up to the next space; NULL if it is not there. */
static const char *option(const char *command_line, const char *key)
{
	size_t length = strlen(key);

	for (const char *at = command_line; *at != '\0'; at++) {
		if ((at == command_line || at[-1] == ' ') && strncmp(at, key, length) == 0 &&
		    at[length] == '=')
			return at + length + 1;
	}
	return NULL;
}

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	while (text != NULL && *text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

static bool list_has(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (list != NULL && *list != '\0' && *list != ' ') {
		const char *end = list;

		while (*end != '\0' && *end != ' ' && *end != ',')
			end++;
		if ((size_t)(end - list) == length && strncmp(list, name, length) == 0)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

void guest_main(int loader, uint64_t info)
{
	static char command_line[COMMAND_SIZE];
	struct boot boot = loader == BOOT_LINUX ? read_boot_params((const void *)info)
						: read_start_info((const void *)info);
	const char *wanted;

	/* The loader's memory is ours to overwrite: keep what is needed later. */
	format_text(command_line, sizeof(command_line), "%s", boot.command_line);
	wanted = option(command_line, "tests");
	page_map(0, boot.ram_end);
	memory_init(boot.ram_end < 2 * GIB ? boot.ram_end : 2 * GIB);
	random_seed(number(option(command_line, "seed")));
	acpi_init(boot.rsdp);
	print("# %s, RAM to 0x%lx, %lu CPUs, seed %lu\n", boot.loader, boot.ram_end,
	      acpi_get()->cpus, number(option(command_line, "seed")));
	interrupts_init();
	pci_init(acpi_get()->ecam);
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		if (wanted == NULL || list_has(wanted, suites[i]->name))
			suite_run(suites[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(endless); i++) {
		if (list_has(wanted, endless[i]->name))
			suite_run(endless[i]);
	}
	print("done\n");
	power_end(option(command_line, "end"));
}
