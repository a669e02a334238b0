/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/options.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

static struct options options;
static char error[256];

#define parse(...)                                                                                 \
	parse_all((char *const[]){"lodge-vmm", __VA_ARGS__, NULL},                                 \
		  ARRAY_SIZE(((char *const[]){"lodge-vmm", __VA_ARGS__})))

static int parse_all(char *const arguments[], size_t count)
{
	error[0] = '\0';
	return options_parse((int)count, arguments, &options, error, sizeof(error));
}

static void release(void)
{
	options_free(&options);
}

START_TEST(defaults)
{
	ck_assert_int_eq(parse("--kernel", "k"), 0);
	ck_assert_str_eq(options.kernel, "k");
	ck_assert_ptr_null(options.initrd);
	ck_assert_str_eq(options.append, "");
	ck_assert_uint_eq(options.cpus, 1);
	ck_assert_uint_eq(options.memory_bytes, 256 << 20);
	ck_assert_int_eq(options.serial, SERIAL_STDIO);
	ck_assert_int_eq(options.on_reboot, ACTION_RESTART);
	ck_assert_int_eq(options.on_panic, ACTION_STOP);
	ck_assert_int_eq(options.on_triple_fault, ACTION_RESTART);
	ck_assert(options.sandbox);
	ck_assert(!options.balloon);
	ck_assert(!options.net.present);
	ck_assert_ptr_null(options.display.socket);
}
END_TEST

START_TEST(a_display_has_defaults)
{
	ck_assert_int_eq(parse("--kernel", "k", "--display", "socket=a=b"), 0);
	ck_assert_str_eq(options.display.socket, "a=b");
	ck_assert_uint_eq(options.display.heads, 4);
	ck_assert_uint_eq(options.display.width, 1280);
	ck_assert_uint_eq(options.display.height, 800);
	options_free(&options);
	ck_assert_int_eq(parse("--kernel", "k", "--display", "size=1366x768,heads=16,socket=d"), 0);
	ck_assert_uint_eq(options.display.heads, 16);
	ck_assert_uint_eq(options.display.width, 1366);
	ck_assert_uint_eq(options.display.height, 768);
	options_free(&options);
	ck_assert_int_eq(parse("--kernel", "k", "--display", "socket=,,a,,,,b,,,heads=2"), 0);
	ck_assert_str_eq(options.display.socket, ",a,,b,");
	ck_assert_uint_eq(options.display.heads, 2);
}
END_TEST

START_TEST(shares_have_a_tag_and_a_server)
{
	ck_assert_int_eq(parse("--kernel", "k", "--fs", "tag=a,socket=/run/s,,1", "--fs",
			       "fd=7,queues=16,tag=b c,dax=2M", "--fs", "dax=8G,socket=x,tag=ü"),
			 0);
	ck_assert_uint_eq(options.shares, 3);
	ck_assert_str_eq(options.fs[0].tag, "a");
	ck_assert_str_eq(options.fs[0].socket, "/run/s,1");
	ck_assert_int_lt(options.fs[0].fd, 0);
	ck_assert_uint_eq(options.fs[0].queues, 0);
	ck_assert_uint_eq(options.fs[0].dax_bytes, 0);
	ck_assert_str_eq(options.fs[1].tag, "b c");
	ck_assert_ptr_null(options.fs[1].socket);
	ck_assert_int_eq(options.fs[1].fd, 7);
	ck_assert_uint_eq(options.fs[1].queues, 16);
	ck_assert_uint_eq(options.fs[1].dax_bytes, 2 << 20);
	ck_assert_uint_eq(options.fs[2].dax_bytes, 8ULL << 30);
}
END_TEST

START_TEST(shares_do_not_get_in_each_others_way)
{
	ck_assert_int_eq(parse("--kernel", "k", "--fs", "tag=a,socket=s", "--fs", "tag=a,socket=t"),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "'a'"));
	ck_assert_int_eq(parse("--kernel", "k", "--fs", "tag=a,socket=s,dax=16G", "--fs",
			       "tag=b,socket=t,dax=2M"),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "16G"));
}
END_TEST

