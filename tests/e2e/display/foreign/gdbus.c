/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gdbus - a viewer of org.qemu.Display1 on GLib's D-Bus, driven by lines
 *
 * usage: gdbus FD [map]
 *
 * FD: a connected socket. With "map" its listener says that it can Unix.Map. Commands on standard
 * input, each answered by one line that begins with its word: "frame" (how it came, size, corners),
 * "size W H" (asks for it), "key QNUM" (down and up), "pointer X Y", "button N" (down and up),
 * "get INTERFACE PROPERTY", "objects" (their paths), "introspect PATH" (names of interfaces),
 * "copy TEXT", "paste".
 */
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define ROOT	"/org/qemu/Display1"
#define CONSOLE ROOT "/Console_0"

static const char listener_xml[] =
	"<node><interface name='org.qemu.Display1.Listener'>"
	"<method name='Scanout'><arg type='u' direction='in'/><arg type='u' direction='in'/>"
	"<arg type='u' direction='in'/><arg type='u' direction='in'/><arg type='ay' "
	"direction='in'/>"
	"</method><method name='Update'><arg type='i' direction='in'/><arg type='i' "
	"direction='in'/>"
	"<arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='u' direction='in'/>"
	"<arg type='u' direction='in'/><arg type='ay' direction='in'/></method>"
	"<method name='Disable'/><method name='MouseSet'><arg type='i' direction='in'/>"
	"<arg type='i' direction='in'/><arg type='i' direction='in'/></method>"
	"<method name='CursorDefine'><arg type='i' direction='in'/><arg type='i' direction='in'/>"
	"<arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='ay' "
	"direction='in'/>"
	"</method><property name='Interfaces' type='as' access='read'/></interface>"
	"<interface name='org.qemu.Display1.Listener.Unix.Map'><method name='ScanoutMap'>"
	"<arg type='h' direction='in'/><arg type='u' direction='in'/><arg type='u' direction='in'/>"
	"<arg type='u' direction='in'/><arg type='u' direction='in'/><arg type='u' direction='in'/>"
	"</method><method name='UpdateMap'><arg type='i' direction='in'/>"
	"<arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='i' direction='in'/>"
	"</method></interface>"
	"<interface name='org.qemu.Display1.Clipboard'><method name='Grab'>"
	"<arg type='u' direction='in'/><arg type='u' direction='in'/><arg type='as' "
	"direction='in'/>"
	"</method><method name='Release'><arg type='u' direction='in'/></method>"
	"<method name='Request'><arg type='u' direction='in'/><arg type='as' direction='in'/>"
	"<arg type='s' direction='out'/><arg type='ay' "
	"direction='out'/></method></interface></node>";

static struct {
	GDBusConnection *main, *listener;
	gboolean maps;
	guint32 width, height, stride;
	guint8 *pixels; /* ours, or mapped */
	gsize mapped;	/* bytes */
	const char *how;
	char *copied;
	guint32 serial;
} viewer;

static void drop_picture(void)
{
	if (viewer.mapped)
		munmap(viewer.pixels, viewer.mapped);
	else
		g_free(viewer.pixels);
	viewer.pixels = NULL;
	viewer.mapped = 0;
	viewer.width = viewer.height = 0;
}

static void scanout(GVariant *values)
{
	g_autoptr(GVariant) data = g_variant_get_child_value(values, 4);
	gsize length;
	const void *bytes = g_variant_get_fixed_array(data, &length, 1);

	drop_picture();
	g_variant_get_child(values, 0, "u", &viewer.width);
	g_variant_get_child(values, 1, "u", &viewer.height);
	g_variant_get_child(values, 2, "u", &viewer.stride);
	g_assert(length == (gsize)viewer.stride * viewer.height);
	viewer.pixels = g_memdup2(bytes, length);
	viewer.how = "bytes";
}

