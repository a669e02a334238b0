/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view: finds a viewer, lets the VM's screen listen where that can connect, and waits for it.
 */
#include "host/cli/client.h"
#include "host/cli/dbus_json.h"
#include "host/cli/options.h"
#include "host/cli/screen/screen_client.h"
#include "host/cli/screen/viewers.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ADDRESS_MAX 256
#define FIRST_PORT  5900 /* of display 0 */
#define REPLY_MAX   65536

struct listener {
	char id[64], address[ADDRESS_MAX], secret[160];
};

struct request {
	struct client *client;
	const char *vm;
	bool view_only, print;
};

/* --- A listener ---------------------------------------------------------------------------- */

static bool add_wishes(DBusMessage *message, const char *kind, const char *id, const char *address,
		       bool view_only)
{
	dbus_bool_t flag = view_only;
	DBusMessageIter arguments, options;

	dbus_message_iter_init_append(message, &arguments);
	return dbus_message_iter_append_basic(&arguments, DBUS_TYPE_STRING, &kind) &&
	       dbus_message_iter_open_container(&arguments, DBUS_TYPE_ARRAY, "{sv}", &options) &&
	       (!*id || client_add_option(&options, "id", DBUS_TYPE_STRING, &id)) &&
	       (!*address || client_add_option(&options, "address", DBUS_TYPE_STRING, &address)) &&
	       client_add_option(&options, "view_only", DBUS_TYPE_BOOLEAN, &flag) &&
	       dbus_message_iter_close_container(&arguments, &options);
}

/* @id, @address: "" for lodged's choice. */
static int listen_at(const struct request *request, const char *kind, const char *id,
		     const char *address, struct listener *listener)
{
	DBusMessage *reply, *message = client_vm_message(request->client, request->vm,
							 LODGE_VM_INTERFACE, "ListenScreen");
	const char *text[3];
	int r = -EPROTO;

	if (!message)
		return -ENOENT;
	if (!add_wishes(message, kind, id, address, request->view_only)) {
		dbus_message_unref(message);
		return -ENOMEM;
	}
	reply = client_call(request->client, message, CLIENT_QUICK_MS, request->vm);
	if (!reply)
		return -EIO;
	if (dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text[0], DBUS_TYPE_STRING,
				  &text[1], DBUS_TYPE_STRING, &text[2], DBUS_TYPE_INVALID) &&
	    strlen(text[0]) < sizeof(listener->id) && strlen(text[1]) < sizeof(listener->address) &&
	    strlen(text[2]) < sizeof(listener->secret)) {
		strcpy(listener->id, text[0]);
		strcpy(listener->address, text[1]);
		strcpy(listener->secret, text[2]);
		r = 0;
	} else {
		log_error("%s: lodged answered with something unexpected", request->vm);
	}
	dbus_message_unref(reply);
	return r;
}

static void stop_listening(const struct request *request, const struct listener *listener)
{
	DBusMessage *message, *reply = NULL;
	const char *id = listener->id;

	/* The VM may have ended meanwhile: nothing is said then. */
	message =
		client_vm_message(request->client, request->vm, LODGE_VM_INTERFACE, "CloseScreen");
	if (!message)
		return;
	dbus_message_append_args(message, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID);
	reply = client_call(request->client, message, CLIENT_QUICK_MS, request->vm);
	if (reply)
		dbus_message_unref(reply);
}

/* --- Addresses ----------------------------------------------------------------------------- */

/* "127.0.0.1:40123" */
static const char *port_of(const struct listener *listener)
{
	const char *colon = strrchr(listener->address, ':');

	return colon ? colon + 1 : "";
}

/* virt-viewer's connection file, which it removes when it has read it. */
static int write_connection_file(const struct request *request, const struct listener *listener,
				 char *path, size_t capacity)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	FILE *file;
	int fd;

	snprintf(path, capacity, "%s/lodge-view-XXXXXX", folder && *folder ? folder : "/tmp");
	fd = mkostemp(path, O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		log_error("view: cannot write %s: %s", path, error_text(errno));
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	fprintf(file,
		"[virt-viewer]\ntype=vnc\nhost=127.0.0.1\nport=%s\npassword=%s\ntitle=%s\n"
		"delete-this-file=1\n",
		port_of(listener), listener->secret, request->vm);
	return fclose(file) == 0 ? 0 : -EIO;
}

static int view_by_file(const struct request *request, const struct viewer_program *program,
			const struct listener *listener)
{
	char path[PATH_MAX];
	int status;

	if (write_connection_file(request, listener, path, sizeof(path)) < 0)
		return EXIT_FAILED;
	status = viewers_open(program, path);
	unlink(path);
	return status;
}

static int view_by_port(const struct viewer_program *program, const struct listener *listener)
{
	char address[64];

	if (program->way == VIEWER_PORT)
		snprintf(address, sizeof(address), "127.0.0.1::%s", port_of(listener));
	else
		snprintf(address, sizeof(address), "127.0.0.1:%d",
			 atoi(port_of(listener)) - FIRST_PORT);
	log_info("the password is %s", listener->secret);
	return viewers_open(program, address);
}

