/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/domain_xml.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct vm_options options;
static struct domain_plan plan;
static char disk[64], error[256], *xml;

static void make_plan(void)
{
	int fd;

	options = (struct vm_options){0};
	vm_option_set_text(&options, vm_option_named("kernel"), "/boot/vmlinuz");
	ck_assert_int_eq(vm_options_complete(&options, error, sizeof(error)), 0);
	plan = (struct domain_plan){
		.name = "vm1",
		.uuid = "5f0d1f5c-6d5a-4f0e-8d8e-3f6f2b8f6a11",
		.folder = "/run/lodge/vm/vm1",
		.emulator = "/usr/bin/qemu-system-x86_64",
		.options = &options,
	};
	xml = NULL;
	strcpy(disk, "/tmp/lodge-test-XXXXXX");
	fd = mkstemp(disk);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void drop_plan(void)
{
	vm_options_free(&options);
	free(xml);
	unlink(disk);
}

static int write_xml(void)
{
	return domain_xml_new(&plan, &xml, error, sizeof(error));
}

static void add_disk(const char *flags)
{
	char option[256];

	snprintf(option, sizeof(option), "%s%s", disk, flags);
	vm_option_add(&options, vm_option_named("disks"), option);
}

START_TEST(a_share_is_a_file_system_and_memory_is_shared_with_it)
{
	static const struct domain_share shares[] = {{"one", "/run/a b/one~fs"},
						     {"t<o", "/run/a b/two~fs"}};

	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_null(strstr(xml, "memfd"));
	free(xml);
	plan.shares = shares;
	plan.share_count = 2;
	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_nonnull(strstr(xml, "<source type='memfd'/><access mode='shared'/>"));
	ck_assert_ptr_nonnull(strstr(xml, "<source socket='/run/a b/one~fs'/>"
					  "<target dir='one'/></filesystem>"));
	ck_assert_ptr_nonnull(strstr(xml, "<target dir='t&#60;o'/>"));
}
END_TEST

START_TEST(the_sockets_are_where_lodged_looks)
{
	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_nonnull(strstr(xml,
				     "<source mode='bind' path='/run/lodge/vm/vm1/agent.sock'/>"
				     "<target type='virtio' name='org.lodge.agent.0'/>"));
	ck_assert_ptr_nonnull(strstr(xml, "path='/run/lodge/vm/vm1/console.sock'/>"));
	ck_assert_ptr_nonnull(strstr(xml, "<domain type='qemu'"));
	ck_assert_ptr_null(strstr(xml, "qemu:arg"));
}
END_TEST

START_TEST(a_display_is_shown_to_nobody_but_us)
{
	vm_option_set_text(&options, vm_option_named("size"), "1440x900");
	vm_option_set_number(&options, vm_option_named("heads"), 3);
	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_nonnull(strstr(xml, "<graphics type='dbus' p2p='yes'/>"));
	ck_assert_ptr_nonnull(strstr(xml, "<model type='virtio' heads='3' primary='yes'>"
					  "<resolution x='1440' y='900'/></model>"));
	ck_assert_ptr_nonnull(strstr(xml, "<input type='tablet' bus='virtio'/>"));
	ck_assert_ptr_nonnull(strstr(xml, "spice.sock'/><target type='virtio' "
					  "name='com.redhat.spice.0'/></channel>"));
	ck_assert_ptr_null(strstr(xml, "vnc"));
}
END_TEST

START_TEST(without_a_display_there_is_none)
{
	vm_option_set_text(&options, vm_option_named("display"), "off");
	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_nonnull(strstr(xml, "<video><model type='none'/></video>"));
	ck_assert_ptr_null(strstr(xml, "graphics"));
	ck_assert_ptr_null(strstr(xml, "spice"));
}
END_TEST

START_TEST(text_cannot_leave_its_element)
{
	vm_option_set_text(&options, vm_option_named("append"),
			   "a</cmdline><devices>&amp;\"'<x y='z'/>");
	plan.folder = "/tmp/it's & <here>";
	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_nonnull(strstr(xml, "<cmdline>a&#60;/cmdline&#62;&#60;devices&#62;&#38;amp;"
					  "&#34;&#39;&#60;x y=&#39;z&#39;/&#62;</cmdline>"));
	ck_assert_ptr_nonnull(strstr(xml, "path='/tmp/it&#39;s &#38; &#60;here&#62;/agent.sock'"));
}
END_TEST

START_TEST(control_characters_are_refused)
{
	char text[] = {'a', (char)_i, 'b', '\0'};

	vm_option_set_text(&options, vm_option_named("append"), text);
	ck_assert_int_eq(write_xml(), _i == '\t' ? 0 : -EINVAL);
}
END_TEST

START_TEST(a_comma_in_a_path_adds_no_option_to_qemu)
{
	plan.net_socket = "/run/a,server=on/net.sock";
	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_nonnull(strstr(xml, "addr.path=/run/a,,server=on/net.sock'/>"));
}
END_TEST

START_TEST(disks_are_raw_and_nothing_else)
{
	add_disk(",ro,format=raw,queues=2,serial=<abc>");
	add_disk("");
	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_nonnull(strstr(xml, "type='raw' cache='writeback' discard='unmap' "
					  "queues='2'/><target dev='vda' bus='virtio'/>"
					  "<serial>&#60;abc&#62;</serial>\n<readonly/></disk>"));
	ck_assert_ptr_nonnull(strstr(xml, "<target dev='vdb' bus='virtio'/></disk>"));
}
END_TEST

static const char *const bad_flags[] = {",format=qcow2", ",rw", ",", ",ro,cache=unsafe"};

START_TEST(disk_flags_nobody_knows_are_refused)
{
	add_disk(bad_flags[_i]);
	ck_assert_int_eq(write_xml(), -EINVAL);
}
END_TEST

START_TEST(a_disk_must_be_there)
{
	vm_option_add(&options, vm_option_named("disks"), "/nonexistent/disk.img");
	ck_assert_int_eq(write_xml(), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "/nonexistent/disk.img"));
}
END_TEST

