/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/memory/memory_table.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t length;
static FILE *file;

static void setup(void)
{
	file = open_memstream(&text, &length);
}

static void teardown(void)
{
	free(text);
}

static struct json_object *json(const char *source)
{
	struct json_object *object = json_tokener_parse(source);

	ck_assert_ptr_nonnull(object);
	return object;
}

START_TEST(rows_and_what_they_cannot_say)
{
	struct json_object *list = json(
		"{\"web\": {\"maximum\": 2147483648, \"minimum\": 536870912, \"target\": "
		"1610612736, \"actual\": 1073741824, \"used\": 734003200, \"pressure\": 0.0123, "
		"\"source\": \"agent\", \"state\": \"followed\", \"trend\": \"grows\", "
		"\"driver\": true, \"sharing\": true}, "
		"\"old\": {\"maximum\": 1073741824, \"minimum\": 268435456, \"state\": \"dead\", "
		"\"source\": \"\", \"sharing\": true, \"driver\": false, \"paused\": true}}");

	ck_assert_int_eq(memory_table_print(list, file), 0);
	fclose(file);
	ck_assert_str_eq(
		text,
		"NAME  MAXIMUM   MINIMUM  TARGET    ACTUAL    WORKING SET  PRESSURE  STATE\n"
		"web   2.00 GiB  512 MiB  1.50 GiB  1.00 GiB  700 MiB      1.2 %     followed, "
		"grows\n"
		"old   1.00 GiB  256 MiB  -         -         -            -         dead, paused\n"
		"old: no balloon driver (Linux: virtio_balloon) is at work in its guest, so it "
		"keeps "
		"all its memory.\n");
	json_object_put(list);
}
END_TEST

static const struct {
	const char *vm, *said; /* NULL: nothing */
} notes[] = {
	{"{\"state\": \"followed\", \"sharing\": true, \"driver\": true, \"source\": \"agent\"}",
	 NULL},
	{"{\"state\": \"watched\", \"sharing\": false, \"driver\": true, \"source\": \"agent\"}",
	 "'lodge memory a?b auto' lets it take part"},
	{"{\"state\": \"dead\", \"sharing\": true, \"driver\": false, \"source\": \"\"}",
	 "no balloon driver"},
	{"{\"state\": \"starting\", \"sharing\": true, \"driver\": false, \"source\": \"\"}",
	 "has been seen in its guest yet"},
	{"{\"state\": \"followed\", \"sharing\": true, \"driver\": true, \"source\": \"balloon\"}",
	 "no agent tells"},
	{"{\"state\": \"starting\", \"sharing\": true, \"driver\": true, \"source\": \"\"}",
	 "has told nothing"},
	{"{\"state\": \"followed\", \"sharing\": true, \"driver\": true, \"source\": \"balloon\", "
	 "\"reach\": 1, \"maximum\": 2}",
	 "puts plugged memory into use"},
	/* While the policy is off, nobody gives anything. */
	{"{\"state\": \"off\", \"sharing\": true, \"driver\": false, \"source\": \"\"}", NULL},
};

START_TEST(a_note)
{
	struct json_object *vm = json(notes[_i].vm);
	char note[512];

	fclose(file);
	memory_note("a\033b", vm, note, sizeof(note));
	if (notes[_i].said)
		ck_assert_msg(strstr(note, notes[_i].said) != NULL, "%s", note);
	else
		ck_assert_str_eq(note, "");
	ck_assert_ptr_null(strchr(note, '\033'));
	json_object_put(vm);
}
END_TEST

START_TEST(the_host)
{
	struct json_object *host =
		json("{\"total\": 17179869184, \"available\": 8589934592, \"reserve\": 1073741824, "
		     "\"demand\": 2147483648, \"charged\": 3221225472, \"budget\": 12884901888}");
	struct json_object *policy =
		json("{\"mode\": \"on\", \"speed\": \"normal\", \"reserve\": 0, \"total\": 0}");

	memory_policy_print(host, policy, file);
	fclose(file);
	ck_assert_str_eq(text,
			 "sharing    on, speed normal\n"
			 "host       16.0 GiB, 8.00 GiB of it available; 1.00 GiB are kept free\n"
			 "VMs        need 2.00 GiB, have 3.00 GiB of 12.0 GiB\n");
	json_object_put(host);
	json_object_put(policy);
}
END_TEST

START_TEST(the_host_in_trouble)
{
	struct json_object *host = json("{\"emergency\": 77, \"ksm_saved\": 1048576}");
	struct json_object *policy =
		json("{\"mode\": \"on\", \"speed\": \"calm\", \"reserve\": 1, \"total\": 1048576, "
		     "\"overcommit\": false}");

	memory_policy_print(host, policy, file);
	fclose(file);
	ck_assert_ptr_nonnull(strstr(text, "kept free (set)\n"));
	ck_assert_ptr_nonnull(strstr(text, "are 1.00 MiB at most (set)\n"));
	ck_assert_ptr_nonnull(strstr(text, "KSM        saves 1.00 MiB\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "lending    off: all that VMs may have is kept for them\n"));
	ck_assert_ptr_nonnull(
		strstr(text, "emergency  the host runs short of memory: a VM is paused"));
	json_object_put(host);
	json_object_put(policy);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("memory_table");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rows_and_what_they_cannot_say);
	tcase_add_loop_test(tc, a_note, 0, sizeof(notes) / sizeof(notes[0]));
	tcase_add_test(tc, the_host);
	tcase_add_test(tc, the_host_in_trouble);
	return suite_run_case("memory_table", tc);
}