static void update(GVariant *values)
{
	g_autoptr(GVariant) data = g_variant_get_child_value(values, 6);
	gint32 x, y, width, height;
	guint32 stride;
	gsize length;
	const guint8 *bytes = g_variant_get_fixed_array(data, &length, 1);

	g_variant_get(values, "(iiiiuu@ay)", &x, &y, &width, &height, &stride, NULL, NULL);
	g_assert(x >= 0 && y >= 0 && (guint32)(x + width) <= viewer.width &&
		 (guint32)(y + height) <= viewer.height && length == (gsize)stride * height);
	for (gint32 row = 0; row < height; row++)
		memcpy(viewer.pixels + (gsize)(y + row) * viewer.stride + (gsize)x * 4,
		       bytes + (gsize)row * stride, (gsize)width * 4);
}

static void scanout_map(GVariant *values, GDBusMethodInvocation *invocation)
{
	GUnixFDList *fds =
		g_dbus_message_get_unix_fd_list(g_dbus_method_invocation_get_message(invocation));
	gint fd = g_unix_fd_list_get(fds, 0, NULL);
	guint32 offset;

	drop_picture();
	g_variant_get(values, "(huuuuu)", NULL, &offset, &viewer.width, &viewer.height,
		      &viewer.stride, NULL);
	viewer.mapped = (gsize)viewer.stride * viewer.height;
	viewer.pixels = mmap(NULL, viewer.mapped, PROT_READ, MAP_SHARED, fd, offset);
	g_assert(viewer.pixels != MAP_FAILED);
	close(fd);
	viewer.how = "map";
}

static void on_listener(GDBusConnection *connection, const char *sender, const char *path,
			const char *interface, const char *method, GVariant *values,
			GDBusMethodInvocation *invocation, gpointer data)
{
	(void)connection;
	(void)sender;
	(void)path;
	(void)interface;
	(void)data;
	if (strcmp(method, "Scanout") == 0)
		scanout(values);
	else if (strcmp(method, "Update") == 0)
		update(values);
	else if (strcmp(method, "ScanoutMap") == 0)
		scanout_map(values, invocation);
	else if (strcmp(method, "Disable") == 0)
		drop_picture();
	g_dbus_method_invocation_return_value(invocation, NULL);
}

static GVariant *on_property(GDBusConnection *connection, const char *sender, const char *path,
			     const char *interface, const char *property, GError **error,
			     gpointer data)
{
	const char *const names[] = {"org.qemu.Display1.Listener.Unix.Map", NULL};

	(void)connection;
	(void)sender;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	(void)data;
	return g_variant_new_strv(names, viewer.maps ? 1 : 0);
}

static void on_clipboard(GDBusConnection *connection, const char *sender, const char *path,
			 const char *interface, const char *method, GVariant *values,
			 GDBusMethodInvocation *invocation, gpointer data)
{
	(void)connection;
	(void)sender;
	(void)path;
	(void)interface;
	(void)data;
	if (strcmp(method, "Request") == 0) {
		const char *text = viewer.copied ? viewer.copied : "";

		g_dbus_method_invocation_return_value(
			invocation,
			g_variant_new("(s@ay)", "text/plain;charset=utf-8",
				      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, text,
								strlen(text), 1)));
		return;
	}
	if (strcmp(method, "Grab") == 0)
		g_variant_get_child(values, 1, "u", &viewer.serial);
	g_dbus_method_invocation_return_value(invocation, NULL);
}

static GDBusConnection *connect_fd(int fd)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, &error);
	g_autoptr(GSocketConnection) stream =
		socket ? g_socket_connection_factory_create_connection(socket) : NULL;
	GDBusConnection *connection =
		stream ? g_dbus_connection_new_sync(
				 G_IO_STREAM(stream), NULL,
				 G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
					 G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
				 NULL, NULL, &error)
		       : NULL;

	if (!connection)
		g_error("no connection: %s", error ? error->message : "?");
	return connection;
}

static void export(GDBusConnection *connection, const char *path, const char *interface,
		   GDBusInterfaceMethodCallFunc called)
{
	static GDBusInterfaceVTable tables[2];
	GDBusInterfaceVTable *table = &tables[called == on_clipboard];
	g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(listener_xml, NULL);

	*table = (GDBusInterfaceVTable){.method_call = called, .get_property = on_property};
	g_assert(g_dbus_connection_register_object(
		connection, path, g_dbus_node_info_lookup_interface(info, interface), table, NULL,
		NULL, NULL));
}

