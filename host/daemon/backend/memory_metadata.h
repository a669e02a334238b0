/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_metadata - what a domain's owner has said about its memory, kept in its metadata
 *
 *	<metadata>
 *	  <lodge:memory xmlns:lodge='urn:lodge:memory:1' mode='auto' minimum='512M' shares='2000'/>
 *	</metadata>
 *
 * It is the domain's, so it goes where the domain goes (copies, migration, backups), and an
 * administrator can write it with virsh alone. A domain without it is watched and never touched.
 * https://libvirt.org/formatdomain.html#general-metadata
 *
 *	mode		"off": watched; "auto": takes part; "fixed": takes part with `size` alone
 *	size		of "fixed"
 *	minimum		what is never taken from it
 *	maximum		what it never gets more than
 *	shares		against others where memory is scarce
 *
 * Sizes are as parse_size() reads them. What was not said is as memory_config_default() has it.
 */
#ifndef LODGE_DAEMON_MEMORY_METADATA_H
#define LODGE_DAEMON_MEMORY_METADATA_H

#include "host/daemon/memory/vm_memory.h"

#include <libxml/tree.h>

#define MEMORY_METADATA_URI    "urn:lodge:memory:1"
#define MEMORY_METADATA_PREFIX "lodge"

/**
 * memory_metadata_read() - read what an element <metadata> says; NULL: there is none
 * @said:	receives it; what was not said is 0, and watched if nothing was said or it fails
 *
 * Return: 0; -EBADMSG: something was said, and it cannot be meant.
 */
int memory_metadata_read(xmlNode *metadata, struct memory_member_config *said);

/* The rest of what was said, for a domain with that much memory: consistent whatever was said. */
void memory_metadata_complete(const struct memory_member_config *said, uint64_t machine_bytes,
			      struct memory_member_config *config);

/*
 * The element as virDomainSetMetadata() wants it, without its namespace. @text of
 * MEMORY_METADATA_TEXT bytes; returns it.
 */
#define MEMORY_METADATA_TEXT 256
char *memory_metadata_write(const struct memory_member_config *config, uint64_t machine_bytes,
			    char text[MEMORY_METADATA_TEXT]);

#endif
