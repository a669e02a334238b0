/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_spec - what a share is to be like, as a struct and as one line of text
 *
 * The line is what `lodge run --share` takes, and what vm.json keeps:
 *
 *	NAME=DIRECTORY[,ro][,at=PATH][,options=LIST][,cache=never|auto|always][,owner=RULE][,dax=SIZE]
 *
 * A comma that belongs to a path or to the list is written twice.
 */
#ifndef LODGE_DAEMON_SHARE_SPEC_H
#define LODGE_DAEMON_SHARE_SPEC_H

#include "protocol/share.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARE_OWNER_MAX 63
#define SHARE_DAX_MIN	(2ULL << 20)
#define SHARE_DAX_MAX	(16ULL << 30)
/* So that a VM's whole list fits into one message. */
#define SHARE_AT_MAX	  1023
#define SHARE_OPTIONS_MAX 255

struct share_spec {
	char name[SHARE_NAME_MAX + 1];
	char *directory; /* absolute, of the host */
	char *at;	 /* absolute, of the guest: mounted there by the agent; or NULL */
	/* With `at`, of that mount: words of mount.lodge's; "": none */
	char options[SHARE_OPTIONS_MAX + 1];
	bool read_only;
	char cache[8];			 /* "never", "auto", "always" */
	char owner[SHARE_OWNER_MAX + 1]; /* lodge-fsd's rule; "": its default */
	uint64_t dax_bytes; /* window into its files, of a VM's device: lodge-vmm's; 0: none */
};

/**
 * share_spec_parse() - from a line
 * @spec:	set on success; freed by share_spec_free()
 * @error:	one line for people on failure
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int share_spec_parse(const char *line, struct share_spec *spec, char *error, size_t capacity);

/* As a line, to be freed. NULL without memory. */
char *share_spec_line(const struct share_spec *spec);

/* The rules that share_spec_parse() applies: 0; -EINVAL with one line for people. */
int share_spec_check(const struct share_spec *spec, char *error, size_t capacity);

/**
 * share_spec_check_directory() - is the folder there, and may we read it?
 *
 * What the user of lodged cannot open is not shared.
 *
 * Return: 0; -errno with one line for people.
 */
int share_spec_check_directory(const struct share_spec *spec, char *error, size_t capacity);

void share_spec_free(struct share_spec *spec);

#endif
