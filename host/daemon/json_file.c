/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/json_file.h"

#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int json_file_write(const char *folder, const char *file, struct json_object *object)
{
	char name[PATH_MAX], temporary[PATH_MAX];
	_cleanup_close_ int fd = -EBADF;
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY);

	if (snprintf(name, sizeof(name), "%s/%s", folder, file) >= (int)sizeof(name) ||
	    snprintf(temporary, sizeof(temporary), "%s/.%s", folder, file) >=
		    (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -EIO;
	return rename(temporary, name) < 0 ? -errno : 0;
}

int json_file_read(const char *folder, const char *file, struct json_object **result)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_free_ char *text = malloc(JSON_FILE_MAX + 1);
	_cleanup_close_ int fd = -EBADF;
	char name[PATH_MAX];
	ssize_t length;

	if (!text)
		return -ENOMEM;
	if (snprintf(name, sizeof(name), "%s/%s", folder, file) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	length = read(fd, text, JSON_FILE_MAX + 1);
	if (length < 0)
		return -errno;
	if (length > JSON_FILE_MAX)
		return -EBADMSG;
	text[length] = '\0';
	object = json_tokener_parse(text);
	if (!json_object_is_type(object, json_type_object))
		return -EBADMSG;
	*result = object;
	object = NULL;
	return 0;
}

bool json_file_get(struct json_object *object, const char *key, enum json_type type,
		   struct json_object **value)
{
	return json_object_object_get_ex(object, key, value) && json_object_is_type(*value, type);
}
