/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/rfb_internal.h"
#include "host/screen/tls.h"

#include "talk.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <unistd.h>

static struct talk *talk;

static void setup(void)
{
	talk = talk_new(320, 200);
}

static void teardown(void)
{
	talk_free(talk);
}

static void begin(const struct rfb_options *options, const char *version)
{
	ck_assert_int_eq(talk_connect(talk, options), 0);
	ck_assert_mem_eq(talk_hear(talk, 12), "RFB 003.008\n", 12);
	talk_say(talk, version, 12);
}

static void hear_reason(void)
{
	uint32_t length = talk_be32(talk_hear(talk, 4));

	ck_assert_uint_gt(length, 5);
	ck_assert_uint_lt(length, 200);
	talk_hear(talk, length);
}

static void hear_init(void)
{
	static const uint8_t expected[24] = {1, 64,  0,	 200, 32, 24, 0, 1, 0, 255, 0, 255,
					     0, 255, 16, 8,   0,  0,  0, 0, 0, 0,   0, 5};

	SAY(talk, 1);
	ck_assert_mem_eq(talk_hear(talk, 29), expected, sizeof(expected));
	ck_assert_mem_eq(talk->bytes + 24, "cabin", 5);
}

START_TEST(test_versions_open)
{
	const struct rfb_options options = {0};

	begin(&options, "RFB 003.003\n");
	ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 1);
	hear_init();
	close(talk->fd);

	begin(&options, "RFB 003.007\n");
	ck_assert_mem_eq(talk_hear(talk, 2), "\1\1", 2);
	SAY(talk, 1);
	hear_init();
	close(talk->fd);

	begin(&options, "RFB 003.889\n");
	ck_assert_mem_eq(talk_hear(talk, 2), "\1\1", 2);
	SAY(talk, 1);
	ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 0);
	hear_init();
	close(talk->fd);

	begin(&options, "RFB 003.005\n"); /* counts as 3.3 */
	ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 1);
}
END_TEST

START_TEST(test_no_version)
{
	static const char *const wrong[] = {"RFB 004.001\n", "RFB 003.00x\n", "GET / HTTP/1",
					    "RFB 003.008 "};
	const struct rfb_options options = {0};

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		begin(&options, wrong[i]);
		talk_hear_end(talk);
		close(talk->fd);
		talk->fd = -1;
	}
	ck_assert_ptr_null(screen_viewers(talk->screen));
}
END_TEST

START_TEST(test_type_not_offered)
{
	const struct rfb_options open = {0}, closed = {.password = "x"};

	begin(&closed, "RFB 003.008\n");
	ck_assert_mem_eq(talk_hear(talk, 2), "\1\2", 2);
	SAY(talk, 1); /* None */
	talk_hear_end(talk);
	close(talk->fd);
	begin(&open, "RFB 003.008\n");
	talk_hear(talk, 2);
	SAY(talk, 19);
	talk_hear_end(talk);
}
END_TEST

/* Wrong, with each version's way to say so; then too often. */
START_TEST(test_wrong_password)
{
	struct rfb_attempts attempts = {0};
	const struct rfb_options options = {.password = "open sesame", .attempts = &attempts};
	uint8_t nonsense[16] = {1, 2, 3};

	begin(&options, "RFB 003.003\n");
	ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 2);
	talk_hear(talk, 16);
	talk_say(talk, nonsense, sizeof(nonsense));
	ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 1);
	talk_hear_end(talk);
	close(talk->fd);
	for (unsigned int i = 1; i < RFB_FREE_FAILURES; i++) {
		begin(&options, "RFB 003.008\n");
		talk_hear(talk, 2);
		SAY(talk, 2);
		talk_hear(talk, 16);
		talk_say(talk, nonsense, sizeof(nonsense));
		ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 1);
		hear_reason();
		talk_hear_end(talk);
		close(talk->fd);
	}
	begin(&options, "RFB 003.008\n");
	ck_assert_uint_eq(*talk_hear(talk, 1), 0);
	hear_reason();
	talk_hear_end(talk);
	ck_assert_ptr_null(screen_viewers(talk->screen));
}
END_TEST

