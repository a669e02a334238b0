/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/tls.h"

#include "host/screen/link.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CERTIFIED "NORMAL"
#define ANONYMOUS "NORMAL:-VERS-TLS1.3:-KX-ALL:+ANON-ECDH:+ANON-DH"

/* One end is a link, the other a client by GnuTLS itself. */
struct side {
	uv_loop_t loop;
	struct link *link;
	struct tls_credentials *credentials;
	int peer;
	gnutls_session_t client;
	gnutls_certificate_credentials_t certified;
	gnutls_anon_client_credentials_t anonymous;
	uint8_t got[1 << 20];
	size_t length;
	unsigned int drained;
	bool closed;
	int error;
};

static struct side *side;

static size_t received(void *owner, const uint8_t *bytes, size_t length)
{
	struct side *self = owner;

	ck_assert_uint_le(length, sizeof(self->got) - self->length);
	memcpy(self->got + self->length, bytes, length);
	self->length += length;
	return length;
}

static void drained(void *owner)
{
	((struct side *)owner)->drained++;
}

static void closed(void *owner, int error)
{
	struct side *self = owner;

	self->closed = true;
	self->error = error;
	link_free(take_ptr(self->link));
}

static const struct link_handlers handlers = {received, drained, closed};

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&side->loop, UV_RUN_NOWAIT);
}

static void open_side(struct tls_credentials *credentials, const char *priorities)
{
	int fds[2];

	side = calloc(1, sizeof(*side));
	side->credentials = credentials;
	uv_loop_init(&side->loop);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	side->link = link_new(&side->loop, fds[0]);
	side->peer = fds[1];
	ck_assert_int_eq(fcntl(side->peer, F_SETFL, O_NONBLOCK), 0);
	link_set_handlers(side->link, &handlers, side);
	ck_assert_int_eq(link_start_tls(side->link, credentials), 0);

	ck_assert_int_eq(gnutls_init(&side->client, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	ck_assert_int_eq(gnutls_priority_set_direct(side->client, priorities, NULL), 0);
	gnutls_certificate_allocate_credentials(&side->certified);
	gnutls_credentials_set(side->client, GNUTLS_CRD_CERTIFICATE, side->certified);
	gnutls_anon_allocate_client_credentials(&side->anonymous);
	gnutls_credentials_set(side->client, GNUTLS_CRD_ANON, side->anonymous);
	gnutls_transport_set_int(side->client, side->peer);
}

static void close_side(void)
{
	gnutls_deinit(side->client);
	gnutls_certificate_free_credentials(side->certified);
	gnutls_anon_free_client_credentials(side->anonymous);
	close(side->peer);
	link_free(side->link);
	uv_run(&side->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&side->loop), 0);
	tls_credentials_free(side->credentials);
	free(side);
}

static int shake(void)
{
	int result;

	do {
		turn();
		result = gnutls_handshake(side->client);
	} while (result == GNUTLS_E_AGAIN && !side->closed);
	turn();
	return result;
}

static void client_reads(const char *expected)
{
	char answer[64] = {0};
	size_t have = 0;

	while (have < strlen(expected)) {
		ssize_t got;

		turn();
		got = gnutls_record_recv(side->client, answer + have, sizeof(answer) - have);
		ck_assert(got > 0 || got == GNUTLS_E_AGAIN);
		have += got > 0 ? (size_t)got : 0;
	}
	ck_assert_str_eq(answer, expected);
}

static struct tls_credentials *self_signed(const char *name)
{
	struct tls_credentials *credentials;

	ck_assert_int_eq(tls_credentials_self_signed(name, &credentials), 0);
	return credentials;
}

static struct tls_credentials *anonymous(void)
{
	struct tls_credentials *credentials;

	ck_assert_int_eq(tls_credentials_anonymous(&credentials), 0);
	return credentials;
}

/* --- Tests ---------------------------------------------------------------------------------- */

START_TEST(bytes_go_both_ways)
{
	open_side(_i ? anonymous() : self_signed("vm.example"), _i ? ANONYMOUS : CERTIFIED);
	/* Held back until the handshake is through. */
	ck_assert_int_eq(link_send(side->link, "welcome", 7), 0);
	ck_assert_uint_eq(link_queued(side->link), 7);
	ck_assert_int_eq(shake(), 0);
	client_reads("welcome");
	ck_assert_uint_eq(link_queued(side->link), 0);
	ck_assert_uint_gt(side->drained, 0);
	ck_assert_int_eq(gnutls_record_send(side->client, "hello", 5), 5);
	turn();
	ck_assert_uint_eq(side->length, 5);
	ck_assert_mem_eq(side->got, "hello", 5);
	ck_assert_int_eq(gnutls_bye(side->client, GNUTLS_SHUT_WR), 0);
	turn();
	ck_assert(side->closed);
	ck_assert_int_eq(side->error, 0);
	close_side();
}
END_TEST

START_TEST(much_goes_both_ways)
{
	static uint8_t block[900000], back[900000];
	size_t sent = 0, have = 0;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 2654435761U >> 13);
	open_side(self_signed(NULL), CERTIFIED);
	ck_assert_int_eq(shake(), 0);
	while (side->length < sizeof(block)) {
		ssize_t result =
			gnutls_record_send(side->client, block + sent, sizeof(block) - sent);

		if (sent < sizeof(block) && result > 0)
			sent += (size_t)result;
		turn();
	}
	ck_assert_mem_eq(side->got, block, sizeof(block));
	ck_assert_int_eq(link_send(side->link, block, sizeof(block)), 0);
	while (have < sizeof(back)) {
		ssize_t result = gnutls_record_recv(side->client, back + have, sizeof(back) - have);

		ck_assert(result > 0 || result == GNUTLS_E_AGAIN);
		have += result > 0 ? (size_t)result : 0;
		turn();
	}
	ck_assert_mem_eq(back, block, sizeof(block));
	close_side();
}
END_TEST

