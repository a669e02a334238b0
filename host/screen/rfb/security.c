/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VNC authentication (RFC 6143, 7.2.2): a challenge of 16 random bytes comes back encrypted by DES,
 * with a key that is the password's first 8 bytes, the bits of each byte the other way round. Weak
 * as it is, it is what viewers have; inside TLS, and with few attempts, it does.
 */
#include "host/screen/rfb/rfb_internal.h"

#include <errno.h>
#include <gnutls/crypto.h>

#define KEY_SIZE      8
#define BLOCK_SIZE    8
#define FIRST_WAIT_MS 2000ULL
#define MAX_DOUBLINGS 8 /* of it: some 8 minutes */

int rfb_make_challenge(struct rfb *rfb)
{
	int result = gnutls_rnd(GNUTLS_RND_NONCE, rfb->challenge, sizeof(rfb->challenge));

	return result < 0 ? -EIO : 0;
}

bool rfb_attempts_open(const struct rfb *rfb)
{
	return !rfb->attempts || rfb_now(rfb) >= rfb->attempts->closed_until_ms;
}

static void count_failure(struct rfb *rfb)
{
	struct rfb_attempts *attempts = rfb->attempts;
	unsigned int beyond;

	if (!attempts)
		return;
	if (attempts->failures < RFB_FREE_FAILURES + MAX_DOUBLINGS)
		attempts->failures++;
	if (attempts->failures < RFB_FREE_FAILURES)
		return;
	beyond = attempts->failures - RFB_FREE_FAILURES;
	attempts->closed_until_ms = rfb_now(rfb) + (FIRST_WAIT_MS << beyond);
}

static uint8_t reversed(uint8_t byte)
{
	uint8_t result = 0;

	for (int i = 0; i < 8; i++)
		result = (uint8_t)(result << 1 | (byte >> i & 1));
	return result;
}

/* One block by itself is what CBC with an initial vector of zeros makes of it. */
static int encrypt_block(const gnutls_datum_t *key, const uint8_t in[BLOCK_SIZE],
			 uint8_t out[BLOCK_SIZE])
{
	uint8_t zeros[BLOCK_SIZE] = {0};
	const gnutls_datum_t vector = {zeros, sizeof(zeros)};
	gnutls_cipher_hd_t cipher;
	int result = gnutls_cipher_init(&cipher, GNUTLS_CIPHER_DES_CBC, key, &vector);

	if (result < 0)
		return -EOPNOTSUPP;
	result = gnutls_cipher_encrypt2(cipher, in, BLOCK_SIZE, out, BLOCK_SIZE);
	gnutls_cipher_deinit(cipher);
	return result < 0 ? -EOPNOTSUPP : 0;
}

int rfb_check_response(struct rfb *rfb, const uint8_t response[RFB_CHALLENGE_SIZE])
{
	uint8_t key_bytes[KEY_SIZE], expected[RFB_CHALLENGE_SIZE];
	const gnutls_datum_t key = {key_bytes, sizeof(key_bytes)};
	int result;

	if (!rfb_attempts_open(rfb))
		return -EBUSY;
	for (int i = 0; i < KEY_SIZE; i++)
		key_bytes[i] = reversed((uint8_t)rfb->password[i]);
	result = encrypt_block(&key, rfb->challenge, expected);
	if (result == 0)
		result = encrypt_block(&key, rfb->challenge + BLOCK_SIZE, expected + BLOCK_SIZE);
	explicit_bzero(key_bytes, sizeof(key_bytes));
	if (result < 0)
		return result;
	if (gnutls_memcmp(expected, response, sizeof(expected)) != 0) {
		count_failure(rfb);
		return -EACCES;
	}
	if (rfb->attempts)
		*rfb->attempts = (struct rfb_attempts){0};
	return 0;
}
