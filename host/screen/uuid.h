/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uuid - of a VM that has none of its own (RFC 9562, 5.5: made of names) */
#ifndef LODGE_SCREEN_UUID_H
#define LODGE_SCREEN_UUID_H

#define UUID_TEXT 37

/* The same for the same VM on the same host, always. */
void uuid_of_name(const char *host, const char *vm, char text[UUID_TEXT]);

#endif