static int view_vnc(const struct request *request, const struct viewer_program *program)
{
	struct listener listener;
	int status;

	if (listen_at(request, "vnc", "", program->way == VIEWER_UNIX ? "unix" : "", &listener) < 0)
		return EXIT_FAILED;
	if (program->way == VIEWER_UNIX)
		status = viewers_open(program, listener.address);
	else if (program->way == VIEWER_FILE)
		status = view_by_file(request, program, &listener);
	else
		status = view_by_port(program, &listener);
	stop_listening(request, &listener);
	return status;
}

/* --- The ways ------------------------------------------------------------------------------ */

static int print_vnc(const struct request *request)
{
	struct listener listener;

	if (listen_at(request, "vnc", "", "", &listener) < 0)
		return EXIT_FAILED;
	printf("vnc://%s\npassword %s\n", listener.address, listener.secret);
	return EXIT_DONE;
}

static int view_web(const struct request *request, bool open)
{
	const struct viewer_program *program = open ? viewers_find(true) : NULL;
	struct listener listener;

	if (listen_at(request, "web", request->view_only ? "web-view-only" : "web", "", &listener) <
	    0)
		return EXIT_FAILED;
	puts(listener.address);
	if (!program)
		return EXIT_DONE;
	fflush(stdout);
	return viewers_open(program, listener.address);
}

/* --- Domains with a display that we do not speak ------------------------------------------- */

/* Whether lodge-screen has nothing but pictures of it: 1; 0; -1 after an error was printed. */
static int has_pictures_only(const struct request *request)
{
	_cleanup_agent_ struct agent *screen = NULL;
	_cleanup_free_ uint8_t *reply = malloc(REPLY_MAX);
	struct screen_info info;
	ssize_t length;

	if (!reply || screen_open(request->client, request->vm, &screen) < 0)
		return -1;
	length = screen_call(screen, "screen.info", NULL, NULL, NULL, NULL, reply, REPLY_MAX);
	if (length < 0)
		return -1;
	return message_decode(&message_screen_info, (struct slice){reply, (size_t)length}, &info) ==
		       0 &&
	       slice_is(info.source, "pictures");
}

/* virt-viewer has the whole of such a display, SPICE above all. true: *@status is what came of it.
 */
static bool view_own_display(const struct request *request, bool may_open, int *status)
{
	struct json_object *vm = client_vm_properties(request->client, request->vm);
	char path[PATH_MAX];
	int pictures = !vm ? -1 : *json_text(vm, "Source") ? has_pictures_only(request) : 0;
	bool opens = pictures > 0 && may_open && viewers_path(VIEWERS_ATTACH, path, sizeof(path));

	*status = EXIT_FAILED;
	if (opens)
		*status = viewers_attach(json_text(vm, "Source"), json_text(vm, "Name"));
	else if (pictures > 0)
		log_warning("%s: its display is none that Lodge speaks (SPICE?): it is seen a few "
			    "times a second and takes keys, no mouse; virt-viewer does more",
			    request->vm);
	json_object_put(vm);
	return opens || pictures < 0;
}

static int view(const struct request *request, bool web, bool vnc)
{
	const struct viewer_program *program = viewers_find(false);
	bool open = !request->print && viewers_have_display();
	int status;

	if (view_own_display(request, open && !web && !vnc && !request->view_only, &status))
		return status;
	if (web)
		return view_web(request, open);
	if (vnc && !open)
		return print_vnc(request);
	if (vnc && !program) {
		log_error("view: no viewer for VNC is installed (tigervnc-viewer, virt-viewer); "
			  "--web does without");
		return EXIT_FAILED;
	}
	if (open && program)
		return view_vnc(request, program);
	return view_web(request, open);
}

static int run_view(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	struct request request = {0};
	bool web = false, vnc = false;
	const struct option_spec specs[] = {
		{"view-only", 0, OPTION_FLAG, NULL, "look, and touch nothing", &request.view_only,
		 0, 0},
		{"web", 0, OPTION_FLAG, NULL, "in a browser", &web, 0, 0},
		{"vnc", 0, OPTION_FLAG, NULL, "in a VNC viewer", &vnc, 0, 0},
		{"print", 0, OPTION_FLAG, NULL, "open nothing, say where it is", &request.print, 0,
		 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (web && vnc)
		return options_wrong(command, "--web and --vnc are two ways; take one");
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	request.client = client;
	request.vm = argv[0];
	return view(&request, web, vnc);
}

const struct command command_view = {
	.name = "view",
	.operands = "VM",
	.summary = "Open a VM's screen in a window",
	.description =
		"Takes the best viewer that is installed (TigerVNC, whose window the guest's "
		"screen\n"
		"follows; remote-viewer, gvncviewer, vinagre), else a browser. Where no window "
		"can\n"
		"be opened, or with --print, it prints the address, which holds a secret: the\n"
		"browser's until the VM ends, a viewer's until the VM ends or `view` is done.\n"
		"A domain of libvirt that has a SPICE display alone is shown by virt-viewer.\n"
		"Nothing that it opens can be reached from another machine.\n",
	.operands_min = 1,
	.operands_max = 1,
	.run = run_view,
};
