/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credentials are GnuTLS' own, with the priorities that go with them. */
#include "host/screen/tls.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
/* TLS 1.3 knows no anonymous servers. */
#define PRIORITIES_ANONYMOUS "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH:+ANON-DH"
#define VALID_SECONDS	     (10LL * 365 * 24 * 3600)
#define CLOCKS_DIFFER	     (24LL * 3600) /* and a guest of ours may be a viewer */

struct tls_credentials {
	gnutls_certificate_credentials_t certificate; /* one of the two */
	gnutls_anon_server_credentials_t anonymous;
	gnutls_priority_t priorities;
	char fingerprint[TLS_FINGERPRINT_SIZE];
};

static void cleanup_certificate(gnutls_x509_crt_t *certificate)
{
	if (*certificate)
		gnutls_x509_crt_deinit(*certificate);
}

static void cleanup_key(gnutls_x509_privkey_t *key)
{
	if (*key)
		gnutls_x509_privkey_deinit(*key);
}

static void cleanup_credentials(struct tls_credentials **credentials)
{
	tls_credentials_free(*credentials);
}

static int to_errno(int result)
{
	if (result >= 0)
		return 0;
	return result == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

static int new_credentials(const char *priorities, struct tls_credentials **credentials)
{
	struct tls_credentials *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	result = to_errno(gnutls_priority_init(&new->priorities, priorities, NULL));
	if (result < 0)
		free(new);
	else
		*credentials = new;
	return result;
}

static int set_fingerprint(struct tls_credentials *credentials)
{
	static const char digits[] = "0123456789ABCDEF";
	gnutls_datum_t der;
	uint8_t digest[32];
	char *to = credentials->fingerprint;
	int result = gnutls_certificate_get_crt_raw(credentials->certificate, 0, 0, &der);

	if (result >= 0)
		result = gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, digest);
	if (result < 0)
		return to_errno(result);
	for (size_t i = 0; i < sizeof(digest); i++) {
		*to++ = digits[digest[i] >> 4];
		*to++ = digits[digest[i] & 15];
		*to++ = ':';
	}
	to[-1] = '\0';
	return 0;
}

int tls_credentials_new(const void *certificate, size_t certificate_length, const void *key,
			size_t key_length, struct tls_credentials **credentials)
{
	_cleanup_(cleanup_credentials) struct tls_credentials *new = NULL;
	gnutls_datum_t certificate_pem = {(void *)certificate, (unsigned int)certificate_length};
	gnutls_datum_t key_pem = {(void *)key, (unsigned int)key_length};
	int result;

	if (certificate_length > TLS_MAX_PEM || key_length > TLS_MAX_PEM)
		return -EINVAL;
	result = new_credentials(PRIORITIES, &new);
	if (result < 0)
		return result;
	result = to_errno(gnutls_certificate_allocate_credentials(&new->certificate));
	if (result == 0)
		result = to_errno(gnutls_certificate_set_x509_key_mem(
			new->certificate, &certificate_pem, &key_pem, GNUTLS_X509_FMT_PEM));
	if (result == 0)
		result = set_fingerprint(new);
	if (result == 0)
		*credentials = take_ptr(new);
	return result;
}

/* --- From files ----------------------------------------------------------------------------- */

static int read_file(const char *path, char **bytes, size_t *length)
{
	_cleanup_free_ char *buffer = malloc(TLS_MAX_PEM + 1);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t have = 0;
	ssize_t got = 1;

	if (!buffer)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	while (got > 0 && have <= TLS_MAX_PEM) {
		got = read(fd, buffer + have, TLS_MAX_PEM + 1 - have);
		if (got < 0)
			return -errno;
		have += (size_t)got;
	}
	if (have > TLS_MAX_PEM)
		return -EFBIG;
	*bytes = take_ptr(buffer);
	*length = have;
	return 0;
}

int tls_credentials_read(const char *certificate_path, const char *key_path,
			 struct tls_credentials **credentials)
{
	_cleanup_free_ char *certificate = NULL;
	_cleanup_free_ char *key = NULL;
	size_t certificate_length, key_length = 0;
	int result = read_file(certificate_path, &certificate, &certificate_length);

	if (result == 0)
		result = read_file(key_path, &key, &key_length);
	if (result == 0)
		result = tls_credentials_new(certificate, certificate_length, key, key_length,
					     credentials);
	if (key)
		gnutls_memset(key, 0, key_length);
	return result;
}

/* --- Made at need --------------------------------------------------------------------------- */

