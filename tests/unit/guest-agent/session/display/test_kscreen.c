/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend in front of a compositor that has KWin's protocols, in a process of its own: devices
 * are globals, as until KWin 6.6, or told of by a registry, as since 6.7, with all that those have.
 */
#include "guest-agent/session/display.h"
#include "guest-agent/session/wayland/kde_outputs.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wayland-server-core.h>

#define WAIT_MS 10000

/* --- The compositor --------------------------------------------------------------------------- */

/* Places of events. */
enum {
	DEVICE_GEOMETRY,
	DEVICE_CURRENT_MODE,
	DEVICE_MODE,
	DEVICE_DONE,
	DEVICE_SCALE,
	DEVICE_ENABLED = 6,
	DEVICE_NAME = 14,
	DEVICE_HIGH_DYNAMIC_RANGE,
	DEVICE_SDR_BRIGHTNESS,
	DEVICE_WIDE_COLOR_GAMUT,
	DEVICE_AUTO_ROTATE_POLICY,
	DEVICE_ICC_PROFILE_PATH,
	DEVICE_BRIGHTNESS_METADATA,
	DEVICE_BRIGHTNESS_OVERRIDES,
	DEVICE_REPLICATION_SOURCE = 27,
	DEVICE_MAX_BITS_RANGE = 30,
	DEVICE_PRIORITY = 34,
	DEVICE_AUTO_BRIGHTNESS,
	DEVICE_REMOVED,
	MODE_SIZE = 0,
	MODE_FLAGS = 4,
	REGISTRY_OUTPUT = 1,
	CONFIGURATION_APPLIED = 0,
};

static const struct {
	int32_t width, height;
} sizes[] = {{1024, 768}, {1440, 900}, {640, 480}};

struct device {
	struct compositor *compositor;
	const char *name;
	int32_t x;
	bool enabled;
	size_t size;
	wl_fixed_t scale;
	struct wl_resource *resource, *mode[ARRAY_SIZE(sizes)];
};

struct compositor {
	struct wl_display *display;
	struct device device[2];
};

static void tell_current(struct device *device)
{
	struct wl_resource *resource = device->resource;

	wl_resource_post_event(resource, DEVICE_GEOMETRY, device->x, 0, 300, 200, 0, "", "", 0);
	wl_resource_post_event(resource, DEVICE_ENABLED, device->enabled);
	wl_resource_post_event(resource, DEVICE_SCALE, device->scale);
	wl_resource_post_event(resource, DEVICE_CURRENT_MODE, device->mode[device->size]);
	wl_resource_post_event(resource, DEVICE_DONE);
}

/* What came with later versions, of each kind one. */
static void tell_more(struct wl_resource *resource)
{
	wl_resource_post_event(resource, DEVICE_HIGH_DYNAMIC_RANGE, 0);
	wl_resource_post_event(resource, DEVICE_ICC_PROFILE_PATH, "");
	wl_resource_post_event(resource, DEVICE_BRIGHTNESS_METADATA, 1, 2, 3);
	wl_resource_post_event(resource, DEVICE_BRIGHTNESS_OVERRIDES, -1, -1, -1);
	wl_resource_post_event(resource, DEVICE_REPLICATION_SOURCE, "");
	wl_resource_post_event(resource, DEVICE_MAX_BITS_RANGE, 8, 10);
	wl_resource_post_event(resource, DEVICE_PRIORITY, 1);
	wl_resource_post_event(resource, DEVICE_AUTO_BRIGHTNESS, 0);
}

/* Who lets go of a device that was removed is answered by a scale of the other. */
static int on_device_request(const void *implementation, void *target, uint32_t opcode,
			     const struct wl_message *message, union wl_argument *arguments)
{
	struct device *device = wl_resource_get_user_data(target);
	struct device *other = &device->compositor->device[0];

	(void)implementation;
	(void)message;
	(void)arguments;
	if (opcode != KDE_DEVICE_RELEASE || device == other)
		_exit(1);
	wl_resource_destroy(target);
	other->scale = wl_fixed_from_int(2);
	tell_current(other);
	return 0;
}

static void tell_device(struct wl_client *client, struct device *device, uint32_t version)
{
	struct wl_resource *resource = device->resource;

	wl_resource_set_dispatcher(resource, on_device_request, NULL, device, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		device->mode[i] = wl_resource_create(client, &kde_mode_interface, (int)version, 0);
		wl_resource_post_event(resource, DEVICE_MODE, device->mode[i]);
		wl_resource_post_event(device->mode[i], MODE_SIZE, sizes[i].width, sizes[i].height);
		if (version >= KDE_REGISTRY_VERSION)
			wl_resource_post_event(device->mode[i], MODE_FLAGS, 0);
	}
	wl_resource_post_event(resource, DEVICE_NAME, device->name);
	if (version >= KDE_REGISTRY_VERSION)
		tell_more(resource);
	tell_current(device);
}