START_TEST(everything)
{
	ck_assert_int_eq(parse("--name", "web", "--cpus", "16", "--memory", "2G", "--kernel", "k",
			       "--initrd", "i", "--append", "a b", "--disk",
			       "d,ro,format=raw,queues=3", "--disk", "e,serial=S1", "--net", "user",
			       "--mac", "52:54:00:aB:cd:0f", "--forward", "2222:22", "--forward",
			       "udp:0.0.0.0:53:5353", "--forward", "tcp:[::1]:80:8080", "--serial",
			       "unix:s", "--port", "org.a=p=q", "--control", "c", "--on-reboot",
			       "stop", "--on-panic", "pause", "--on-triple-fault", "stop",
			       "--no-sandbox", "--balloon"),
			 0);
	ck_assert_str_eq(options.name, "web");
	ck_assert_uint_eq(options.cpus, 16);
	ck_assert_uint_eq(options.memory_bytes, 2ULL << 30);
	ck_assert_uint_eq(options.disks, 2);
	ck_assert_str_eq(options.disk[0].path, "d");
	ck_assert(options.disk[0].read_only);
	ck_assert_uint_eq(options.disk[0].queues, 3);
	ck_assert_uint_eq(options.disk[1].queues, 4);
	ck_assert_str_eq(options.disk[1].serial, "S1");
	ck_assert_mem_eq(options.net.mac, "\x52\x54\x00\xab\xcd\x0f", 6);
	ck_assert_uint_eq(options.net.forwards, 3);
	ck_assert_str_eq(options.net.forward[0], "2222:22");
	ck_assert_str_eq(options.net.forward[1], "udp:0.0.0.0:53:5353");
	ck_assert_str_eq(options.net.forward[2], "tcp:[::1]:80:8080");
	ck_assert_str_eq(options.serial_path, "s");
	ck_assert_str_eq(options.port[0].name, "org.a");
	ck_assert_str_eq(options.port[0].path, "p=q");
	ck_assert_int_eq(options.on_panic, ACTION_PAUSE);
	ck_assert(!options.sandbox);
	ck_assert(options.balloon);
}
END_TEST

START_TEST(memory_may_be_to_grow)
{
	ck_assert_int_eq(parse("--kernel", "k", "--memory", "512M,max=2G"), 0);
	ck_assert_uint_eq(options.memory_bytes, 512ULL << 20);
	ck_assert_uint_eq(options.plug_bytes, 1536ULL << 20);
	ck_assert_int_eq(parse("--kernel", "k", "--memory", "512M,max=2G", "--memory", "1G"), 0);
	ck_assert_uint_eq(options.plug_bytes, 0);
}
END_TEST

START_TEST(help_needs_nothing_else)
{
	ck_assert_int_eq(parse("--help"), 0);
	ck_assert(options.help);
}
END_TEST

