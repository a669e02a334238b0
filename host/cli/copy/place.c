/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/copy/place.h"

#include <errno.h>
#include <string.h>

#define ANY_LIBVIRT "libvirt:"

/* How long the name before the ':' is, or, if there is none, the text before the first '/'. */
static size_t name_length(const char *text)
{
	size_t first = strcspn(text, ":/"), prefix = strlen(ANY_LIBVIRT);
	const char *end;

	if (strncmp(text + first, "://", 3) == 0) {
		end = strstr(text + first + 3, ":/");
		if (end)
			return (size_t)(end - text);
	}
	if (strncmp(text, ANY_LIBVIRT, prefix) == 0 && text[prefix] != '/')
		return prefix + strcspn(text + prefix, ":/");
	return first;
}

int place_parse(const char *text, struct place *place, const char **problem)
{
	size_t name = name_length(text);

	*place = (struct place){.path = text};
	if (strcmp(text, "-") == 0) {
		place->is_stream = true;
		return 0;
	}
	if (*text == '\0') {
		*problem = "a path is empty";
		return -EINVAL;
	}
	if (text[name] != ':')
		return 0;
	if (name == 0 || name >= sizeof(place->vm)) {
		*problem = "before ':' a VM's name is expected; write ./ before a file's name "
			   "with ':'";
		return -EINVAL;
	}
	memcpy(place->vm, text, name);
	place->path = text + name + 1;
	if (*place->path != '/') {
		*problem = "a path in a VM begins with '/'";
		return -EINVAL;
	}
	return 0;
}

int place_base_name(const char *path, char *name, unsigned int capacity)
{
	size_t end = strlen(path), begin;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/';)
		begin--;
	if (end == begin)
		return -EINVAL;
	if (end - begin >= capacity)
		return -ENAMETOOLONG;
	memcpy(name, path + begin, end - begin);
	name[end - begin] = '\0';
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -EINVAL : 0;
}