START_TEST(finish_says_good_bye)
{
	char byte;

	open_side(self_signed(NULL), CERTIFIED);
	ck_assert_int_eq(shake(), 0);
	ck_assert_int_eq(link_send(side->link, "last", 4), 0);
	link_finish(take_ptr(side->link));
	client_reads("last");
	ck_assert_int_eq(gnutls_record_recv(side->client, &byte, 1), 0);
	close_side();
}
END_TEST

START_TEST(garbage_is_told_off)
{
	open_side(self_signed(NULL), CERTIFIED);
	ck_assert_int_eq(write(side->peer, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	turn();
	ck_assert(side->closed);
	ck_assert_int_eq(side->error, -EPROTO);
	close_side();
}
END_TEST

static const char *const refused[] = {
	"NORMAL:-VERS-ALL:+VERS-TLS1.1", /* too old */
	ANONYMOUS,			 /* towards who has a certificate */
};

START_TEST(what_is_not_agreed_on)
{
	open_side(self_signed(NULL), refused[_i]);
	ck_assert_int_lt(shake(), 0);
	ck_assert(side->closed);
	ck_assert_int_eq(side->error, -EPROTO);
	close_side();
}
END_TEST

START_TEST(an_anonymous_server_has_no_certificate)
{
	open_side(anonymous(), CERTIFIED);
	ck_assert_int_lt(shake(), 0);
	ck_assert(side->closed);
	ck_assert(tls_is_anonymous(side->credentials));
	ck_assert_str_eq(tls_fingerprint(side->credentials), "");
	close_side();
}
END_TEST

START_TEST(the_certificate_is_for_localhost)
{
	const gnutls_datum_t *chain;
	unsigned int count = 0;
	gnutls_x509_crt_t certificate;

	open_side(self_signed("vm.example"), CERTIFIED);
	ck_assert(!tls_is_anonymous(side->credentials));
	ck_assert_uint_eq(strlen(tls_fingerprint(side->credentials)), 95);
	ck_assert_int_eq(shake(), 0);
	chain = gnutls_certificate_get_peers(side->client, &count);
	ck_assert_uint_eq(count, 1);
	gnutls_x509_crt_init(&certificate);
	ck_assert_int_eq(gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER), 0);
	ck_assert(gnutls_x509_crt_check_hostname(certificate, "localhost"));
	ck_assert(gnutls_x509_crt_check_hostname(certificate, "127.0.0.1"));
	ck_assert(gnutls_x509_crt_check_hostname(certificate, "::1"));
	ck_assert(gnutls_x509_crt_check_hostname(certificate, "vm.example"));
	ck_assert(!gnutls_x509_crt_check_hostname(certificate, "elsewhere.example"));
	gnutls_x509_crt_deinit(certificate);
	close_side();
}
END_TEST

/* --- Given as PEM --------------------------------------------------------------------------- */

static void make_pem(gnutls_datum_t *certificate_pem, gnutls_datum_t *key_pem)
{
	gnutls_x509_crt_t certificate;
	gnutls_x509_privkey_t key;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
				     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&certificate);
	gnutls_x509_crt_set_version(certificate, 3);
	gnutls_x509_crt_set_serial(certificate, "\1", 1);
	gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 60);
	gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600);
	gnutls_x509_crt_set_key(certificate, key);
	ck_assert_int_eq(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0),
			 0);
	gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, certificate_pem);
	gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
					  key_pem);
	gnutls_x509_crt_deinit(certificate);
	gnutls_x509_privkey_deinit(key);
}

