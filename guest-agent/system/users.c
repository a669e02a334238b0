/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is logged in, from utmp(5): records of fixed size, written by programs of the guest.
 */
#include "guest-agent/system/collect.h"
#include "protocol/base/cleanup.h"

#include <string.h>
#include <utmp.h>

#define NS_PER_S 1000000000ULL

void collect_users_from(struct store *store, const char *path, struct info *info)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	struct store_items items = store_items_begin(store);
	struct utmp record;

	while (file && fread(&record, sizeof(record), 1, file) == 1) {
		struct info_user user = {0};

		if (record.ut_type != USER_PROCESS || !record.ut_user[0])
			continue;
		user.name = (struct slice){(const uint8_t *)record.ut_user,
					   strnlen(record.ut_user, sizeof(record.ut_user))};
		user.terminal = (struct slice){(const uint8_t *)record.ut_line,
					       strnlen(record.ut_line, sizeof(record.ut_line))};
		user.from = (struct slice){(const uint8_t *)record.ut_host,
					   strnlen(record.ut_host, sizeof(record.ut_host))};
		user.since_ns = (uint64_t)(uint32_t)record.ut_tv.tv_sec * NS_PER_S +
				(uint64_t)(uint32_t)record.ut_tv.tv_usec * 1000;
		if (!store_items_add(&items, &message_info_user, &user))
			break;
	}
	info->users = store_items_end(&items);
}

void collect_users(struct store *store, struct info *info)
{
	collect_users_from(store, "/run/utmp", info);
}