/* NULL, and a line on standard error, if it was refused. */
static GVariant *call(const char *path, const char *interface, const char *method, GVariant *values)
{
	g_autoptr(GError) error = NULL;
	GVariant *answer =
		g_dbus_connection_call_sync(viewer.main, NULL, path, interface, method, values,
					    NULL, G_DBUS_CALL_FLAGS_NONE, 5000, NULL, &error);

	if (!answer)
		fprintf(stderr, "%s: %s\n", method, error->message);
	return answer;
}

static gboolean done(const char *path, const char *interface, const char *method, GVariant *values)
{
	g_autoptr(GVariant) answer = call(path, interface, method, values);

	return answer != NULL;
}

static void register_listener(void)
{
	g_autoptr(GUnixFDList) list = g_unix_fd_list_new();
	g_autoptr(GVariant) answer = NULL;
	g_autoptr(GError) error = NULL;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		g_error("no socket pair");
	g_unix_fd_list_append(list, fds[1], NULL);
	close(fds[1]);
	answer = g_dbus_connection_call_with_unix_fd_list_sync(
		viewer.main, NULL, CONSOLE, "org.qemu.Display1.Console", "RegisterListener",
		g_variant_new("(h)", 0), NULL, G_DBUS_CALL_FLAGS_NONE, 5000, list, NULL, NULL,
		&error);
	if (!answer)
		g_error("RegisterListener: %s", error->message);
	viewer.listener = connect_fd(fds[0]);
	export(viewer.listener, ROOT "/Listener", "org.qemu.Display1.Listener", on_listener);
	if (viewer.maps)
		export(viewer.listener, ROOT "/Listener", "org.qemu.Display1.Listener.Unix.Map",
		       on_listener);
	g_dbus_connection_start_message_processing(viewer.listener);
}

/* --- Commands --------------------------------------------------------------------------------- */

static void print_frame(void)
{
	guint32 right = viewer.width - 4, below = viewer.height - 4;
	const guint32 corner[4][2] = {{3, 3}, {right, 3}, {3, below}, {right, below}};

	if (!viewer.pixels || viewer.width < 8 || viewer.height < 8) {
		printf("frame none\n");
		return;
	}
	printf("frame %s %ux%u", viewer.how, viewer.width, viewer.height);
	for (int i = 0; i < 4; i++) {
		const guint8 *pixel = viewer.pixels + (gsize)corner[i][1] * viewer.stride +
				      (gsize)corner[i][0] * 4;

		printf(" %02x%02x%02x", pixel[2], pixel[1], pixel[0]);
	}
	printf("\n");
}

static void print_property(const char *interface, const char *property)
{
	g_autofree char *full = g_strconcat("org.qemu.Display1.", interface, NULL);
	g_autoptr(GVariant) answer = call(strcmp(interface, "VM") == 0 ? ROOT "/VM" : CONSOLE,
					  "org.freedesktop.DBus.Properties", "Get",
					  g_variant_new("(ss)", full, property));
	g_autoptr(GVariant) value = NULL;
	g_autofree char *text = NULL;

	if (answer)
		g_variant_get(answer, "(v)", &value);
	text = value ? g_variant_print(value, FALSE) : g_strdup("refused");
	printf("get %s\n", text);
}

static void print_objects(void)
{
	g_autoptr(GVariant) answer =
		call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL);
	g_autoptr(GVariantIter) objects = NULL;
	g_autoptr(GVariant) interfaces = NULL;
	const char *path;

	printf("objects");
	if (answer) {
		g_variant_get(answer, "(a{oa{sa{sv}}})", &objects);
		while (g_variant_iter_loop(objects, "{&o@a{sa{sv}}}", &path, &interfaces))
			printf(" %s:%zu", path, g_variant_n_children(interfaces));
	}
	printf("\n");
}

static void print_introspection(const char *path)
{
	g_autoptr(GVariant) answer =
		call(path, "org.freedesktop.DBus.Introspectable", "Introspect", NULL);
	g_autoptr(GDBusNodeInfo) node = NULL;
	const char *xml;

	if (answer) {
		g_variant_get(answer, "(&s)", &xml);
		node = g_dbus_node_info_new_for_xml(xml, NULL);
	}
	printf("introspect");
	for (guint i = 0; node && node->interfaces && node->interfaces[i]; i++)
		printf(" %s", node->interfaces[i]->name);
	printf("\n");
}

