/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/domain_xml.h"
#include "host/arguments/network.h"

#include "host/daemon/screen/screen.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_DISKS 26 /* vda to vdz */

struct writer {
	FILE *file;
	int error;
	char *text; /* for people, of the first error */
	size_t capacity;
};

static void refuse(struct writer *writer, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void refuse(struct writer *writer, int error, const char *format, ...)
{
	va_list values;

	if (writer->error)
		return;
	writer->error = error;
	va_start(values, format);
	vsnprintf(writer->text, writer->capacity, format, values);
	va_end(values);
}

/* Text or an attribute's value. XML has no way at all to say most control characters. */
static void put_text(struct writer *writer, const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 && *text != '\t')
			refuse(writer, -EINVAL, "a control character cannot be given to QEMU");
		else if (strchr("<>&'\"\t", *text))
			fprintf(writer->file, "&#%d;", *text);
		else
			fputc(*text, writer->file);
	}
}

/* <name>text</name> */
static void put_element(struct writer *writer, const char *name, const char *text)
{
	fprintf(writer->file, "<%s>", name);
	put_text(writer, text);
	fprintf(writer->file, "</%s>\n", name);
}

/* A socket that QEMU listens on in the VM's folder. */
static void put_socket(struct writer *writer, const struct domain_plan *plan, const char *file)
{
	fputs("<source mode='bind' path='", writer->file);
	put_text(writer, plan->folder);
	fprintf(writer->file, "/%s'/>", file);
}

static void put_boot(struct writer *writer, const struct vm_options *options)
{
	fputs("<os><type arch='x86_64' machine='q35'>hvm</type>\n", writer->file);
	put_element(writer, "kernel", options->kernel);
	if (options->initrd)
		put_element(writer, "initrd", options->initrd);
	if (options->append)
		put_element(writer, "cmdline", options->append);
	fputs("</os>\n", writer->file);
}

/* --- Disks: "FILE[,ro][,format=raw][,queues=N][,serial=TEXT]" ------------------------------- */

static void put_disk_source(struct writer *writer, const char *path)
{
	struct stat status;
	bool is_block;

	if (stat(path, &status) < 0) {
		refuse(writer, -errno, "disk '%s': %s", path, error_text(errno));
		return;
	}
	is_block = S_ISBLK(status.st_mode);
	if (!is_block && !S_ISREG(status.st_mode))
		refuse(writer, -EINVAL, "disk '%s' is no file and no block device", path);
	fprintf(writer->file, "<disk type='%s' device='disk'><source %s='",
		is_block ? "block" : "file", is_block ? "dev" : "file");
	put_text(writer, path);
	fputs("'/>", writer->file);
}

static void put_disk(struct writer *writer, size_t index, const char *option)
{
	_cleanup_free_ char *copy = strdup(option);
	const char *serial = NULL, *queues = NULL;
	bool read_only = false;
	char *rest = copy, *word;

	if (!copy) {
		refuse(writer, -ENOMEM, "out of memory");
		return;
	}
	put_disk_source(writer, strsep(&rest, ","));
	while ((word = strsep(&rest, ",")) != NULL) {
		if (strcmp(word, "ro") == 0)
			read_only = true;
		else if (strncmp(word, "serial=", 7) == 0)
			serial = word + 7;
		else if (strncmp(word, "queues=", 7) == 0)
			queues = word + 7;
		else if (strcmp(word, "format=raw") != 0)
			refuse(writer, -EINVAL,
			       "--disk: '%s' is not known (ro, format=raw, queues=, serial=)",
			       word);
	}
	/* Flushes reach the file, and what the guest discards is given back. */
	fputs("<driver name='qemu' type='raw' cache='writeback' discard='unmap'", writer->file);
	if (queues) {
		fputs(" queues='", writer->file);
		put_text(writer, queues);
		fputs("'", writer->file);
	}
	fprintf(writer->file, "/><target dev='vd%c' bus='virtio'/>", (char)('a' + index));
	if (serial)
		put_element(writer, "serial", serial);
	fprintf(writer->file, "%s</disk>\n", read_only ? "<readonly/>" : "");
}

static void put_disks(struct writer *writer, char *const *disks)
{
	for (size_t i = 0; disks && disks[i]; i++) {
		if (i == MAX_DISKS) {
			refuse(writer, -EINVAL, "--disk: at most %d disks are possible", MAX_DISKS);
			return;
		}
		put_disk(writer, i, disks[i]);
	}
}

/* --- The display ---------------------------------------------------------------------------- */

/* QEMU shows it to whoever libvirt gives a connection, and to nobody else. */
static void put_display(struct writer *writer, const struct domain_plan *plan)
{
	const struct vm_options *options = plan->options;
	unsigned int width, height;

	if (strcmp(options->display, "on") != 0 ||
	    vm_option_parse_size(options->size, &width, &height) < 0) {
		fputs("<video><model type='none'/></video>\n", writer->file);
		return;
	}
	fprintf(writer->file,
		"<graphics type='dbus' p2p='yes'/>\n"
		"<video><model type='virtio' heads='%llu' primary='yes'>"
		"<resolution x='%u' y='%u'/></model></video>\n"
		"<input type='tablet' bus='virtio'/>\n<input type='keyboard' bus='virtio'/>\n",
		(unsigned long long)options->heads, width, height);
	/* For guests with SPICE's agent instead of ours. */
	fputs("<channel type='unix'>", writer->file);
	put_socket(writer, plan, SCREEN_SPICE);
	fputs("<target type='virtio' name='" SCREEN_SPICE_PORT "'/></channel>\n", writer->file);
}

