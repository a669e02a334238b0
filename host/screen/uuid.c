/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/uuid.h"

#include <gnutls/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SHA1_BYTES 20

/* Names are those of Lodge's VMs: a UUID of the fourth kind, drawn once. */
static const uint8_t name_space[16] = {0x5d, 0x1e, 0x0a, 0x3c, 0x8b, 0x52, 0x4f, 0x77,
				       0x9c, 0x2d, 0x41, 0xe6, 0xb0, 0x93, 0x7a, 0x68};

void uuid_of_name(const char *host, const char *vm, char text[UUID_TEXT])
{
	uint8_t hash[SHA1_BYTES] = {0};
	gnutls_hash_hd_t state;
	int length = 0;

	if (gnutls_hash_init(&state, GNUTLS_DIG_SHA1) == 0) {
		gnutls_hash(state, name_space, sizeof(name_space));
		gnutls_hash(state, host, strlen(host) + 1);
		gnutls_hash(state, vm, strlen(vm));
		gnutls_hash_deinit(state, hash);
	}
	hash[6] = (hash[6] & 0x0f) | 0x50;
	hash[8] = (hash[8] & 0x3f) | 0x80;
	for (unsigned int i = 0; i < 16; i++)
		length += snprintf(text + length, UUID_TEXT - (size_t)length, "%s%02x",
				   i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", hash[i]);
}
