/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* With libvirt's test driver, whose domain "test" keeps what is set. */
#include "host/daemon/backend/domain.h"
#include "host/daemon/lodged.h"
#include "host/daemon/memory/manager.h"
#include "host/daemon/memory_kept.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB MEMORY_MIB

static struct lodged lodged;
static struct domain_host host;
static struct memory_manager *manager;
static virConnectPtr connect_;
static virDomainPtr libvirts; /* as libvirt has it */
static struct domain *domain;
static char runtime[64], folder[96];

static uint64_t now_ms(void *owner)
{
	(void)owner;
	return uv_hrtime() / 1000000;
}

static int read_host(void *owner, struct host_memory *memory)
{
	(void)owner;
	*memory = (struct host_memory){.total_bytes = 64 * MEMORY_GIB,
				       .available_bytes = 60 * MEMORY_GIB};
	return 0;
}

static void ignore(void *owner)
{
	(void)owner;
}

static void ignore_ready(void *owner, void *member_owner)
{
	(void)owner;
	(void)member_owner;
}

static void ignore_log(void *owner, const char *text)
{
	(void)owner;
	(void)text;
}

static const struct memory_manager_hooks hooks = {now_ms, read_host, ignore, ignore_ready,
						  ignore_log};

static void on_turn(uv_timer_t *timer)
{
	(void)timer;
}

/* Turns of the loop until it is so; the runner's limit ends what never is. */
static void run_until(bool (*is_so)(void))
{
	uv_timer_t turn;

	uv_timer_init(&lodged.loop, &turn);
	uv_timer_start(&turn, on_turn, 1, 1);
	while (!is_so())
		uv_run(&lodged.loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&turn, NULL);
	uv_run(&lodged.loop, UV_RUN_NOWAIT);
}

static bool all_is_carried_out(void)
{
	const struct domain_wish *wish = &domain->memory.wish;

	return !domain->memory.carrying_out && !wish->is_target && !wish->is_limit &&
	       !wish->is_period && !wish->is_pause && !wish->metadata[0] && !host.looking;
}

static uint64_t libvirts_bytes(void)
{
	virDomainInfo info;

	ck_assert_int_eq(virDomainGetInfo(libvirts, &info), 0);
	return (uint64_t)info.memory << 10;
}

static void set_up(void)
{
	static const struct memory_settings settings;
	struct memory_member_config config;
	struct vm *vm;
	char error[256];
	char *xml;

	uv_loop_init(&lodged.loop);
	uv_timer_init(&lodged.loop, &lodged.idle);
	/* A libvirt of this process alone. */
	connect_ = virConnectOpen("test:///default");
	ck_assert_ptr_nonnull(connect_);
	libvirts = virDomainLookupByName(connect_, "test");
	ck_assert_ptr_nonnull(libvirts);

	host = (struct domain_host){.lodged = &lodged, .uri = "test:///default"};
	host.calls = libvirt_calls_new(&lodged.loop);
	host.connect = connect_;
	domain = calloc(1, sizeof(*domain));
	vm = calloc(1, sizeof(*vm));
	ck_assert(domain && vm && host.calls);
	xml = virDomainGetXMLDesc(libvirts, 0);
	ck_assert_int_eq(domain_facts_read(xml, &domain->facts), 0);
	free(xml);
	virDomainGetUUIDString(libvirts, domain->uuid);
	domain->host = &host;
	domain->vm = vm;
	domain->users = 1;
	strcpy(vm->name, "test");
	vm->lodged = &lodged;
	strcpy(runtime, "/tmp/domain-memory.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(runtime));
	snprintf(folder, sizeof(folder), "%s/domain/test", runtime);
	vm->path = folder;
	vm->backend = &backend_domain;
	vm->machine = domain;
	lodged.vms = vm;

	ck_assert_int_eq(memory_manager_new(&settings, &hooks, NULL, &manager), 0);
	memory_config_default(domain->facts.memory_bytes, &config);
	ck_assert_int_eq(memory_manager_adopt(manager, "test", domain->facts.memory_bytes, &config,
					      &domain_memory_driver, vm, error, sizeof(error),
					      &vm->memory),
			 0);
}

static void closed(uv_handle_t *handle)
{
	(void)handle;
}

static bool no_call_is_left(void)
{
	return domain->users == 1;
}

static void tear_down(void)
{
	run_until(no_call_is_left);
	memory_manager_free(manager);
	libvirt_calls_free(host.calls);
	free(lodged.vms);
	domain_put(domain);
	virDomainFree(libvirts);
	virConnectClose(connect_);
	remove_folder(runtime);
	uv_close((uv_handle_t *)&lodged.idle, closed);
	uv_run(&lodged.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&lodged.loop), 0);
	lodged = (struct lodged){0};
}

START_TEST(a_target_is_set)
{
	domain_memory_driver.set_target(domain->vm, 512 * MIB);
	run_until(all_is_carried_out);
	ck_assert_uint_eq(libvirts_bytes(), 512 * MIB);
	ck_assert_str_eq(domain->memory.trouble, "");
}
END_TEST

/* However many wishes come while one is carried out, the last is what becomes of them. */
START_TEST(the_last_wish_counts)
{
	for (uint64_t size = 256; size <= 1024; size++) {
		domain_memory_driver.set_target(domain->vm, size * MIB);
		ck_assert_uint_le(host.carrying_out, 1);
	}
	run_until(all_is_carried_out);
	ck_assert_uint_eq(libvirts_bytes(), 1024 * MIB);
	ck_assert_uint_eq(host.carrying_out, 0);
}
END_TEST