START_TEST(test_tls_required)
{
	struct tls_credentials *anonymous = NULL;
	struct rfb_options options = {.tls = RFB_TLS_REQUIRED};

	ck_assert_int_eq(talk_connect(talk, &options), -EINVAL);
	talk_hear_end(talk);
	close(talk->fd);
	ck_assert_int_eq(tls_credentials_anonymous(&anonymous), 0);
	options.anonymous = anonymous;
	begin(&options, "RFB 003.003\n"); /* cannot */
	ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 0);
	hear_reason();
	talk_hear_end(talk);
	close(talk->fd);
	begin(&options, "RFB 003.008\n");
	ck_assert_mem_eq(talk_hear(talk, 2), "\1\x13", 2);
	SAY(talk, 19);
	ck_assert_mem_eq(talk_hear(talk, 2), "\0\2", 2);
	SAY(talk, 0, 2);
	ck_assert_mem_eq(talk_hear(talk, 6), "\0\1\0\0\1\1", 6); /* TLSNone */
	SAY(talk, 0, 0, 1, 1);
	ck_assert_uint_eq(*talk_hear(talk, 1), 1);
	/* In place of a handshake of TLS. */
	talk_say(talk, "RFB 003.008\n\1\1\1\1\1\1\1\1\1\1", 22);
	talk_run(talk, 20);
	ck_assert_ptr_null(screen_viewers(talk->screen));
	close(talk->fd);
	begin(&options, "RFB 003.008\n");
	talk_hear(talk, 2);
	SAY(talk, 19);
	talk_hear(talk, 2);
	SAY(talk, 0, 2);
	talk_hear(talk, 6);
	SAY(talk, 0, 0, 1, 4); /* X509None, which was not offered */
	talk_hear_end(talk);
	talk_run(talk, 5);
	tls_credentials_free(anonymous);
}
END_TEST

/* --- VeNCrypt, as a viewer with a TLS library of its own -----------------------------------------
 */

static void shake_hands(gnutls_session_t session)
{
	uint64_t end = uv_hrtime() + 5000000000U;
	int result;

	while ((result = gnutls_handshake(session)) < 0) {
		ck_assert_int_eq(gnutls_error_is_fatal(result), 0);
		ck_assert(uv_hrtime() < end);
		talk_run(talk, 2);
	}
}

static void hear_inside(gnutls_session_t session, uint8_t *bytes, size_t length)
{
	uint64_t end = uv_hrtime() + 5000000000U;

	while (length) {
		ssize_t got = gnutls_record_recv(session, bytes, length);

		if (got > 0) {
			bytes += got;
			length -= (size_t)got;
			continue;
		}
		ck_assert_msg(got == GNUTLS_E_AGAIN && uv_hrtime() < end, "%zd", got);
		talk_run(talk, 2);
	}
}

/* Certificates first, without one if need be; then the password, inside. */
static void try_vencrypt(uint8_t type, bool anonymous)
{
	gnutls_anon_client_credentials_t nobody;
	gnutls_certificate_credentials_t anybody;
	gnutls_session_t session;
	uint8_t bytes[29];

	SAY(talk, 19);
	ck_assert_mem_eq(talk_hear(talk, 2), "\0\2", 2);
	SAY(talk, 0, 2);
	ck_assert_mem_eq(talk_hear(talk, 10), "\0\2\0\0\1\5\0\0\1\2", 10);
	SAY(talk, 0, 0, 1, type);
	ck_assert_uint_eq(*talk_hear(talk, 1), 1);
	gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
	gnutls_anon_allocate_client_credentials(&nobody);
	gnutls_certificate_allocate_credentials(&anybody);
	if (anonymous) {
		gnutls_priority_set_direct(session, "NORMAL:-VERS-TLS1.3:+ANON-ECDH:+ANON-DH",
					   NULL);
		gnutls_credentials_set(session, GNUTLS_CRD_ANON, nobody);
	} else {
		gnutls_set_default_priority(session);
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, anybody);
	}
	gnutls_transport_set_int(session, talk->fd);
	shake_hands(session);
	hear_inside(session, bytes, 16);
	ck_assert_int_eq(gnutls_record_send(session, "sixteen of these", 16), 16);
	hear_inside(session, bytes, 4);
	ck_assert_mem_eq(bytes, "\0\0\0\1", 4);
	hear_inside(session, bytes, 4);
	ck_assert_uint_gt(talk_be32(bytes), 5);
	gnutls_deinit(session);
	gnutls_anon_free_client_credentials(nobody);
	gnutls_certificate_free_credentials(anybody);
	close(talk->fd);
}