static void bind_device(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct device *device = data;

	device->resource = wl_resource_create(client, &kde_device_interface, (int)version, id);
	tell_device(client, device, version);
}

static void bind_registry(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	struct wl_resource *registry =
		wl_resource_create(client, &kde_registry_interface, (int)version, id);
	struct compositor *compositor = data;

	for (size_t i = 0; i < ARRAY_SIZE(compositor->device); i++) {
		struct device *device = &compositor->device[i];

		device->resource =
			wl_resource_create(client, &kde_device_interface, (int)version, 0);
		wl_resource_post_event(registry, REGISTRY_OUTPUT, device->resource);
		tell_device(client, device, version);
	}
}

static void configure_device(struct device *device, uint32_t opcode,
			     const union wl_argument *arguments)
{
	if (opcode == KDE_CONFIGURATION_ENABLE)
		device->enabled = arguments[1].i;
	if (opcode == KDE_CONFIGURATION_POSITION)
		device->x = arguments[1].i;
	for (size_t i = 0; opcode == KDE_CONFIGURATION_MODE && i < ARRAY_SIZE(sizes); i++) {
		if ((struct wl_resource *)arguments[1].o == device->mode[i])
			device->size = i;
	}
}

static void apply_configuration(struct compositor *compositor, struct wl_resource *configuration)
{
	for (size_t i = 0; i < ARRAY_SIZE(compositor->device); i++)
		tell_current(&compositor->device[i]);
	wl_resource_post_event(configuration, CONFIGURATION_APPLIED);
	/* The smallest size is the cue to unplug the other. */
	if (sizes[compositor->device[0].size].width == 640)
		wl_resource_post_event(compositor->device[1].resource, DEVICE_REMOVED);
}

static int on_configuration_request(const void *implementation, void *target, uint32_t opcode,
				    const struct wl_message *message, union wl_argument *arguments)
{
	(void)implementation;
	if (strchr(message->signature, 'o'))
		configure_device(wl_resource_get_user_data((struct wl_resource *)arguments[0].o),
				 opcode, arguments);
	else if (opcode == KDE_CONFIGURATION_APPLY)
		apply_configuration(wl_resource_get_user_data(target), target);
	else
		wl_resource_destroy(target);
	return 0;
}

static int on_management_request(const void *implementation, void *target, uint32_t opcode,
				 const struct wl_message *message, union wl_argument *arguments)
{
	struct wl_resource *configuration =
		wl_resource_create(wl_resource_get_client(target), &kde_configuration_interface,
				   wl_resource_get_version(target), arguments[0].n);

	(void)implementation;
	(void)opcode;
	(void)message;
	wl_resource_set_dispatcher(configuration, on_configuration_request, NULL,
				   wl_resource_get_user_data(target), NULL);
	return 0;
}

static void bind_management(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
	wl_resource_set_dispatcher(
		wl_resource_create(client, &kde_management_interface, (int)version, id),
		on_management_request, NULL, data, NULL);
}

enum devices { GLOBALS, REGISTRY, GLOBALS_THEN_REGISTRY, REGISTRY_THEN_GLOBALS, OLD_REGISTRY };

static void add_globals(struct compositor *compositor)
{
	for (size_t i = 0; i < ARRAY_SIZE(compositor->device); i++)
		wl_global_create(compositor->display, &kde_device_interface, 2,
				 &compositor->device[i], bind_device);
}

static void add_registry(struct compositor *compositor, enum devices devices)
{
	wl_global_create(compositor->display, &kde_registry_interface,
			 devices == OLD_REGISTRY ? KDE_REGISTRY_VERSION - 1 : KDE_REGISTRY_VERSION,
			 compositor, bind_registry);
}

static void compose(enum devices devices, int fd)
{
	struct compositor compositor = {
		.display = wl_display_create(),
		.device = {{.name = "Virtual-1", .enabled = true},
			   {.name = "Virtual-2", .enabled = true, .x = 1024}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(compositor.device); i++) {
		compositor.device[i].compositor = &compositor;
		compositor.device[i].scale = wl_fixed_from_int(1);
	}
	wl_global_create(compositor.display, &kde_management_interface, 3, &compositor,
			 bind_management);
	if (devices == GLOBALS || devices == GLOBALS_THEN_REGISTRY)
		add_globals(&compositor);
	if (devices != GLOBALS)
		add_registry(&compositor, devices);
	if (devices == REGISTRY_THEN_GLOBALS)
		add_globals(&compositor);
	if (!wl_client_create(compositor.display, fd))
		_exit(1);
	wl_display_run(compositor.display);
}

/* --- The backend, under a display of the test ------------------------------------------------- */

struct display {
	uv_loop_t loop;
	uv_timer_t watchdog, tick;
	unsigned int changes, applied;
	int error;
	struct service_context context;
	struct environment environment;
	void *state;
	pid_t compositor;
};

/* In place of the service's. */
void display_changed(struct display *display)
{
	display->changes++;
}

void display_applied(struct display *display, int error, const char *text)
{
	(void)text;
	display->applied++;
	display->error = error;
}

static void on_over(void *owner)
{
	(void)owner;
	ck_abort_msg("the compositor hung up");
}

/* What libwayland has read ahead is dispatched before the loop sleeps: it must not sleep for long.
 */
static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("nothing happens any more");
}