START_TEST(a_folder_is_no_disk)
{
	vm_option_add(&options, vm_option_named("disks"), "/tmp");
	ck_assert_int_eq(write_xml(), -EINVAL);
}
END_TEST

START_TEST(actions_are_libvirts)
{
	vm_option_set_text(&options, vm_option_named("on_reboot"), "stop");
	vm_option_set_text(&options, vm_option_named("on_panic"), "pause");
	plan.kvm = true;
	ck_assert_int_eq(write_xml(), 0);
	ck_assert_ptr_nonnull(strstr(xml, "<on_reboot>destroy</on_reboot>"));
	ck_assert_ptr_nonnull(strstr(xml, "<on_crash>preserve</on_crash>"));
	ck_assert_ptr_nonnull(strstr(xml, "<domain type='kvm'"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("domain_xml");

	tcase_add_checked_fixture(tc, make_plan, drop_plan);
	tcase_add_test(tc, a_share_is_a_file_system_and_memory_is_shared_with_it);
	tcase_add_test(tc, the_sockets_are_where_lodged_looks);
	tcase_add_test(tc, a_display_is_shown_to_nobody_but_us);
	tcase_add_test(tc, without_a_display_there_is_none);
	tcase_add_test(tc, text_cannot_leave_its_element);
	tcase_add_loop_test(tc, control_characters_are_refused, 1, 0x20);
	tcase_add_test(tc, a_comma_in_a_path_adds_no_option_to_qemu);
	tcase_add_test(tc, disks_are_raw_and_nothing_else);
	tcase_add_loop_test(tc, disk_flags_nobody_knows_are_refused, 0,
			    sizeof(bad_flags) / sizeof(bad_flags[0]));
	tcase_add_test(tc, a_disk_must_be_there);
	tcase_add_test(tc, a_folder_is_no_disk);
	tcase_add_test(tc, actions_are_libvirts);
	return suite_run_case("domain_xml", tc);
}
