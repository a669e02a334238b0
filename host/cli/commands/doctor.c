/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/dbus_json.h"
#include "host/cli/options.h"
#include "host/cli/runtime.h"
#include "host/cli/screen/viewers.h"
#include "host/probe/probe.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#define NOVNC "/usr/share/novnc"

struct finding {
	const char *name;
	bool good;
	const char *text;   /* what is */
	const char *advice; /* what to do about it, or "" */
};

static bool has_program(const char *name)
{
	static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					      "/usr/bin",	 "/sbin",	   "/bin"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static struct finding find_qemu(const struct probe *probe)
{
	bool wanted = probe->kvm != PROBE_KVM_GOOD;

	return (struct finding){
		.name = "QEMU",
		.good = probe->qemu || !wanted,
		.text = probe->qemu ? "qemu-system-x86_64 is installed: VMs can run under TCG"
			: wanted    ? "qemu-system-x86_64 is not installed, and without KVM it is "
				      "needed"
				    : "not installed, and not needed where KVM works",
		.advice = probe->qemu || !wanted
				  ? ""
				  : "install qemu-system-x86 (Fedora: qemu-system-x86-core)",
	};
}

static bool has_user(const char *name)
{
	struct passwd entry, *found = NULL;
	char text[16384];

	return getpwnam_r(name, &entry, text, sizeof(text), &found) == 0 && found;
}

/* For root, libvirt's QEMU driver does not start without the user that the distribution built it
 * for, whichever user then runs QEMU. */
static bool lacks_qemu_user(void)
{
	return geteuid() == 0 && !has_user("libvirt-qemu") && !has_user("qemu");
}

static struct finding find_libvirt(const struct probe *probe)
{
	bool wanted = probe->kvm != PROBE_KVM_GOOD;

	if (probe->libvirt_driver && lacks_qemu_user())
		return (struct finding){
			.name = "libvirt",
			.good = !wanted,
			.text = "its QEMU driver is installed, but not the user that it asks for",
			.advice = "run packaging/install-dependencies, or install "
				  "libvirt-daemon-system",
		};
	return (struct finding){
		.name = "libvirt",
		.good = probe->libvirt_driver || !wanted,
		.text = probe->libvirt_driver
				? "its QEMU driver is installed: lodged runs QEMU by it"
			: wanted ? "its QEMU driver is not installed, and without KVM it is needed"
				 : "its QEMU driver is not installed, nor needed where KVM works",
		.advice = probe->libvirt_driver || !wanted ? ""
							   : "install libvirt-daemon-driver-qemu",
	};
}

static struct finding find_runtime(void)
{
	static char path[PATH_MAX];
	bool good = runtime_directory(path, sizeof(path)) == 0;

	return (struct finding){
		.name = "runtime folder",
		.good = good,
		.text = good ? path : "none is known",
		.advice = good ? "" : "set XDG_RUNTIME_DIR or LODGE_RUNTIME_DIR",
	};
}

static struct finding find_images(void)
{
	bool good = has_program("mmdebstrap");

	return (struct finding){
		.name = "mmdebstrap",
		.good = true,
		.text = good ? "installed: Debian guests can be made"
			     : "not installed: only needed to make Debian guests",
		.advice = good ? "" : "install mmdebstrap",
	};
}

static struct finding find_viewer(void)
{
	static char text[128];
	const struct viewer_program *program = viewers_find(false);

	if (program)
		snprintf(text, sizeof(text), "%s is installed: 'lodge view' opens it",
			 program->name);
	return (struct finding){
		.name = "viewer",
		.good = true,
		.text = program ? text : "no VNC viewer is installed: 'lodge view' takes a browser",
		.advice = program ? "" : "install tigervnc-viewer: the screen follows its window",
	};
}

static struct finding find_novnc(void)
{
	bool good = access(NOVNC "/core/rfb.js", R_OK) == 0;

	return (struct finding){
		.name = "noVNC",
		.good = true,
		.text = good ? "installed: 'lodge view --web' shows screens in a browser"
			     : "not installed: screens cannot be shown in a browser",
		.advice = good ? "" : "install novnc",
	};
}

static struct finding find_screen(void)
{
	bool good = runtime_has_program("lodge-screen");

	return (struct finding){
		.name = "lodge-screen",
		.good = good,
		.text = good ? "installed: VMs have a screen"
			     : "not installed beside lodge: VMs have no screen",
		.advice = good ? "" : "install all of Lodge",
	};
}

static struct finding find_shares(void)
{
	bool good = runtime_has_program("lodge-fsd");

	return (struct finding){
		.name = "lodge-fsd",
		.good = good,
		.text = good ? "installed: folders of this host can be shared with guests"
			     : "not installed beside lodge: no folder can be shared",
		.advice = good ? "" : "install all of Lodge",
	};
}

/* Only `lodge mount` needs it. */
static struct finding find_fuse(void)
{
	bool device = access("/dev/fuse", R_OK | W_OK) == 0;
	bool helper = geteuid() == 0 || has_program("fusermount3");

	return (struct finding){
		.name = "/dev/fuse",
		.good = true,
		.text = !device	 ? "does not open: guests' files cannot be mounted here"
			: helper ? "opens: 'lodge mount' mounts a guest's files"
				 : "opens, but without fusermount3 only root can mount",
		.advice = !device  ? "modprobe fuse"
			  : helper ? ""
				   : "install fuse3",
	};
}

static void print_findings(const struct finding *findings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct finding *finding = &findings[i];

		printf("%-4s %-15s %s\n", finding->good ? "ok" : "no", finding->name,
		       finding->text);
		if (*finding->advice)
			printf("%-4s %-15s -> %s\n", "", "", finding->advice);
	}
}

