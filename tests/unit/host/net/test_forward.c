/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/forward.h"
#include "protocol/base/bytes.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>

static const struct {
	const char *text, *address;
	bool udp;
	uint16_t host_port, guest_port;
} good[] = {
	{"2222:22", "127.0.0.1", false, 2222, 22},
	{"tcp:1:65535", "127.0.0.1", false, 1, 65535},
	{"udp:5353:53", "127.0.0.1", true, 5353, 53},
	{"0.0.0.0:80:8080", "0.0.0.0", false, 80, 8080},
	{"udp:192.0.2.1:80:8080", "192.0.2.1", true, 80, 8080},
};

START_TEST(forwards_are_read)
{
	struct forward forward;
	char address[INET_ADDRSTRLEN];

	ck_assert_int_eq(forward_parse(good[_i].text, &forward), 0);
	inet_ntop(AF_INET, &forward.host_address, address, sizeof(address));
	ck_assert_str_eq(address, good[_i].address);
	ck_assert_int_eq(forward.udp, good[_i].udp);
	ck_assert_uint_eq(forward.host_port, good[_i].host_port);
	ck_assert_uint_eq(forward.guest_port, good[_i].guest_port);
}
END_TEST

static const struct {
	const char *text;
	int error;
} bad[] = {
	{"", -EINVAL},
	{":", -EINVAL},
	{"::", -EINVAL},
	{"22", -EINVAL},
	{"22:", -EINVAL},
	{":22", -EINVAL},
	{"0:22", -EINVAL},
	{"22:0", -EINVAL},
	{"65536:22", -EINVAL},
	{"22:65536", -EINVAL},
	{"-1:22", -EINVAL},
	{"22:22x", -EINVAL},
	{" 22:22", -EINVAL},
	{"sctp:22:22", -EINVAL},
	{"localhost:22:22", -EINVAL},
	{"127.0.0.256:22:22", -EINVAL},
	{"tcp:udp:22:22", -EINVAL},
	{"[::1]:22:22", -EAFNOSUPPORT},
	{"::1:22:22", -EAFNOSUPPORT},
	{"1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
	 "111111111111111111111111111111111111111111111111111111111111111111111111111111111111:22",
	 -EINVAL},
};

START_TEST(what_is_no_forward_is_refused)
{
	struct forward forward;

	ck_assert_int_eq(forward_parse(bad[_i].text, &forward), bad[_i].error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forward");
	TCase *tc = tcase_create("forward");

	tcase_add_loop_test(tc, forwards_are_read, 0, ARRAY_SIZE(good));
	tcase_add_loop_test(tc, what_is_no_forward_is_refused, 0, ARRAY_SIZE(bad));
	suite_add_tcase(suite, tc);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