/* --- Shared folders ------------------------------------------------------------------------- */

static void put_shares(struct writer *writer, const struct domain_plan *plan)
{
	for (size_t i = 0; i < plan->share_count; i++) {
		fputs("<filesystem type='mount'><driver type='virtiofs' queue='1024'/>"
		      "<source socket='",
		      writer->file);
		put_text(writer, plan->shares[i].socket);
		fputs("'/><target dir='", writer->file);
		put_text(writer, plan->shares[i].tag);
		fputs("'/></filesystem>\n", writer->file);
	}
}

/* --- The rest ------------------------------------------------------------------------------- */

static void put_devices(struct writer *writer, const struct domain_plan *plan)
{
	fputs("<devices>\n", writer->file);
	put_element(writer, "emulator", plan->emulator);
	put_disks(writer, plan->options->disks);
	put_shares(writer, plan);
	fputs("<controller type='usb' model='none'/>\n"
	      "<channel type='unix'>",
	      writer->file);
	put_socket(writer, plan, "agent.sock");
	fputs("<target type='virtio' name='org.lodge.agent.0'/></channel>\n"
	      "<serial type='unix'>",
	      writer->file);
	put_socket(writer, plan, "console.sock");
	fputs("<target port='0'/></serial>\n"
	      "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>\n"
	      "<panic model='isa'/>\n"
	      "<memballoon model='virtio' autodeflate='on' freePageReporting='on'/>\n",
	      writer->file);
	put_display(writer, plan);
	fputs("</devices>\n", writer->file);
}

/* The same name gets the same address, so that a guest keeps its interface's name and lease. */
static uint32_t hash_name(const char *name)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash;
}

/* libvirt 9.0 has no interface type for '-netdev stream', QEMU 7.2 has. Slot 0x1c is one that
 * libvirt does not give to the devices that it knows. */
static void put_network(struct writer *writer, const struct domain_plan *plan)
{
	uint32_t hash = hash_name(plan->name);

	fputs("<qemu:commandline>\n<qemu:arg value='-netdev'/>\n"
	      "<qemu:arg value='stream,id=lodge0,server=off,addr.type=unix,addr.path=",
	      writer->file);
	for (const char *at = plan->net_socket; *at; at++) {
		char one[2] = {*at, '\0'};

		put_text(writer, *at == ',' ? ",," : one);
	}
	fprintf(writer->file,
		"'/>\n<qemu:arg value='-device'/>\n"
		"<qemu:arg value='virtio-net-pci,netdev=lodge0,romfile=,disable-legacy=on,"
		"host_mtu=" NETWORK_MTU_TEXT ","
		"bus=pcie.0,addr=0x1c,mac=52:54:00:%02x:%02x:%02x'/>\n"
		"</qemu:commandline>\n",
		hash >> 16 & 0xff, hash >> 8 & 0xff, hash & 0xff);
}

static const char *on_crash(const char *on_panic)
{
	if (strcmp(on_panic, "pause") == 0)
		return "preserve";
	return strcmp(on_panic, "restart") == 0 ? "restart" : "destroy";
}

static void put_domain(struct writer *writer, const struct domain_plan *plan)
{
	const struct vm_options *options = plan->options;

	fprintf(writer->file,
		"<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n",
		plan->kvm ? "kvm" : "qemu");
	put_element(writer, "name", plan->name);
	put_element(writer, "uuid", plan->uuid);
	fprintf(writer->file, "<memory unit='b'>%llu</memory>\n<vcpu>%llu</vcpu>\n",
		(unsigned long long)options->memory, (unsigned long long)options->cpus);
	/* Who serves a file system works in the guest's memory. */
	if (plan->share_count > 0)
		fputs("<memoryBacking><source type='memfd'/><access mode='shared'/>"
		      "</memoryBacking>\n",
		      writer->file);
	put_boot(writer, options);
	fprintf(writer->file,
		"<features><acpi/><apic/></features>\n<cpu mode='%s'/>\n<clock offset='utc'/>\n"
		"<on_poweroff>destroy</on_poweroff>\n<on_reboot>%s</on_reboot>\n"
		"<on_crash>%s</on_crash>\n",
		plan->kvm ? "host-passthrough" : "maximum",
		strcmp(options->on_reboot, "stop") == 0 ? "destroy" : "restart",
		on_crash(options->on_panic));
	put_devices(writer, plan);
	if (plan->net_socket)
		put_network(writer, plan);
	fputs("</domain>\n", writer->file);
}

int domain_xml_new(const struct domain_plan *plan, char **xml, char *error, size_t capacity)
{
	struct writer writer = {.text = error, .capacity = capacity};
	char *bytes = NULL;
	size_t length = 0;

	writer.file = open_memstream(&bytes, &length);
	if (!writer.file) {
		snprintf(error, capacity, "out of memory");
		return -ENOMEM;
	}
	put_domain(&writer, plan);
	if (fclose(writer.file) != 0)
		refuse(&writer, -ENOMEM, "out of memory");
	if (writer.error) {
		free(bytes);
		return writer.error;
	}
	*xml = bytes;
	return 0;
}