static void print_json(const struct finding *findings, size_t count, bool can_run,
		       const char *accelerator)
{
	struct json_object *all = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "name", json_clean_text(findings[i].name));
		json_object_object_add(one, "ok", json_object_new_boolean(findings[i].good));
		json_object_object_add(one, "text", json_clean_text(findings[i].text));
		json_object_object_add(one, "advice", json_clean_text(findings[i].advice));
		json_object_array_add(list, one);
	}
	json_object_object_add(all, "can_run", json_object_new_boolean(can_run));
	json_object_object_add(all, "accelerator", json_clean_text(accelerator));
	json_object_object_add(all, "findings", list);
	json_print(all);
	json_object_put(all);
}

static int run_doctor(const struct command *command, int argc, char **argv)
{
	bool json = false, can_run;
	const struct option_spec specs[] = {
		{"json", 0, OPTION_FLAG, NULL, "for programs", &json, 0, 0},
	};
	const char *accelerator;
	struct probe probe;
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	probe_host("", &probe);
	const struct finding findings[] = {
		{"KVM", probe.kvm == PROBE_KVM_GOOD, probe_kvm_text(probe.kvm),
		 probe_kvm_advice(probe.kvm)},
		find_runtime(),
		find_qemu(&probe),
		find_libvirt(&probe),
		find_images(),
		find_screen(),
		find_viewer(),
		find_novnc(),
		find_shares(),
		find_fuse(),
	};
	accelerator = probe_accelerator(&probe);
	can_run = *accelerator != '\0' && findings[1].good;
	if (json) {
		print_json(findings, ARRAY_SIZE(findings), can_run, accelerator);
	} else {
		print_findings(findings, ARRAY_SIZE(findings));
		printf("\n%s\n",
		       !can_run ? "VMs cannot run on this host as it is."
		       : probe.kvm == PROBE_KVM_GOOD
			       ? "VMs run here on lodge-vmm, with KVM hardware."
			       : "VMs run here under QEMU's TCG: everything works, slower.");
	}
	return can_run ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "What this host offers for running VMs, and what is missing",
	.description = "Exit status 0 if VMs can run here.\n",
	.run = run_doctor,
};
