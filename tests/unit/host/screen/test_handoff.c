/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/handoff.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static int parse(const char *text, struct handoff *handoff)
{
	const char *why;
	/* Exactly so long: a sanitizer sees what reads behind it. */
	size_t length = strlen(text);
	char *copy = malloc(length + !length);
	int result;

	memcpy(copy, text, length);
	result = handoff_parse(copy, length, handoff, &why);
	free(copy);
	ck_assert((result == 0) == (why == NULL));
	return result;
}

START_TEST(kinds_and_keys)
{
	struct handoff handoff;

	ck_assert_int_eq(parse("kind=agent\n", &handoff), 0);
	ck_assert_int_eq(handoff.kind, HANDOFF_AGENT);
	ck_assert_int_eq(parse("kind=vnc-listener\nid=window-7\npassword=x7=Hq \ntls=optional\n"
			       "view_only=1\n",
			       &handoff),
			 0);
	ck_assert_int_eq(handoff.kind, HANDOFF_VNC_LISTENER);
	ck_assert_str_eq(handoff.id, "window-7");
	ck_assert_str_eq(handoff.password, "x7=Hq ");
	ck_assert_int_eq(handoff.tls, HANDOFF_TLS_OPTIONAL);
	ck_assert(handoff.view_only);
	ck_assert_int_eq(parse("kind=web-listener\ntoken=abc\nview_only=0\n", &handoff), 0);
	ck_assert_str_eq(handoff.token, "abc");
	ck_assert(!handoff.view_only);
	ck_assert_int_eq(parse("kind=vnc-client\npeer=\xc3\xbc\n", &handoff), 0);
	ck_assert_str_eq(handoff.peer, "\xc3\xbc");
	ck_assert_int_eq(parse("kind=close\nid=1\n", &handoff), 0);
	ck_assert_int_eq(parse("kind=watch\n", &handoff), 0);
	ck_assert_int_eq(handoff.kind, HANDOFF_WATCH);
	ck_assert_int_eq(parse("kind=dbus-client\nview_only=1\n", &handoff), 0);
	ck_assert_int_eq(parse("kind=spice\n", &handoff), 0);
	ck_assert_int_eq(handoff.kind, HANDOFF_SPICE);
	ck_assert_int_eq(parse("kind=qemu\n", &handoff), 0);
	ck_assert_int_eq(parse("kind=vnc\n", &handoff), 0);
	ck_assert_int_eq(handoff.kind, HANDOFF_VNC);
}
END_TEST

START_TEST(what_is_refused)
{
	static const char *const bad[] = {
		"",
		"\n",
		"kind=agent",
		"kind=agents\n",
		"kind=\n",
		"id=1\nkind=close\n",
		"kind=agent\nid=1\n",
		"kind=agent\nview_only=1\n",
		"kind=close\n",
		"kind=close\nid=\n",
		"kind=close\nid=1\nid=1\n",
		"kind=web-listener\n",
		"kind=vnc-client\nid=1\n",
		"kind=vnc-client\ntls=yes\n",
		"kind=vnc-client\nview_only=2\n",
		"kind=vnc-client\npassword=\n",
		"kind=vnc-client\npassword=a\tb\n",
		"kind=vnc-client\npassword=\xff\n",
		"kind=vnc-client\npassword=\xc2\x85\n",
		"kind=vnc-client\npassword\n",
		"kind=vnc-client\n=x\n",
		"kind=vnc-client\npassword=a",
		"kind=vnc-client\nkind=agent\n",
		"kind=close\nid=1234567890123456789012345678901234567890123456789012345678901234\n",
	};
	char longest[HANDOFF_MAX_PACKET + 2];
	struct handoff handoff;
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(parse(bad[i], &handoff) == -EINVAL, "%s", bad[i]);
	memset(longest, '\n', sizeof(longest));
	memcpy(longest, "kind=agent", 10);
	ck_assert_int_eq(handoff_parse(longest, sizeof(longest), &handoff, &why), -EINVAL);
	ck_assert_int_eq(handoff_parse("kind=agent\n\0", 12, &handoff, &why), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("handoff");

	tcase_add_test(tests, kinds_and_keys);
	tcase_add_test(tests, what_is_refused);
	return suite_run_case("handoff", tests);
}
