/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/memory_metadata.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB  MEMORY_MIB
#define HALF (512 * MIB)
#define ALL  (2048 * MIB)

/* What an element <metadata> with that in it says. */
static int read_text(const char *inside, struct memory_member_config *said)
{
	char xml[1024];
	xmlDoc *document;
	int length, r;

	length = snprintf(xml, sizeof(xml),
			  "<metadata xmlns:lodge='" MEMORY_METADATA_URI "'>%s</metadata>", inside);
	document = xmlReadMemory(xml, length, NULL, NULL, XML_PARSE_NOERROR);
	ck_assert_ptr_nonnull(document);
	memset(said, 0xff, sizeof(*said));
	r = memory_metadata_read(xmlDocGetRootElement(document), said);
	xmlFreeDoc(document);
	return r;
}

START_TEST(nothing_said_is_watched)
{
	static const char *const others[] = {
		"",
		"<memory mode='auto'/>",
		"<other:memory xmlns:other='urn:other' mode='auto'/>",
		"<lodge:disk mode='auto'/>",
	};
	struct memory_member_config said;

	ck_assert_int_eq(memory_metadata_read(NULL, &said), 0);
	ck_assert(said.watched);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		ck_assert_int_eq(read_text(others[i], &said), 0);
		ck_assert(said.watched);
		ck_assert_uint_eq(said.minimum_bytes, 0);
	}
}
END_TEST

START_TEST(what_is_said_is_read)
{
	struct memory_member_config said;

	ck_assert_int_eq(read_text("<lodge:memory mode='auto' minimum='512M' maximum='1073741824' "
				   "shares='2000'/>",
				   &said),
			 0);
	ck_assert(!said.watched);
	ck_assert_uint_eq(said.minimum_bytes, HALF);
	ck_assert_uint_eq(said.maximum_bytes, 1024 * MIB);
	ck_assert_uint_eq(said.shares, 2000);
	ck_assert_uint_eq(said.fixed_bytes, 0);
	ck_assert_int_eq(read_text("<lodge:memory mode='fixed' size='1G'/>", &said), 0);
	ck_assert_uint_eq(said.fixed_bytes, 1024 * MIB);
	ck_assert_int_eq(read_text("<lodge:memory mode='off' shares='5'/>", &said), 0);
	ck_assert(said.watched);
	ck_assert_uint_eq(said.shares, 5);
}
END_TEST

START_TEST(what_cannot_be_meant_is_watched)
{
	static const char *const texts[] = {
		"<lodge:memory/>",
		"<lodge:memory mode='on'/>",
		"<lodge:memory mode='auto' minimum='much'/>",
		"<lodge:memory mode='auto' minimum='-1'/>",
		"<lodge:memory mode='auto' minimum='512'/>",
		"<lodge:memory mode='auto' maximum=''/>",
		"<lodge:memory mode='auto' maximum='99999999999T'/>",
		"<lodge:memory mode='auto' shares='0'/>",
		"<lodge:memory mode='auto' shares='1000001'/>",
		"<lodge:memory mode='auto' size='1G'/>",
		"<lodge:memory mode='fixed'/>",
	};
	struct memory_member_config said;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ck_assert_msg(read_text(texts[i], &said) == -EBADMSG, "%s", texts[i]);
		ck_assert(said.watched);
		ck_assert_uint_eq(said.shares, 0);
	}
}
END_TEST

/* Whatever a domain's metadata says, the manager gets what can be. */
START_TEST(the_rest_is_filled_in)
{
	struct memory_member_config said = {0}, config, usual;

	memory_config_default(ALL, &usual);
	memory_metadata_complete(&said, ALL, &config);
	ck_assert_uint_eq(config.maximum_bytes, ALL);
	ck_assert_uint_eq(config.minimum_bytes, usual.minimum_bytes);
	ck_assert_uint_eq(config.shares, usual.shares);
	ck_assert(!config.watched);
	/* A machine that became smaller than was said. */
	said = (struct memory_member_config){
		.maximum_bytes = 4 * ALL, .minimum_bytes = 3 * ALL, .fixed_bytes = 2 * ALL};
	memory_metadata_complete(&said, ALL, &config);
	ck_assert_uint_eq(config.maximum_bytes, ALL);
	ck_assert_uint_eq(config.minimum_bytes, ALL);
	ck_assert_uint_eq(config.fixed_bytes, ALL);
	said = (struct memory_member_config){.maximum_bytes = HALF, .fixed_bytes = MIB};
	memory_metadata_complete(&said, ALL, &config);
	ck_assert_uint_eq(config.maximum_bytes, HALF);
	ck_assert_uint_le(config.minimum_bytes, HALF);
	ck_assert_uint_eq(config.fixed_bytes, config.minimum_bytes);
}
END_TEST

/* As libvirt puts it into a domain: the namespace is libvirt's to add. */
static void read_back(const struct memory_member_config *config, struct memory_member_config *got)
{
	char text[MEMORY_METADATA_TEXT], inside[MEMORY_METADATA_TEXT + 16];
	struct memory_member_config said;

	memory_metadata_write(config, ALL, text);
	ck_assert_int_eq(strncmp(text, "<memory ", 8), 0);
	snprintf(inside, sizeof(inside), "<lodge:%s", text + 1);
	ck_assert_int_eq(read_text(inside, &said), 0);
	memory_metadata_complete(&said, ALL, got);
}

START_TEST(what_is_written_is_read)
{
	struct memory_member_config config, got;
	char text[MEMORY_METADATA_TEXT];

	memory_config_default(ALL, &config);
	ck_assert_str_eq(memory_metadata_write(&config, ALL, text), "<memory mode='auto'/>");
	config.minimum_bytes = HALF + 1;
	config.maximum_bytes = 1024 * MIB;
	config.fixed_bytes = 768 * MIB;
	config.shares = MEMORY_MAX_SHARES;
	read_back(&config, &got);
	ck_assert_uint_eq(got.minimum_bytes, HALF + 1);
	ck_assert_uint_eq(got.maximum_bytes, 1024 * MIB);
	ck_assert_uint_eq(got.fixed_bytes, 768 * MIB);
	ck_assert_uint_eq(got.shares, MEMORY_MAX_SHARES);
	ck_assert(!got.watched);
	config.watched = true;
	read_back(&config, &got);
	ck_assert(got.watched);
	ck_assert_uint_eq(got.minimum_bytes, HALF + 1);
}
END_TEST

START_TEST(the_longest_fits)
{
	struct memory_member_config config = {
		.maximum_bytes = UINT64_MAX,
		.minimum_bytes = UINT64_MAX - 1,
		.fixed_bytes = UINT64_MAX - 1,
		.shares = UINT32_MAX,
	};
	char text[MEMORY_METADATA_TEXT];

	memory_metadata_write(&config, ALL, text);
	ck_assert_str_eq(text + strlen(text) - 2, "/>");
}
END_TEST

int main(void)
{
	TCase *test = tcase_create("memory_metadata");

	tcase_add_test(test, nothing_said_is_watched);
	tcase_add_test(test, what_is_said_is_read);
	tcase_add_test(test, what_cannot_be_meant_is_watched);
	tcase_add_test(test, the_rest_is_filled_in);
	tcase_add_test(test, what_is_written_is_read);
	tcase_add_test(test, the_longest_fits);
	return suite_run_case("memory_metadata", test);
}
