/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tls - what we prove ourselves with towards viewers
 *
 * A certificate and its key, given as PEM or made at need and signed by itself; or nothing at all
 * (anonymous), which keeps out those who only listen. Viewers are never asked for a certificate.
 * Credentials live longer than every link they were started with.
 */
#ifndef LODGE_SCREEN_TLS_H
#define LODGE_SCREEN_TLS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

#define TLS_MAX_PEM	     (256U << 10)
#define TLS_FINGERPRINT_SIZE 96 /* with its NUL */
#define TLS_HANDSHAKE_MS     10000

struct tls_credentials;

/* All return 0 or negative errno, and set *credentials on success only. */

/* PEM bytes: a certificate, with those that lead to its root behind it, and its key. -EINVAL: they
 * are not that, or do not belong together. */
int tls_credentials_new(const void *certificate, size_t certificate_length, const void *key,
			size_t key_length, struct tls_credentials **credentials);
/* The same from files, of at most TLS_MAX_PEM bytes; before the sandbox. */
int tls_credentials_read(const char *certificate_path, const char *key_path,
			 struct tls_credentials **credentials);
/* A new key and certificate for localhost, its addresses and @name, good for ten years. */
int tls_credentials_self_signed(const char *name, struct tls_credentials **credentials);
/* No certificate: VeNCrypt's TLSNone and TLSVnc, and nothing else. TLS 1.2. */
int tls_credentials_anonymous(struct tls_credentials **credentials);
void tls_credentials_free(struct tls_credentials *credentials);

bool tls_is_anonymous(const struct tls_credentials *credentials);
/* SHA-256 of the certificate, "AB:CD:...", for people to compare; "" if anonymous. */
const char *tls_fingerprint(const struct tls_credentials *credentials);

/* A session of the server's side with them. 0 or negative errno. */
int tls_new_session(const struct tls_credentials *credentials, gnutls_session_t *session);

#endif