static int start(struct display *display, enum devices devices)
{
	char number[16];
	int fds[2];

	*display = (struct display){.environment = {.kind = ENVIRONMENT_WAYLAND}};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	display->compositor = fork();
	if (display->compositor == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		compose(devices, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	snprintf(number, sizeof(number), "%d", fds[0]);
	setenv("WAYLAND_SOCKET", number, 1);
	uv_loop_init(&display->loop);
	uv_timer_init(&display->loop, &display->watchdog);
	uv_timer_start(&display->watchdog, on_watchdog, WAIT_MS, 0);
	uv_timer_init(&display->loop, &display->tick);
	uv_timer_start(&display->tick, on_tick, 5, 5);
	display->context = (struct service_context){
		.loop = &display->loop,
		.environment = &display->environment,
		.over = on_over,
		.owner = display,
	};
	return display_kscreen.start(&display->context, display, &display->state);
}

static void stop(struct display *display)
{
	if (display->state)
		display_kscreen.stop(display->state);
	kill(display->compositor, SIGKILL);
	waitpid(display->compositor, NULL, 0);
	uv_close((uv_handle_t *)&display->watchdog, NULL);
	uv_close((uv_handle_t *)&display->tick, NULL);
	uv_run(&display->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&display->loop), 0);
}

static struct head_list read_heads(const struct display *display)
{
	struct head_list heads = {0};

	ck_assert(!display_kscreen.read(display->state, &heads));
	return heads;
}

static void apply(struct display *display, uint32_t width, uint32_t height)
{
	const struct head_list want = {
		.count = 2,
		.heads = {{.head = 0,
			   .enabled = true,
			   .primary = true,
			   .width = width,
			   .height = height},
			  {.head = 1,
			   .enabled = true,
			   .x = (int32_t)width,
			   .width = 1024,
			   .height = 768}},
	};
	const unsigned int before = display->applied;

	display_kscreen.apply(display->state, &want);
	while (display->applied == before)
		uv_run(&display->loop, UV_RUN_ONCE);
}

START_TEST(devices_are_found_and_set)
{
	struct display display;
	struct head_list heads;

	ck_assert_int_eq(start(&display, (enum devices)_i), 0);
	heads = read_heads(&display);
	ck_assert_uint_eq(heads.count, 2);
	ck_assert_str_eq(heads.heads[0].connector, "Virtual-1");
	ck_assert(heads.heads[0].enabled && heads.heads[1].enabled);
	ck_assert_uint_eq(heads.heads[0].width, 1024);
	ck_assert_int_eq(heads.heads[1].x, 1024);
	ck_assert_uint_eq(heads.heads[1].scale_milli, 1000);
	apply(&display, 1440, 900);
	ck_assert_int_eq(display.error, 0);
	heads = read_heads(&display);
	ck_assert_uint_eq(heads.heads[0].width, 1440);
	ck_assert_int_eq(heads.heads[1].x, 1440);
	/* One that no monitor has. */
	apply(&display, 1366, 768);
	ck_assert_int_eq(display.error, -EAGAIN);
	stop(&display);
}
END_TEST

START_TEST(a_device_of_the_registry_goes)
{
	struct display display;

	ck_assert_int_eq(start(&display, REGISTRY), 0);
	ck_assert_uint_eq(read_heads(&display).count, 2);
	apply(&display, 640, 480);
	while (read_heads(&display).count > 1)
		uv_run(&display.loop, UV_RUN_ONCE);
	/* It was let go, which the compositor answers so. */
	while (read_heads(&display).heads[0].scale_milli != 2000)
		uv_run(&display.loop, UV_RUN_ONCE);
	ck_assert_str_eq(read_heads(&display).heads[0].connector, "Virtual-1");
	ck_assert_uint_gt(display.changes, 0);
	stop(&display);
}
END_TEST

/* To bind it would be a fault. */
START_TEST(a_registry_that_is_too_old_is_left_alone)
{
	struct display display;

	ck_assert_int_eq(start(&display, OLD_REGISTRY), -ENOTSUP);
	stop(&display);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("kscreen");

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, devices_are_found_and_set, GLOBALS, OLD_REGISTRY);
	tcase_add_test(tests, a_device_of_the_registry_goes);
	tcase_add_test(tests, a_registry_that_is_too_old_is_left_alone);
	return suite_run_case("kscreen", tests);
}