static int set_names(gnutls_x509_crt_t certificate, const char *name)
{
	struct in_addr loopback4 = {htonl(INADDR_LOOPBACK)};
	struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;
	int result = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
						   "localhost", sizeof("localhost") - 1);

	if (result >= 0)
		result = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME,
							      "localhost", sizeof("localhost") - 1,
							      GNUTLS_FSAN_SET);
	/* What is no host's name is not said; it is not needed either. */
	if (result >= 0 && name)
		gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
						     (unsigned int)strlen(name),
						     GNUTLS_FSAN_APPEND);
	if (result >= 0)
		result = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS,
							      &loopback4, sizeof(loopback4),
							      GNUTLS_FSAN_APPEND);
	if (result >= 0)
		result = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS,
							      &loopback6, sizeof(loopback6),
							      GNUTLS_FSAN_APPEND);
	return result;
}

static int fill_certificate(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key,
			    const char *name)
{
	time_t now = time(NULL);
	uint8_t serial[16];
	int result = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] &= 0x7f; /* a positive number */
	if (result >= 0)
		result = gnutls_x509_crt_set_version(certificate, 3);
	if (result >= 0)
		result = gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
	if (result >= 0)
		result = gnutls_x509_crt_set_activation_time(certificate, now - CLOCKS_DIFFER);
	if (result >= 0)
		result = gnutls_x509_crt_set_expiration_time(certificate, now + VALID_SECONDS);
	if (result >= 0)
		result = set_names(certificate, name);
	if (result >= 0)
		result = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
	if (result >= 0)
		result = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (result >= 0)
		result = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER,
							     0);
	if (result >= 0)
		result = gnutls_x509_crt_set_key(certificate, key);
	if (result >= 0)
		result = gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
	return result;
}

int tls_credentials_self_signed(const char *name, struct tls_credentials **credentials)
{
	_cleanup_(cleanup_credentials) struct tls_credentials *new = NULL;
	_cleanup_(cleanup_certificate) gnutls_x509_crt_t certificate = NULL;
	_cleanup_(cleanup_key) gnutls_x509_privkey_t key = NULL;
	int result = new_credentials(PRIORITIES, &new);

	if (result < 0)
		return result;
	result = gnutls_x509_privkey_init(&key);
	if (result >= 0)
		result = gnutls_x509_privkey_generate(
			key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (result >= 0)
		result = gnutls_x509_crt_init(&certificate);
	if (result >= 0)
		result = fill_certificate(certificate, key, name);
	if (result >= 0)
		result = gnutls_certificate_allocate_credentials(&new->certificate);
	if (result >= 0)
		result = gnutls_certificate_set_x509_key(new->certificate, &certificate, 1, key);
	result = to_errno(result);
	if (result == 0)
		result = set_fingerprint(new);
	if (result == 0)
		*credentials = take_ptr(new);
	return result;
}

int tls_credentials_anonymous(struct tls_credentials **credentials)
{
	_cleanup_(cleanup_credentials) struct tls_credentials *new = NULL;
	int result = new_credentials(PRIORITIES_ANONYMOUS, &new);

	if (result == 0)
		result = to_errno(gnutls_anon_allocate_server_credentials(&new->anonymous));
	if (result == 0)
		result = to_errno(gnutls_anon_set_server_known_dh_params(new->anonymous,
									 GNUTLS_SEC_PARAM_MEDIUM));
	if (result == 0)
		*credentials = take_ptr(new);
	return result;
}

void tls_credentials_free(struct tls_credentials *credentials)
{
	if (!credentials)
		return;
	if (credentials->certificate)
		gnutls_certificate_free_credentials(credentials->certificate);
	if (credentials->anonymous)
		gnutls_anon_free_server_credentials(credentials->anonymous);
	if (credentials->priorities)
		gnutls_priority_deinit(credentials->priorities);
	free(credentials);
}

/* --- Use ------------------------------------------------------------------------------------ */

bool tls_is_anonymous(const struct tls_credentials *credentials)
{
	return !credentials->certificate;
}

const char *tls_fingerprint(const struct tls_credentials *credentials)
{
	return credentials->fingerprint;
}

int tls_new_session(const struct tls_credentials *credentials, gnutls_session_t *session)
{
	gnutls_session_t new;
	int result = gnutls_init(&new, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

	if (result < 0)
		return to_errno(result);
	result = gnutls_priority_set(new, credentials->priorities);
	if (result >= 0 && credentials->certificate)
		result = gnutls_credentials_set(new, GNUTLS_CRD_CERTIFICATE,
						credentials->certificate);
	if (result >= 0 && credentials->anonymous)
		result = gnutls_credentials_set(new, GNUTLS_CRD_ANON, credentials->anonymous);
	if (result >= 0) {
		gnutls_certificate_server_set_request(new, GNUTLS_CERT_IGNORE);
		*session = new;
		return 0;
	}
	gnutls_deinit(new);
	return to_errno(result);
}
