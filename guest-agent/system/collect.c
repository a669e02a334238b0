/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/collect.h"
#include "guest-agent/system/parts.h"
#include "protocol/base/bytes.h"

void collect_parts(unsigned int parts, struct store *store, struct info *info)
{
	static const struct {
		unsigned int part;
		void (*collect)(struct store *store, struct info *info);
	} collectors[] = {
		{PART_OS, collect_os},	     {PART_TIME, collect_time},
		{PART_USERS, collect_users}, {PART_NETWORK, collect_network},
		{PART_DISKS, collect_disks}, {PART_MEMORY, collect_memory},
		{PART_LOAD, collect_load},
	};

	for (size_t i = 0; i < ARRAY_SIZE(collectors); i++) {
		if (parts & collectors[i].part)
			collectors[i].collect(store, info);
	}
}
