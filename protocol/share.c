/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/share.h"

#include "protocol/message_table.h"

#include <string.h>

/* clang-format off */
MESSAGE(share_list, ITEMS(share_list, shares));
MESSAGE(share_entry, NEED_TEXT(share_entry, name), PATH(share_entry, at),
	BOOLEAN(share_entry, read_only), TEXT(share_entry, options));
MESSAGE(share_mounted, NEED_TEXT(share_mounted, name), NEED_PATH(share_mounted, at),
	UINT(share_mounted, error, INT32_MAX), TEXT(share_mounted, text));
MESSAGE(share_open, NEED_TEXT(share_open, name), DATA(share_open, session, SHARE_SESSION_SIZE),
	BOOLEAN(share_open, resume), UINT(share_open, received, ANY),
	BOOLEAN(share_open, ahead));
MESSAGE(share_opened, BOOLEAN(share_opened, resumed), UINT(share_opened, received, ANY));
MESSAGE(share_received, UINT(share_received, received, ANY), UINT(share_received, carried, ANY));
MESSAGE(share_watch, NEED_TEXT(share_watch, name), UINT(share_watch, pid, UINT32_MAX));
MESSAGE(share_watched, UINT(share_watched, id, ANY));
MESSAGE(share_export, NEED_PATH(share_export, path), DATA(share_export, session, SHARE_SESSION_SIZE),
	BOOLEAN(share_export, resume), UINT(share_export, received, ANY),
	BOOLEAN(share_export, read_only), TEXT(share_export, user),
	UINT(share_export, uid, UINT32_MAX), UINT(share_export, gid, UINT32_MAX),
	BOOLEAN(share_export, ahead));
/* clang-format on */

bool share_name_is_valid(const char *name, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	if (length == 0 || length > SHARE_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!name[i] || !strchr(letters, name[i]))
			return false;
	}
	return true;
}
