/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/acpi/aml.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <string.h>

static uint8_t bytes[8192];
static struct aml aml;

static void empty(void)
{
	memset(bytes, 0xee, sizeof(bytes));
	aml = (struct aml){.bytes = bytes, .capacity = sizeof(bytes)};
}

#define ck_assert_aml(...)                                                                         \
	do {                                                                                       \
		static const uint8_t expected[] = {__VA_ARGS__};                                   \
		ck_assert_uint_eq(aml.length, sizeof(expected));                                   \
		ck_assert_mem_eq(bytes, expected, sizeof(expected));                               \
	} while (0)

/* The bytes expected here are those that the ACPI specification's grammar gives, and were compared
 * with iasl's. */

START_TEST(integers_take_their_shortest_form)
{
	aml_integer(&aml, 0);
	aml_integer(&aml, 1);
	aml_integer(&aml, 2);
	aml_integer(&aml, 0x100);
	aml_integer(&aml, 0x10000);
	aml_integer(&aml, 0x100000000);
	ck_assert_aml(0x00, 0x01, 0x0a, 2, 0x0b, 0, 1, 0x0c, 0, 0, 1, 0, 0x0e, 0, 0, 0, 0, 1, 0, 0,
		      0);
}
END_TEST

START_TEST(names_are_padded_and_joined)
{
	aml_name_integer(&aml, "_S5", 1);
	ck_assert_aml(0x08, '_', 'S', '5', '_', 0x01);
	empty();
	aml_notify(&aml, "\\_SB.PWRB", 0x80);
	ck_assert_aml(0x86, '\\', 0x2e, '_', 'S', 'B', '_', 'P', 'W', 'R', 'B', 0x0a, 0x80);
}
END_TEST

START_TEST(identifiers_are_packed)
{
	aml_eisa_id(&aml, "PNP0A08");
	ck_assert_aml(0x0c, 0x41, 0xd0, 0x0a, 0x08);
}
END_TEST

START_TEST(strings_end_with_nul)
{
	aml_name_string(&aml, "_HID", "QEMU0001");
	ck_assert_aml(0x08, '_', 'H', 'I', 'D', 0x0d, 'Q', 'E', 'M', 'U', '0', '0', '0', '1', 0);
}
END_TEST

START_TEST(containers_know_their_length)
{
	struct aml_mark device = aml_begin_device(&aml, "COM1");

	aml_name_integer(&aml, "_UID", 0);
	aml_end(&aml, device);
	ck_assert_aml(0x5b, 0x82, 11, 'C', 'O', 'M', '1', 0x08, '_', 'U', 'I', 'D', 0x00);
}
END_TEST

/* Content such that the length takes one, two or three bytes; at the edges. */
static const struct {
	size_t content;
	uint8_t length[4];
	size_t count;
} lengths[] = {
	{62, {0x3f}, 1},
	{63, {0x41, 0x04}, 2},
	{4093, {0x4f, 0xff}, 2},
	{4094, {0x81, 0x00, 0x01}, 3},
};

START_TEST(lengths_take_as_many_bytes_as_they_need)
{
	struct aml_mark scope = aml_begin_scope(&aml, "\\");
	size_t begin = aml.length;

	while (aml.length - begin < lengths[_i].content - 1)
		aml_integer(&aml, 0);
	aml_end(&aml, scope);
	ck_assert_mem_eq(bytes + 1, lengths[_i].length, lengths[_i].count);
	ck_assert_uint_eq(bytes[1 + lengths[_i].count], '\\');
	ck_assert_uint_eq(aml.length, 1 + lengths[_i].count + lengths[_i].content);
}
END_TEST

START_TEST(methods_carry_their_flags)
{
	struct aml_mark method = aml_begin_method(&aml, "_EVT", 1, true);
	struct aml_mark condition;

	aml_store_in_local0(&aml, "EVTS");
	condition = aml_begin_if_local0_has(&aml, 1);
	aml_end(&aml, condition);
	aml_end(&aml, method);
	ck_assert_aml(0x14, 18, '_', 'E', 'V', 'T', 0x09, 0x70, 'E', 'V', 'T', 'S', 0x60, 0xa0, 5,
		      0x7b, 0x60, 0x01, 0x00);
}
END_TEST

START_TEST(regions_and_fields)
{
	struct aml_mark field;

	aml_port_region(&aml, "EVTR", 0x603, 1);
	field = aml_begin_byte_field(&aml, "EVTR");
	aml_field_unit(&aml, "EVTS", 8);
	aml_end(&aml, field);
	ck_assert_aml(0x5b, 0x80, 'E', 'V', 'T', 'R', 0x01, 0x0b, 0x03, 0x06, 0x01, 0x5b, 0x81, 11,
		      'E', 'V', 'T', 'R', 0x41, 'E', 'V', 'T', 'S', 8);
}
END_TEST

START_TEST(resources_are_a_buffer_with_an_end_tag)
{
	struct aml_mark resources = aml_begin_resources(&aml, "_CRS");

	aml_resource_ports(&aml, 0x3f8, 8);
	aml_resource_interrupt(&aml, 4, AML_EDGE);
	aml_end_resources(&aml, resources);
	ck_assert_aml(0x08, '_', 'C', 'R', 'S', 0x11, 22, 0x0a, 19, 0x47, 1, 0xf8, 0x03, 0xf8, 0x03,
		      1, 8, 0x89, 6, 0, 0x03, 1, 4, 0, 0, 0, 0x79, 0);
	empty();
	aml_resource_interrupt(&aml, 5, AML_LEVEL);
	ck_assert_aml(0x89, 6, 0, 0x01, 1, 5, 0, 0, 0);
}
END_TEST

START_TEST(what_does_not_fit_is_remembered)
{
	aml.capacity = 5;
	aml_name_string(&aml, "_HID", "QEMU0001");
	ck_assert(aml.overflow);
	ck_assert_uint_le(aml.length, 5);
	ck_assert_uint_eq(bytes[5], 0xee);

	empty();
	aml.capacity = 6;
	aml_end(&aml, aml_begin_scope(&aml, "\\_SB"));
	ck_assert(aml.overflow);
	ck_assert_uint_eq(bytes[6], 0xee);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("aml");
	TCase *tc = tcase_create("aml");

	tcase_add_checked_fixture(tc, empty, NULL);
	tcase_add_test(tc, integers_take_their_shortest_form);
	tcase_add_test(tc, names_are_padded_and_joined);
	tcase_add_test(tc, identifiers_are_packed);
	tcase_add_test(tc, strings_end_with_nul);
	tcase_add_test(tc, containers_know_their_length);
	tcase_add_loop_test(tc, lengths_take_as_many_bytes_as_they_need, 0,
			    sizeof(lengths) / sizeof(lengths[0]));
	tcase_add_test(tc, methods_carry_their_flags);
	tcase_add_test(tc, regions_and_fields);
	tcase_add_test(tc, resources_are_a_buffer_with_an_end_tag);
	tcase_add_test(tc, what_does_not_fit_is_remembered);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