/* An option and a value that are refused, and a word of the message. */
static char *const bad[][3] = {
	{"--cpus", "0", "--cpus"},
	{"--cpus", "17", "--cpus"},
	{"--cpus", "2x", "--cpus"},
	{"--memory", "1M", "--memory"},
	{"--memory", "2T", "--memory"},
	{"--memory", "99999999999999999999G", "--memory"},
	{"--memory", "16777217", "--memory"},
	{"--memory", "512M,max=", "max="},
	{"--memory", "512M,max=512M", "max="},
	{"--memory", "512M,max=256M", "max="},
	{"--memory", "512M,max=641M", "max="},
	{"--memory", "513M,max=641M", "max="},
	{"--memory", "512M,max=2T", "max="},
	{"--memory", "512M,most=1G", "--memory"},
	{"--memory", ",max=1G", "--memory"},
	{"--disk", "", "--disk"},
	{"--disk", ",ro", "--disk"},
	{"--disk", "d,format=qcow2", "qcow2"},
	{"--disk", "d,queues=0", "queues"},
	{"--disk", "d,queues=17", "queues"},
	{"--disk", "d,serial=012345678901234567890", "serial"},
	{"--disk", "d,what", "what"},
	{"--net", "tap", "tap"},
	{"--net", "user,socket=", "--net"},
	{"--mac", "01:00:00:00:00:00", "--mac"},
	{"--mac", "52:54:00:12:34:5", "--mac"},
	{"--mac", "52:54:00:12:34:5g", "--mac"},
	{"--mac", "52:54:00:12: 4:56", "--mac"},
	{"--forward", "22", "--forward"},
	{"--forward", "0:22", "--forward"},
	{"--forward", "1:65536", "--forward"},
	{"--forward", "host:1:2", "--forward"},
	{"--forward", "[::1:1:2", "--forward"},
	{"--forward", ":1:2", "--forward"},
	{"--serial", "tcp", "--serial"},
	{"--serial", "unix:", "--serial"},
	{"--port", "name", "--port"},
	{"--port", "=path", "--port"},
	{"--port", "name=", "--port"},
	{"--display", "", "--display"},
	{"--display", "socket=", "--display"},
	{"--display", "heads=2", "socket"},
	{"--display", "socket=d,heads=0", "heads"},
	{"--display", "socket=d,heads=17", "heads"},
	{"--display", "socket=d,size=63x64", "size"},
	{"--display", "socket=d,size=64x8193", "size"},
	{"--display", "socket=d,size=640", "size"},
	{"--display", "socket=d,size=640x480x2", "size"},
	{"--display", "socket=d,size=-640x480", "size"},
	{"--display", "socket=d,what", "what"},
	{"--fs", "", "--fs"},
	{"--fs", "tag=a", "socket"},
	{"--fs", "socket=s", "tag"},
	{"--fs", "tag=,socket=s", "tag="},
	{"--fs", "tag=0123456789012345678901234567890123456,socket=s", "36"},
	{"--fs", "tag=a,socket=s,fd=3", "one of"},
	{"--fs", "tag=a,fd=2", "fd"},
	{"--fs", "tag=a,fd=99999999999", "fd"},
	{"--fs", "tag=a,socket=s,queues=0", "queues"},
	{"--fs", "tag=a,socket=s,queues=17", "queues"},
	{"--fs", "tag=a,socket=s,dax=1M", "dax"},
	{"--fs", "tag=a,socket=s,dax=3M", "dax"},
	{"--fs", "tag=a,socket=s,dax=32G", "dax"},
	{"--fs", "tag=a,socket=s,what", "what"},
	{"--on-reboot", "pause", "--on-reboot"},
	{"--on-panic", "what", "--on-panic"},
	{"--nonsense", "1", "--nonsense"},
	{"more", "words", "more"},
};

START_TEST(bad_values_are_named)
{
	ck_assert_int_eq(parse("--kernel", "k", bad[_i][0], bad[_i][1], "--net", "user"), -EINVAL);
	ck_assert_msg(strstr(error, bad[_i][2]), "%s", error);
}
END_TEST

START_TEST(what_is_missing_is_named)
{
	ck_assert_int_eq(parse("--cpus", "1"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "--kernel"));
	ck_assert_int_eq(parse("--kernel"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "--kernel"));
	ck_assert_int_eq(parse("--kernel", "k", "--forward", "1:2"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "--net"));
}
END_TEST

START_TEST(lists_have_an_end)
{
	char *arguments[2 * OPTIONS_MAX_DISKS + 5] = {"lodge-vmm", "--kernel", "k"};
	size_t count = 3;

	while (count < ARRAY_SIZE(arguments)) {
		arguments[count++] = "--disk";
		if (count < ARRAY_SIZE(arguments))
			arguments[count++] = "d";
	}
	ck_assert_int_eq(parse_all(arguments, 3 + 2 * OPTIONS_MAX_DISKS), 0);
	release();
	ck_assert_int_eq(parse_all(arguments, count), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tc = tcase_create("options");

	tcase_add_checked_fixture(tc, NULL, release);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, a_display_has_defaults);
	tcase_add_test(tc, shares_have_a_tag_and_a_server);
	tcase_add_test(tc, shares_do_not_get_in_each_others_way);
	tcase_add_test(tc, everything);
	tcase_add_test(tc, memory_may_be_to_grow);
	tcase_add_test(tc, help_needs_nothing_else);
	tcase_add_loop_test(tc, bad_values_are_named, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, what_is_missing_is_named);
	tcase_add_test(tc, lists_have_an_end);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
