/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pages - the files that a browser gets; they are part of the program */
#ifndef LODGE_WEB_PAGES_H
#define LODGE_WEB_PAGES_H

#include "protocol/cbor.h"

struct page {
	const char *path, *type;
	struct slice content;
};

/* false: there is no such file. */
bool pages_find(const char *path, struct page *page);

#endif
