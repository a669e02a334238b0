/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/copy/place.h"

#include <errno.h>
#include <string.h>

int place_parse(const char *text, struct place *place, const char **problem)
{
	size_t name = strcspn(text, ":/");

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