static void paste(void)
{
	const char *const types[] = {"text/plain;charset=utf-8", NULL};
	g_autoptr(GVariant) answer = call(ROOT "/Clipboard", "org.qemu.Display1.Clipboard",
					  "Request", g_variant_new("(u^as)", 0, types));
	g_autoptr(GVariant) data = NULL;
	gsize length = 0;
	const char *bytes = "";

	if (answer) {
		data = g_variant_get_child_value(answer, 1);
		bytes = g_variant_get_fixed_array(data, &length, 1);
	}
	printf("paste %.*s\n", (int)length, bytes);
}

static gboolean copy(const char *text)
{
	const char *const types[] = {"text/plain;charset=utf-8", NULL};

	g_free(viewer.copied);
	viewer.copied = g_strdup(text);
	return done(ROOT "/Clipboard", "org.qemu.Display1.Clipboard", "Grab",
		    g_variant_new("(uu^as)", 0, ++viewer.serial, types));
}

static void obey(const char *line)
{
	char one[64], two[64];
	guint x, y;
	gboolean good = FALSE;

	if (strcmp(line, "frame") == 0) {
		print_frame();
		return;
	} else if (sscanf(line, "get %63s %63s", one, two) == 2) {
		print_property(one, two);
		return;
	} else if (strcmp(line, "objects") == 0) {
		print_objects();
		return;
	} else if (sscanf(line, "introspect %63s", one) == 1) {
		print_introspection(one);
		return;
	} else if (strcmp(line, "paste") == 0) {
		paste();
		return;
	} else if (sscanf(line, "size %u %u", &x, &y) == 2) {
		good = done(CONSOLE, "org.qemu.Display1.Console", "SetUIInfo",
			    g_variant_new("(qqiiuu)", 0, 0, 0, 0, x, y));
	} else if (sscanf(line, "key %u", &x) == 1) {
		good = done(CONSOLE, "org.qemu.Display1.Keyboard", "Press",
			    g_variant_new("(u)", x)) &&
		       done(CONSOLE, "org.qemu.Display1.Keyboard", "Release",
			    g_variant_new("(u)", x));
	} else if (sscanf(line, "pointer %u %u", &x, &y) == 2) {
		good = done(CONSOLE, "org.qemu.Display1.Mouse", "SetAbsPosition",
			    g_variant_new("(uu)", x, y));
	} else if (sscanf(line, "button %u", &x) == 1) {
		good = done(CONSOLE, "org.qemu.Display1.Mouse", "Press", g_variant_new("(u)", x)) &&
		       done(CONSOLE, "org.qemu.Display1.Mouse", "Release", g_variant_new("(u)", x));
	} else if (strncmp(line, "copy ", 5) == 0) {
		good = copy(line + 5);
	}
	printf("%.*s %s\n", (int)strcspn(line, " "), line, good ? "done" : "refused");
}

static gboolean on_line(GIOChannel *channel, GIOCondition condition, gpointer loop)
{
	g_autofree char *line = NULL;

	(void)condition;
	if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
		g_main_loop_quit(loop);
		return G_SOURCE_REMOVE;
	}
	obey(g_strchomp(line));
	fflush(stdout);
	return G_SOURCE_CONTINUE;
}

int main(int count, char *arguments[])
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	GIOChannel *input = g_io_channel_unix_new(0);

	if (count < 2)
		return 2;
	viewer.maps = count > 2;
	viewer.main = connect_fd(atoi(arguments[1]));
	g_dbus_connection_set_exit_on_close(viewer.main, FALSE);
	export(viewer.main, ROOT "/Clipboard", "org.qemu.Display1.Clipboard", on_clipboard);
	g_dbus_connection_start_message_processing(viewer.main);
	register_listener();
	done(ROOT "/Clipboard", "org.qemu.Display1.Clipboard", "Register", NULL);
	printf("connected\n");
	fflush(stdout);
	g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_line, loop);
	g_main_loop_run(loop);
	return 0;
}
