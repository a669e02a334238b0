/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/web/files.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lodge-test-files.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make_folder(const char *name)
{
	ck_assert_int_eq(mkdir(path_of(name), 0755), 0);
}

static void make_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void setup(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	make_folder("core");
	make_folder("core/util");
	make_folder("vendor");
	make_file("vnc.html", "page");
	make_file("core/rfb.js", "export default 1;");
	make_file("core/README", "text");
	make_file("core/util/int.js", "");
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void teardown(void)
{
	ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static bool is_there(const struct web_files *files, const char *path)
{
	struct file file;

	return files_find(files, slice_of(path), &file);
}

START_TEST(our_own_are_in_the_program)
{
	struct file file;

	ck_assert(files_find(NULL, slice_of(FILES_DOOR), &file));
	ck_assert(file.open);
	ck_assert_int_eq(memcmp(file.content.bytes, "<!DOCTYPE html>", 15), 0);
	ck_assert_int_eq(memcmp(file.content.bytes + file.content.length - 8, "</html>\n", 8), 0);
	ck_assert(files_find(NULL, slice_of(FILES_PAGE), &file));
	ck_assert(!file.open);
	ck_assert(files_find(NULL, slice_of("/page.js"), &file));
	ck_assert_str_eq(file.type, "text/javascript; charset=utf-8");
	ck_assert(!files_have_novnc(NULL));
}
END_TEST

START_TEST(modules_and_nothing_else)
{
	struct web_files *files;
	struct file file;

	ck_assert_int_eq(symlink("/etc/passwd", path_of("core/link.js")), 0);
	ck_assert_int_eq(symlink("/etc", path_of("vendor/etc")), 0);
	ck_assert_int_eq(mkfifo(path_of("core/fifo.js"), 0644), 0);
	ck_assert_int_eq(web_files_read(folder, &files), 0);
	ck_assert(files_have_novnc(files));
	ck_assert(files_find(files, slice_of("/novnc/core/rfb.js"), &file));
	ck_assert(slice_is(file.content, "export default 1;"));
	ck_assert(!file.open);
	ck_assert(is_there(files, "/novnc/core/util/int.js"));
	ck_assert(!is_there(files, "/novnc/vnc.html"));
	ck_assert(!is_there(files, "/novnc/core/README"));
	ck_assert(!is_there(files, "/novnc/core/link.js"));
	ck_assert(!is_there(files, "/novnc/core/fifo.js"));
	ck_assert(!is_there(files, "/novnc/vendor/etc/passwd"));
	ck_assert(!is_there(files, "/novnc/core/../core/rfb.js"));
	ck_assert(!is_there(files, "/novnc/core"));
	ck_assert(!is_there(files, ""));
	web_files_free(files);
}
END_TEST

START_TEST(too_much_is_refused)
{
	struct web_files *files;
	char name[64];

	ck_assert_int_eq(truncate(path_of("core/rfb.js"), FILES_MAX_BYTES + 1), 0);
	ck_assert_int_eq(web_files_read(folder, &files), -EFBIG);
	ck_assert_int_eq(truncate(path_of("core/rfb.js"), 10), 0);
	for (unsigned int i = 0; i < FILES_MAX; i++) {
		snprintf(name, sizeof(name), "vendor/%u.js", i);
		make_file(name, "");
	}
	ck_assert_int_eq(web_files_read(folder, &files), -EFBIG);
}
END_TEST

START_TEST(no_novnc)
{
	struct web_files *files;

	ck_assert_int_eq(web_files_read("/nonexistent", &files), -ENOENT);
	ck_assert_int_eq(unlink(path_of("core/rfb.js")), 0);
	ck_assert_int_eq(web_files_read(folder, &files), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("files");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, our_own_are_in_the_program);
	tcase_add_test(tcase, modules_and_nothing_else);
	tcase_add_test(tcase, too_much_is_refused);
	tcase_add_test(tcase, no_novnc);
	return suite_run_case("files", tcase);
}