START_TEST(test_vencrypt)
{
	struct tls_credentials *anonymous = NULL, *credentials = NULL;
	struct rfb_options options = {.tls = RFB_TLS_OPTIONAL, .password = "x"};

	ck_assert_int_eq(tls_credentials_anonymous(&anonymous), 0);
	ck_assert_int_eq(tls_credentials_self_signed("cabin", &credentials), 0);
	options.anonymous = anonymous;
	options.credentials = credentials;
	for (unsigned int i = 0; i < 2; i++) {
		begin(&options, "RFB 003.008\n");
		ck_assert_mem_eq(talk_hear(talk, 3), "\2\x13\2", 3);
		try_vencrypt(i ? 2 : 5, i);
	}
	talk->fd = -1;
	while (screen_viewers(talk->screen))
		talk_run(talk, 5);
	talk_run(talk, 1200); /* links that finish have let go of their sessions */
	tls_credentials_free(credentials);
	tls_credentials_free(anonymous);
}
END_TEST

/* Before it has got in, a viewer sees and does nothing. */
START_TEST(test_outside)
{
	const struct rfb_options options = {.password = "x"};

	begin(&options, "RFB 003.008\n");
	talk_hear(talk, 2);
	talk_paint(talk, 1);
	screen_head_changed(talk->screen, 0, 100, 100);
	screen_set_leds(talk->screen, 7);
	talk_hear_nothing(talk);
	ck_assert(screen_viewers(talk->screen)->view_only);
	ck_assert(!talk->watching);
	SAY(talk, 3, 0, 0, 0, 0, 0, 1, 1, 1, 1);
	talk_hear_end(talk);
}
END_TEST

START_TEST(test_exclusive)
{
	struct rfb_options options = {0};
	int first;

	talk_connect(talk, &options);
	talk_enter(talk);
	first = talk->fd;
	talk_connect(talk, &options);
	talk_hear(talk, 12);
	talk_say(talk, "RFB 003.003\n", 12);
	talk_hear(talk, 4);
	SAY(talk, 0);
	talk_hear(talk, 29);
	close(talk->fd);
	talk->fd = first;
	talk_hear_nothing(talk); /* it is shared all the same */
	options.exclusive = true;
	talk_connect(talk, &options);
	talk_hear(talk, 12);
	talk_say(talk, "RFB 003.003\n", 12);
	talk_hear(talk, 4);
	SAY(talk, 0);
	talk_hear(talk, 29);
	close(talk->fd);
	talk->fd = first;
	talk_hear_end(talk);
}
END_TEST

START_TEST(test_no_desktop)
{
	const struct rfb_options options = {0};

	talk_free(talk);
	talk = talk_new(0, 0);
	begin(&options, "RFB 003.003\n");
	talk_hear(talk, 4);
	SAY(talk, 1);
	ck_assert_mem_eq(talk_hear(talk, 29), "\x02\x80\x01\xe0", 4);
	talk_request(talk, false);
	ck_assert_uint_gt(talk_hear_update(talk), 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("handshake");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_versions_open);
	tcase_add_test(tcase, test_no_version);
	tcase_add_test(tcase, test_type_not_offered);
	tcase_add_test(tcase, test_wrong_password);
	tcase_add_test(tcase, test_tls_required);
	tcase_add_test(tcase, test_vencrypt);
	tcase_add_test(tcase, test_outside);
	tcase_add_test(tcase, test_exclusive);
	tcase_add_test(tcase, test_no_desktop);
	return suite_run_case("handshake", tcase);
}