START_TEST(wishes_wait_for_a_libvirt_that_is_away)
{
	uint64_t before = libvirts_bytes();

	host.connect = NULL;
	domain_memory_driver.set_target(domain->vm, 300 * MIB);
	domain_memory_driver.set_target(domain->vm, 400 * MIB);
	ck_assert_uint_eq(host.carrying_out, 0);
	ck_assert_uint_eq(libvirts_bytes(), before);
	host.connect = connect_;
	domain_memory_reached(&host);
	run_until(all_is_carried_out);
	ck_assert_uint_eq(libvirts_bytes(), 400 * MIB);
}
END_TEST

/* What libvirt refuses is said, and does not keep the rest from being done. */
START_TEST(what_is_refused_is_said)
{
	host.connect = NULL;
	domain_memory_driver.set_target(domain->vm, 2 * domain->facts.memory_bytes);
	domain_memory_driver.pause(domain->vm, true);
	host.connect = connect_;
	domain_memory_reached(&host);
	run_until(all_is_carried_out);
	ck_assert_str_ne(domain->memory.trouble, "");
	int state = 0;
	ck_assert_int_eq(virDomainGetState(libvirts, &state, NULL, 0), 0);
	ck_assert_int_eq(state, VIR_DOMAIN_PAUSED);
	/* The next lodged knows, for as long as it is paused. */
	ck_assert(memory_is_kept(domain->vm, MEMORY_KEPT_PAUSE));
	domain_memory_driver.pause(domain->vm, false);
	ck_assert(!memory_is_kept(domain->vm, MEMORY_KEPT_PAUSE));
	run_until(all_is_carried_out);
	ck_assert_int_eq(virDomainGetState(libvirts, &state, NULL, 0), 0);
	ck_assert_int_eq(state, VIR_DOMAIN_RUNNING);
}
END_TEST

/* The next lodged knows of a limit for as long as there is one, which outlives lodged. */
START_TEST(a_limit_is_kept_until_it_is_lifted)
{
	domain_memory_driver.set_limit(domain->vm, 300 * MIB);
	ck_assert(memory_is_kept(domain->vm, MEMORY_KEPT_LIMIT));
	domain_memory_driver.set_limit(domain->vm, 200 * MIB);
	ck_assert(memory_is_kept(domain->vm, MEMORY_KEPT_LIMIT));
	domain_memory_driver.set_limit(domain->vm, 0);
	ck_assert(!memory_is_kept(domain->vm, MEMORY_KEPT_LIMIT));
	run_until(all_is_carried_out);
}
END_TEST

START_TEST(what_its_owner_sets_is_kept)
{
	struct memory_member_config config;
	struct domain_facts facts;
	char error[256];
	char *xml;

	config = *memory_member_config(domain->vm->memory);
	config.minimum_bytes = 777 * MIB;
	config.shares = 5;
	ck_assert_int_eq(
		memory_member_configure(domain->vm->memory, &config, true, error, sizeof(error)),
		0);
	run_until(all_is_carried_out);
	xml = virDomainGetXMLDesc(libvirts, 0);
	ck_assert_int_eq(domain_facts_read(xml, &facts), 0);
	free(xml);
	ck_assert(!facts.memory.watched);
	ck_assert_uint_eq(facts.memory.minimum_bytes, 777 * MIB);
	ck_assert_uint_eq(facts.memory.shares, 5);
}
END_TEST

static bool shares_are_seven(void)
{
	return memory_member_config(domain->vm->memory)->shares == 7;
}

static bool it_is_watched(void)
{
	return memory_member_config(domain->vm->memory)->watched;
}

static void say(const char *text)
{
	struct libvirt_event event = {.kind = LIBVIRT_EVENT_METADATA};

	ck_assert_int_eq(virDomainSetMetadata(libvirts, VIR_DOMAIN_METADATA_ELEMENT, text,
					      MEMORY_METADATA_PREFIX, MEMORY_METADATA_URI, 0),
			 0);
	domain_memory_told(domain, &event);
}

START_TEST(what_others_write_is_followed)
{
	/* The test's domain has no balloon in its XML, ours is to take part. */
	say("<memory mode='off' shares='7'/>");
	run_until(shares_are_seven);
	ck_assert(it_is_watched());
}
END_TEST

START_TEST(nonsense_is_watched)
{
	say("<memory mode='auto' minimum='a lot'/>");
	run_until(it_is_watched);
}
END_TEST

START_TEST(a_balloon_that_moves_is_seen)
{
	struct libvirt_event event = {.kind = LIBVIRT_EVENT_BALLOON, .bytes = 333 * MIB};
	struct memory_member_view view;

	domain_memory_told(domain, &event);
	memory_member_view(domain->vm->memory, &view);
	ck_assert(view.observed);
	ck_assert_uint_eq(view.seen.actual_bytes, 333 * MIB);
	ck_assert(view.seen.driver);
}
END_TEST

int main(void)
{
	TCase *test = tcase_create("domain_memory");

	tcase_add_checked_fixture(test, set_up, tear_down);
	tcase_set_timeout(test, 120);
	tcase_add_test(test, a_target_is_set);
	tcase_add_test(test, the_last_wish_counts);
	tcase_add_test(test, wishes_wait_for_a_libvirt_that_is_away);
	tcase_add_test(test, what_is_refused_is_said);
	tcase_add_test(test, a_limit_is_kept_until_it_is_lifted);
	tcase_add_test(test, what_its_owner_sets_is_kept);
	tcase_add_test(test, what_others_write_is_followed);
	tcase_add_test(test, nonsense_is_watched);
	tcase_add_test(test, a_balloon_that_moves_is_seen);
	return suite_run_case("domain_memory", test);
}
