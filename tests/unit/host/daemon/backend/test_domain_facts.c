/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/domain_facts.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char whole[] =
	"<domain type='kvm' id='3'>\n"
	"  <name>web</name>\n"
	"  <metadata>\n"
	"    <lodge:memory xmlns:lodge='urn:lodge:memory:1' mode='auto' minimum='1G'/>\n"
	"  </metadata>\n"
	"  <memory unit='KiB'>2097152</memory>\n"
	"  <vcpu placement='static' current='2'>4</vcpu>\n"
	"  <devices>\n"
	"    <serial type='pty'><target port='0'/></serial>\n"
	"    <console type='pty'/>\n"
	"    <channel type='unix'>\n"
	"      <source mode='bind' path='/var/lib/libvirt/qemu/channel/qga.0'/>\n"
	"      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>\n"
	"    </channel>\n"
	"    <channel type='unix'>\n"
	"      <source mode='bind' path='/var/lib/libvirt/qemu/channel/lodge &amp; co'/>\n"
	"      <target type='virtio' name='org.lodge.agent.0' state='disconnected'/>\n"
	"    </channel>\n"
	"    <graphics type='spice' port='5901'/>\n"
	"    <graphics type='vnc' port='5900'/>\n"
	"    <graphics type='dbus' p2p='yes'/>\n"
	"    <memballoon model='virtio' autodeflate='on'><stats period='5'/></memballoon>\n"
	"  </devices>\n"
	"</domain>\n";

START_TEST(what_matters_is_found)
{
	struct domain_facts facts;

	ck_assert_int_eq(domain_facts_read(whole, &facts), 0);
	ck_assert_str_eq(facts.type, "kvm");
	ck_assert_uint_eq(facts.memory_bytes, 2ULL << 30);
	ck_assert_uint_eq(facts.cpus, 2);
	ck_assert(facts.has_channel);
	ck_assert_str_eq(facts.channel_path, "/var/lib/libvirt/qemu/channel/lodge & co");
	ck_assert(facts.has_console);
	ck_assert_int_eq(facts.graphics, DOMAIN_GRAPHICS_DBUS);
	ck_assert_uint_eq(facts.graphics_index, 2);
	ck_assert(facts.has_balloon);
	ck_assert(facts.autodeflate);
	ck_assert_uint_eq(facts.balloon_period, 5);
	ck_assert(!facts.memory.watched);
	ck_assert_uint_eq(facts.memory.minimum_bytes, 1 << 30);
	ck_assert(!facts.bad_metadata);
}
END_TEST

START_TEST(memory_that_nothing_is_said_of)
{
	struct domain_facts facts;

	ck_assert_int_eq(domain_facts_read("<domain><devices><memballoon model='none'/></devices>"
					   "</domain>",
					   &facts),
			 0);
	ck_assert(!facts.has_balloon);
	ck_assert(!facts.autodeflate);
	ck_assert(facts.memory.watched);
	ck_assert(!facts.bad_metadata);
	ck_assert_int_eq(domain_facts_read("<domain><metadata><lodge:memory mode='?' xmlns:lodge="
					   "'urn:lodge:memory:1'/></metadata></domain>",
					   &facts),
			 0);
	ck_assert(facts.memory.watched);
	ck_assert(facts.bad_metadata);
}
END_TEST

/* Facts of a domain with these devices. */
static struct domain_facts facts_of(const char *devices)
{
	struct domain_facts facts;
	char xml[1024];

	snprintf(xml, sizeof(xml),
		 "<domain type='qemu'><vcpu>3</vcpu><devices>%s</devices></domain>", devices);
	ck_assert_int_eq(domain_facts_read(xml, &facts), 0);
	return facts;
}

static const struct {
	const char *devices;
	enum domain_graphics graphics;
	unsigned int index;
} displays[] = {
	{"", DOMAIN_GRAPHICS_NONE, 0},
	{"", DOMAIN_GRAPHICS_NONE, 0},
	{"<graphics type='spice'/>", DOMAIN_GRAPHICS_PICTURES, 0},
	{"<graphics type='dbus'/>", DOMAIN_GRAPHICS_PICTURES, 0}, /* on a bus: not ours */
	{"<graphics type='vnc'/>", DOMAIN_GRAPHICS_VNC, 0},
	{"<graphics type='vnc'/><graphics type='vnc'/>", DOMAIN_GRAPHICS_VNC, 0},
	{"<graphics type='spice'/><graphics type='vnc'/>", DOMAIN_GRAPHICS_VNC, 1},
	{"<graphics type='dbus' p2p='yes'/><graphics type='vnc'/>", DOMAIN_GRAPHICS_DBUS, 0},
	{"<graphics type='vnc'/><graphics type='dbus' p2p='yes'/>", DOMAIN_GRAPHICS_DBUS, 1},
};

START_TEST(the_best_display_is_taken)
{
	struct domain_facts facts = facts_of(displays[_i].devices);

	ck_assert_int_eq(facts.graphics, displays[_i].graphics);
	ck_assert_uint_eq(facts.graphics_index, displays[_i].index);
	ck_assert_uint_eq(facts.cpus, 3);
}
END_TEST

/* Channels that are not QEMU's to listen on, or of others. */
static const char *const no_channels[] = {
	"",
	"<channel type='pty'><target type='virtio' name='org.lodge.agent.0'/></channel>",
	("<channel type='unix'><source mode='connect' path='/x'/>"
	 "<target type='virtio' name='org.lodge.agent.0'/></channel>"),
	"<channel type='unix'><target type='virtio' name='org.lodge.agent.00'/></channel>",
};

START_TEST(other_channels_are_not_ours)
{
	ck_assert(!facts_of(no_channels[_i]).has_channel);
}
END_TEST

START_TEST(a_path_that_no_socket_can_have_is_left_out)
{
	char devices[600], path[300];
	struct domain_facts facts;

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	snprintf(devices, sizeof(devices),
		 "<channel type='unix'><source mode='bind' path='/%s'/>"
		 "<target type='virtio' name='org.lodge.agent.0'/></channel>",
		 path);
	facts = facts_of(devices);
	ck_assert(facts.has_channel);
	ck_assert_str_eq(facts.channel_path, "");
}
END_TEST

static const char *const bad[] = {"", "<domain", "<network/>", "no XML at all"};

START_TEST(what_is_no_domain_is_refused)
{
	struct domain_facts facts;

	ck_assert_int_eq(domain_facts_read(bad[_i], &facts), -EBADMSG);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, what_matters_is_found);
	tcase_add_test(tc, memory_that_nothing_is_said_of);
	tcase_add_loop_test(tc, the_best_display_is_taken, 0, COUNT(displays));
	tcase_add_loop_test(tc, other_channels_are_not_ours, 0, COUNT(no_channels));
	tcase_add_test(tc, a_path_that_no_socket_can_have_is_left_out);
	tcase_add_loop_test(tc, what_is_no_domain_is_refused, 0, COUNT(bad));
	return suite_run_case("domain_facts", tc);
}
