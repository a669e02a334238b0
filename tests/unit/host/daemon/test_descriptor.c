/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/descriptor.h"

#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char folder[64], file[96];

static void make_folder(void)
{
	strcpy(folder, "/tmp/lodge-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/" DESCRIPTOR_FILE, folder);
}

static void remove_folder_again(void)
{
	unlink(file);
	rmdir(folder);
}

static void set(struct vm_options *options, const char *name, const char *text)
{
	ck_assert_int_eq(vm_option_set_text(options, vm_option_named(name), text), 0);
}

static void write_text(const char *text, size_t length)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
}

static void write_one(void)
{
	struct descriptor descriptor = {
		.backend = "vmm", .pid = 4711, .started_ns = 1700000000000000001};

	set(&descriptor.options, "kernel", "/boot/vmlinuz \"quoted\" \xc3\xa9");
	set(&descriptor.options, "accel", "kvm");
	vm_option_add(&descriptor.options, vm_option_named("forwards"), "2222:22");
	vm_option_add(&descriptor.options, vm_option_named("forwards"), "udp:53:53");
	vm_option_set_number(&descriptor.options, vm_option_named("memory"), 1ULL << 40);
	ck_assert_int_eq(descriptor_write(folder, &descriptor), 0);
	descriptor_free(&descriptor);
}

START_TEST(what_is_written_is_read)
{
	struct descriptor descriptor;

	write_one();
	ck_assert_int_eq(descriptor_read(folder, &descriptor), 0);
	ck_assert_str_eq(descriptor.backend, "vmm");
	ck_assert_int_eq(descriptor.pid, 4711);
	ck_assert_int_eq(descriptor.started_ns, 1700000000000000001);
	ck_assert_str_eq(descriptor.options.kernel, "/boot/vmlinuz \"quoted\" \xc3\xa9");
	ck_assert_str_eq(descriptor.options.forwards[1], "udp:53:53");
	ck_assert_ptr_null(descriptor.options.forwards[2]);
	ck_assert_ptr_null(descriptor.options.initrd);
	ck_assert_uint_eq(descriptor.options.memory, 1ULL << 40);
	descriptor_free(&descriptor);
}
END_TEST

START_TEST(cut_anywhere_it_is_refused)
{
	struct descriptor descriptor;
	char text[4096];
	struct stat status;
	FILE *stream;
	size_t length;

	write_one();
	stream = fopen(file, "r");
	length = fread(text, 1, sizeof(text), stream);
	fclose(stream);
	ck_assert_uint_gt(length, 100);
	for (size_t cut = 0; cut < length; cut++) {
		write_text(text, cut);
		ck_assert_int_eq(descriptor_read(folder, &descriptor), -EBADMSG);
	}
	ck_assert_int_eq(stat(file, &status), 0);
}
END_TEST

static const char *const hostile[] = {
	"",
	"null",
	"[]",
	"\"text\"",
	"{}",
	"{\"backend\":\"vmm\",\"pid\":1,\"started_ns\":1}",
	"{\"backend\":7,\"pid\":1,\"started_ns\":1,\"options\":{}}",
	"{\"backend\":\"too long for any backend\",\"pid\":1,\"started_ns\":1,\"options\":{}}",
	"{\"backend\":\"vmm\",\"pid\":-1,\"started_ns\":1,\"options\":{}}",
	"{\"backend\":\"vmm\",\"pid\":99999999999,\"started_ns\":1,\"options\":{}}",
	"{\"backend\":\"vmm\",\"pid\":\"1\",\"started_ns\":1,\"options\":{}}",
	"{\"backend\":\"vmm\",\"pid\":1,\"started_ns\":1,\"options\":[]}",
	"{\"backend\":\"vmm\",\"pid\":1,\"started_ns\":1,\"options\":{\"kernel\":[]}}",
	"{\"backend\":\"vmm\",\"pid\":1,\"started_ns\":1,\"options\":{\"cpus\":\"1\"}}",
	"{\"backend\":\"vmm\",\"pid\":1,\"started_ns\":1,\"options\":{\"disks\":[1]}}",
	"{\"backend\":\"vmm\",\"pid\":1,\"started_ns\":1,\"options\":{\"disks\":{}}}",
};

START_TEST(nonsense_is_refused)
{
	struct descriptor descriptor;

	write_text(hostile[_i], strlen(hostile[_i]));
	ck_assert_int_eq(descriptor_read(folder, &descriptor), -EBADMSG);
}
END_TEST

START_TEST(a_huge_file_is_refused_unread)
{
	struct descriptor descriptor;

	write_one();
	ck_assert_int_eq(truncate(file, 1LL << 40), 0);
	ck_assert_int_eq(descriptor_read(folder, &descriptor), -EBADMSG);
}
END_TEST

START_TEST(a_symbolic_link_is_not_followed)
{
	struct descriptor descriptor;

	ck_assert_int_eq(symlink("/etc/passwd", file), 0);
	ck_assert_int_eq(descriptor_read(folder, &descriptor), -ELOOP);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("descriptor");

	tcase_add_checked_fixture(tc, make_folder, remove_folder_again);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, cut_anywhere_it_is_refused);
	tcase_add_loop_test(tc, nonsense_is_refused, 0, sizeof(hostile) / sizeof(hostile[0]));
	tcase_add_test(tc, a_huge_file_is_refused_unread);
	tcase_add_test(tc, a_symbolic_link_is_not_followed);
	return suite_run_case("descriptor", tc);
}