static void write_file(const char *path, const gnutls_datum_t *bytes)
{
	FILE *file = fopen(path, "w");

	ck_assert_uint_eq(fwrite(bytes->data, 1, bytes->size, file), bytes->size);
	fclose(file);
}

START_TEST(certificate_and_key_as_given)
{
	gnutls_datum_t certificate, key, other_certificate, other_key;
	char folder[] = "/tmp/test-tls-XXXXXX", certificate_path[64], key_path[64];
	struct tls_credentials *credentials = NULL;

	make_pem(&certificate, &key);
	make_pem(&other_certificate, &other_key);
	ck_assert_int_eq(tls_credentials_new(certificate.data, certificate.size, other_key.data,
					     other_key.size, &credentials),
			 -EINVAL);
	ck_assert_int_eq(tls_credentials_new("rubbish", 7, key.data, key.size, &credentials),
			 -EINVAL);
	ck_assert_int_eq(
		tls_credentials_new(certificate.data, certificate.size, "", 0, &credentials),
		-EINVAL);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(certificate_path, sizeof(certificate_path), "%s/certificate.pem", folder);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
	ck_assert_int_eq(tls_credentials_read(certificate_path, key_path, &credentials), -ENOENT);
	write_file(certificate_path, &certificate);
	write_file(key_path, &key);
	ck_assert_int_eq(tls_credentials_read(certificate_path, key_path, &credentials), 0);
	unlink(certificate_path);
	unlink(key_path);
	rmdir(folder);
	open_side(credentials, CERTIFIED);
	ck_assert_int_eq(shake(), 0);
	close_side();
	gnutls_free(certificate.data);
	gnutls_free(key.data);
	gnutls_free(other_certificate.data);
	gnutls_free(other_key.data);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("tls");

	tcase_add_loop_test(tcase, bytes_go_both_ways, 0, 2);
	tcase_add_test(tcase, much_goes_both_ways);
	tcase_add_test(tcase, finish_says_good_bye);
	tcase_add_test(tcase, garbage_is_told_off);
	tcase_add_loop_test(tcase, what_is_not_agreed_on, 0, ARRAY_SIZE(refused));
	tcase_add_test(tcase, an_anonymous_server_has_no_certificate);
	tcase_add_test(tcase, the_certificate_is_for_localhost);
	tcase_add_test(tcase, certificate_and_key_as_given);
	return suite_run_case("tls", tcase);
}
