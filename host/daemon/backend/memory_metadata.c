/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/memory_metadata.h"

#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum mode { MODE_OFF, MODE_AUTO, MODE_FIXED };

static const char *const mode_names[] = {"off", "auto", "fixed"};

static xmlNode *find_element(xmlNode *metadata)
{
	xmlNode *at = metadata ? metadata->children : NULL;

	for (; at; at = at->next) {
		if (at->type == XML_ELEMENT_NODE && at->ns && at->ns->href &&
		    strcmp((const char *)at->name, "memory") == 0 &&
		    strcmp((const char *)at->ns->href, MEMORY_METADATA_URI) == 0)
			return at;
	}
	return NULL;
}

static int read_mode(xmlNode *node, enum mode *mode)
{
	xmlChar *text = xmlGetProp(node, (const xmlChar *)"mode");
	int r = -EBADMSG;

	for (unsigned int i = 0; text && i < ARRAY_SIZE(mode_names); i++) {
		if (strcmp((const char *)text, mode_names[i]) == 0) {
			*mode = (enum mode)i;
			r = 0;
		}
	}
	xmlFree(text);
	return r;
}

/* An attribute that is not there leaves 0. */
static int read_size(xmlNode *node, const char *name, uint64_t *size)
{
	xmlChar *text = xmlGetProp(node, (const xmlChar *)name);
	int r = text ? parse_size((const char *)text, size) : 0;

	if (text && r == 0 && *size < MEMORY_MIB)
		r = -ERANGE;
	xmlFree(text);
	return r;
}

static int read_shares(xmlNode *node, uint32_t *shares)
{
	xmlChar *text = xmlGetProp(node, (const xmlChar *)"shares");
	uint64_t value = 0;
	int r = text ? parse_u64((const char *)text, 1, MEMORY_MAX_SHARES, &value) : 0;

	*shares = (uint32_t)value;
	xmlFree(text);
	return r;
}

int memory_metadata_read(xmlNode *metadata, struct memory_member_config *said)
{
	xmlNode *node = find_element(metadata);
	struct memory_member_config found = {0};
	enum mode mode = MODE_OFF;

	*said = (struct memory_member_config){.watched = true};
	if (!node)
		return 0;
	if (read_mode(node, &mode) < 0 || read_size(node, "size", &found.fixed_bytes) < 0 ||
	    read_size(node, "minimum", &found.minimum_bytes) < 0 ||
	    read_size(node, "maximum", &found.maximum_bytes) < 0 ||
	    read_shares(node, &found.shares) < 0 ||
	    (mode == MODE_FIXED) != (found.fixed_bytes != 0))
		return -EBADMSG;
	found.watched = mode == MODE_OFF;
	*said = found;
	return 0;
}

void memory_metadata_complete(const struct memory_member_config *said, uint64_t machine_bytes,
			      struct memory_member_config *config)
{
	memory_config_default(machine_bytes, config);
	config->watched = said->watched;
	if (said->maximum_bytes)
		config->maximum_bytes = MIN(said->maximum_bytes, machine_bytes);
	if (said->minimum_bytes)
		config->minimum_bytes = said->minimum_bytes;
	config->minimum_bytes = MIN(config->minimum_bytes, config->maximum_bytes);
	if (said->shares)
		config->shares = said->shares;
	if (said->fixed_bytes)
		config->fixed_bytes =
			MAX(config->minimum_bytes, MIN(said->fixed_bytes, config->maximum_bytes));
}

/* In MiB where that says it all. */
static void add_size(char text[MEMORY_METADATA_TEXT], const char *name, uint64_t size)
{
	size_t used = strlen(text);
	bool even = size % MEMORY_MIB == 0;

	snprintf(text + used, MEMORY_METADATA_TEXT - used, " %s='%" PRIu64 "%s'", name,
		 even ? size / MEMORY_MIB : size, even ? "M" : "");
}

/* What is as it would be anyway is not said. */
char *memory_metadata_write(const struct memory_member_config *config, uint64_t machine_bytes,
			    char text[MEMORY_METADATA_TEXT])
{
	struct memory_member_config usual;
	enum mode mode = MODE_AUTO;
	size_t used;

	memory_config_default(machine_bytes, &usual);
	if (config->watched)
		mode = MODE_OFF;
	else if (config->fixed_bytes)
		mode = MODE_FIXED;
	snprintf(text, MEMORY_METADATA_TEXT, "<memory mode='%s'", mode_names[mode]);
	if (mode == MODE_FIXED)
		add_size(text, "size", config->fixed_bytes);
	if (config->minimum_bytes != usual.minimum_bytes)
		add_size(text, "minimum", config->minimum_bytes);
	if (config->maximum_bytes != usual.maximum_bytes)
		add_size(text, "maximum", config->maximum_bytes);
	used = strlen(text);
	if (config->shares != usual.shares)
		snprintf(text + used, MEMORY_METADATA_TEXT - used, " shares='%" PRIu32 "'",
			 config->shares);
	used = strlen(text);
	snprintf(text + used, MEMORY_METADATA_TEXT - used, "/>");
	return text;
}
