/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/arguments/forward.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

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
	{"[::1]:2222:22", "::1", false, 2222, 22},
	{"tcp:[2001:db8::5]:53:5353", "2001:db8::5", false, 53, 5353},
};

START_TEST(forwards_are_read)
{
	struct forward forward;
	char address[INET6_ADDRSTRLEN];

	ck_assert_int_eq(forward_parse(good[_i].text, &forward), 0);
	if (forward.host.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &forward.host.ipv4.sin_addr, address, sizeof(address));
	else
		inet_ntop(AF_INET6, &forward.host.ipv6.sin6_addr, address, sizeof(address));
	ck_assert_str_eq(address, good[_i].address);
	ck_assert_int_eq(forward.udp, good[_i].udp);
	ck_assert_uint_eq(ntohs(forward.host.ipv6.sin6_port), good[_i].host_port);
	ck_assert_uint_eq(forward.guest_port, good[_i].guest_port);
}
END_TEST

static const char *const bad[] = {
	"",
	":",
	"::",
	"22",
	"22:",
	":22",
	"0:22",
	"22:0",
	"65536:22",
	"22:65536",
	"-1:22",
	"22:22x",
	" 22:22",
	"sctp:22:22",
	"localhost:22:22",
	"127.0.0.256:22:22",
	"tcp:udp:22:22",
	"[::1:22:22",
	"[]:22:22",
	"[127.0.0.1]:22:22",
	"[fe80::1%lo]:22:22",
	"::1:22:22",
	("1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
	 "111111111111111111111111111111111111111111111111111111111111111111111111111111111111:22"),
};

START_TEST(what_is_no_forward_is_refused)
{
	struct forward forward;

	ck_assert_int_eq(forward_parse(bad[_i], &forward), -EINVAL);
}
END_TEST

START_TEST(udp_over_ipv6_is_refused)
{
	struct forward forward;

	ck_assert_int_eq(forward_parse("udp:[::1]:53:53", &forward), -EPROTONOSUPPORT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forward");
	TCase *tc = tcase_create("forward");

	tcase_add_loop_test(tc, forwards_are_read, 0, ARRAY_SIZE(good));
	tcase_add_loop_test(tc, what_is_no_forward_is_refused, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, udp_over_ipv6_is_refused);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
