/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/domain_facts.h"

#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <libxml/parser.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool is_called(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static xmlNode *child(xmlNode *node, const char *name)
{
	xmlNode *at = node ? node->children : NULL;

	while (at && !is_called(at, name))
		at = at->next;
	return at;
}

/* "" without one, or if it is longer. */
static void attribute(xmlNode *node, const char *name, char *text, size_t capacity)
{
	xmlChar *value = node ? xmlGetProp(node, (const xmlChar *)name) : NULL;

	text[0] = '\0';
	if (value && strlen((const char *)value) < capacity)
		strcpy(text, (const char *)value);
	xmlFree(value);
}

static bool attribute_is(xmlNode *node, const char *name, const char *expected)
{
	char text[32];

	attribute(node, name, text, sizeof(text));
	return strcmp(text, expected) == 0;
}

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	return parse_u64(text, 0, UINT64_MAX >> 10, &value) < 0 ? 0 : value;
}

static uint64_t content(xmlNode *node)
{
	xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
	uint64_t value = text ? number((const char *)text) : 0;

	xmlFree(text);
	return value;
}

static void read_channel(xmlNode *node, struct domain_facts *facts)
{
	xmlNode *source = child(node, "source");

	if (!attribute_is(child(node, "target"), "name", DOMAIN_AGENT_PORT) ||
	    !attribute_is(node, "type", "unix") || attribute_is(source, "mode", "connect"))
		return;
	facts->has_channel = true;
	attribute(source, "path", facts->channel_path, sizeof(facts->channel_path));
}

static void read_graphics(xmlNode *node, unsigned int index, struct domain_facts *facts)
{
	enum domain_graphics kind = DOMAIN_GRAPHICS_PICTURES;
	char type[16];

	attribute(node, "type", type, sizeof(type));
	if (strcmp(type, "vnc") == 0)
		kind = DOMAIN_GRAPHICS_VNC;
	else if (strcmp(type, "dbus") == 0 && attribute_is(node, "p2p", "yes"))
		kind = DOMAIN_GRAPHICS_DBUS;
	if (facts->graphics >= kind)
		return;
	facts->graphics = kind;
	facts->graphics_index = index;
}

static void read_balloon(xmlNode *node, struct domain_facts *facts)
{
	char period[16];

	facts->has_balloon = !attribute_is(node, "model", "none");
	facts->autodeflate = attribute_is(node, "autodeflate", "on");
	attribute(child(node, "stats"), "period", period, sizeof(period));
	facts->balloon_period = (unsigned int)MIN(number(period), INT_MAX);
}

static void read_devices(xmlNode *devices, struct domain_facts *facts)
{
	unsigned int graphics = 0;

	for (xmlNode *at = devices ? devices->children : NULL; at; at = at->next) {
		if (is_called(at, "channel"))
			read_channel(at, facts);
		else if (is_called(at, "console") || is_called(at, "serial"))
			facts->has_console = true;
		else if (is_called(at, "graphics"))
			read_graphics(at, graphics++, facts);
		else if (is_called(at, "memballoon"))
			read_balloon(at, facts);
	}
}

static void read_domain(xmlNode *domain, struct domain_facts *facts)
{
	xmlNode *vcpu = child(domain, "vcpu");
	char current[24];

	attribute(domain, "type", facts->type, sizeof(facts->type));
	/* A running domain's are in KiB, always. */
	facts->memory_bytes = content(child(domain, "memory")) << 10;
	attribute(vcpu, "current", current, sizeof(current));
	facts->cpus = current[0] ? number(current) : content(vcpu);
	read_devices(child(domain, "devices"), facts);
	facts->bad_metadata = memory_metadata_read(child(domain, "metadata"), &facts->memory) < 0;
}

int domain_facts_read(const char *xml, struct domain_facts *facts)
{
	xmlDoc *document;
	xmlNode *root;
	int r = -EBADMSG;

	*facts = (struct domain_facts){0};
	if (strlen(xml) > INT_MAX)
		return -EBADMSG;
	document = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
				 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	root = document ? xmlDocGetRootElement(document) : NULL;
	if (root && is_called(root, "domain")) {
		read_domain(root, facts);
		r = 0;
	}
	xmlFreeDoc(document);
	return r;
}
