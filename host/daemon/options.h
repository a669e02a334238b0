/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options - what a VM is to be like, as asked for over D-Bus and as kept in its descriptor
 *
 * A table names each option once; D-Bus and JSON both go through it.
 */
#ifndef LODGE_DAEMON_OPTIONS_H
#define LODGE_DAEMON_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

struct vm_options {
	char *kernel, *initrd, *append;
	char *accel;	 /* "auto", "kvm", "tcg" */
	char *backend;	 /* "auto", "vmm", "libvirt" */
	char *net;	 /* "user", "none" */
	char *on_reboot; /* "restart", "stop" */
	char *on_panic;	 /* "stop", "restart", "pause" */
	char **disks;	 /* "FILE[,ro][,format=raw]…"; NULL-terminated, or NULL */
	char **forwards; /* "2222:22"; the same */
	char **shares;	 /* "NAME=DIR[,…]" (share/share_spec.h); the same */
	char *display;	 /* "on", "off" */
	char *size;	 /* of the first head as the guest finds it: "1280x800" */
	char *vnc;	 /* "[ADDRESS:]PORT[,…]"; NULL: nothing listens */
	char *clipboard; /* as protocol/clipboard_policy.h has a policy in words */
	uint64_t heads;
	uint64_t cpus;
	uint64_t memory;      /* bytes */
	uint64_t memory_most; /* that it can have once more is plugged in; 0: memory, and no more */
	/* How it takes part (memory/vm_memory.h); 0, NULL: as memory_config_default() has it. */
	uint64_t memory_max, memory_min, memory_shares, memory_fixed; /* bytes; shares */
	char *memory_sharing;					      /* "on", "off" */
};

enum vm_option_kind {
	OPTION_TEXT,   /* char * */
	OPTION_LIST,   /* char ** */
	OPTION_NUMBER, /* uint64_t */
};

struct vm_option {
	const char *name;
	enum vm_option_kind kind;
	size_t offset;
};

extern const struct vm_option vm_option_table[];
extern const size_t vm_option_count;

#define OPTION_LIST_MAX 32

#define OPTION_DEFAULT_SIZE  "1280x800"
#define OPTION_DEFAULT_HEADS 4
#define OPTION_MAX_HEADS     16
/* What can be plugged in is movable memory: the kernel's own, its books of all pages included (a
 * 64th), has to fit into what the VM starts with. */
#define OPTION_MAX_GROWTH 8
/* Of a head, each way. */
#define OPTION_MIN_PIXELS 64
#define OPTION_MAX_PIXELS 8192

/* NULL: there is none of that name. */
const struct vm_option *vm_option_named(const char *name);

/* Set by copy. -ENOMEM, -EINVAL if the option is of another kind, -E2BIG for a long list. */
int vm_option_set_text(struct vm_options *options, const struct vm_option *option,
		       const char *text);
int vm_option_set_number(struct vm_options *options, const struct vm_option *option,
			 uint64_t number);
int vm_option_add(struct vm_options *options, const struct vm_option *option, const char *item);
/* Empties a list. */
void vm_option_clear(struct vm_options *options, const struct vm_option *option);

/**
 * vm_options_complete() - fill in what was not said, refuse what cannot be
 * @error:	receives one line for people on failure; @capacity bytes
 *
 * Return: 0; -EINVAL.
 */
int vm_options_complete(struct vm_options *options, char *error, size_t capacity);

/* Bytes of the machine's memory, with what can be plugged in. */
uint64_t vm_options_most(const struct vm_options *options);

/* "1280x800", both within the limits above. -EINVAL. */
int vm_option_parse_size(const char *text, unsigned int *width, unsigned int *height);

void vm_options_free(struct vm_options *options);

#endif
