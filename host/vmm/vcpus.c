/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/vcpus.h"

#include "host/vmm/thread.h"
#include "host/vmm/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define KICK_SIGNAL SIGUSR1

enum order {
	ORDER_PARK,
	ORDER_RUN,
	ORDER_RESET, /* each resets its own processor, then parks */
	ORDER_END,
};

struct runner {
	struct vcpus *vcpus;
	struct vcpu vcpu;
	struct thread thread;
	bool reset_pending;
};

struct vcpus {
	const struct vcpus_handlers *handlers;
	void *owner;
	unsigned int count;
	pthread_mutex_t lock; /* guards order, parked, error, reset_pending, immediate_exit */
	pthread_cond_t changed;
	enum order order;
	unsigned int parked;
	int error; /* of a reset */
	struct runner runner[];
};

/* Only there so that the signal interrupts KVM_RUN. */
static void kicked(int signal_number)
{
	(void)signal_number;
}

int vcpus_new(struct kvm *kvm, unsigned int count, struct io_bus *pio, struct io_bus *mmio,
	      const struct vcpus_handlers *handlers, void *owner, struct vcpus **vcpus)
{
	struct vcpus *made = calloc(1, sizeof(*made) + count * sizeof(made->runner[0]));

	if (!made)
		return -ENOMEM;
	made->handlers = handlers;
	made->owner = owner;
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->changed, NULL);
	for (; made->count < count; made->count++) {
		struct runner *runner = &made->runner[made->count];
		int error;

		runner->vcpus = made;
		error = vcpu_init(&runner->vcpu, kvm, count, made->count, pio, mmio);
		if (error) {
			vcpu_destroy(&runner->vcpu);
			vcpus_free(made);
			return error;
		}
	}
	*vcpus = made;
	return 0;
}

/* With the lock held. immediate_exit catches a processor that is about to enter the guest. */
static void give_order(struct vcpus *vcpus, enum order order)
{
	if (vcpus->order == ORDER_END)
		return;
	vcpus->order = order;
	if (order != ORDER_RUN) {
		for (unsigned int i = 0; i < vcpus->count; i++) {
			struct runner *runner = &vcpus->runner[i];

			runner->vcpu.run->immediate_exit = 1;
			if (runner->thread.running)
				pthread_kill(runner->thread.id, KICK_SIGNAL);
		}
	}
	pthread_cond_broadcast(&vcpus->changed);
}

static void order(struct vcpus *vcpus, enum order given)
{
	pthread_mutex_lock(&vcpus->lock);
	give_order(vcpus, given);
	pthread_mutex_unlock(&vcpus->lock);
}

static void reset_one(struct runner *runner)
{
	int error = vcpu_reset(&runner->vcpu);

	if (error)
		runner->vcpus->error = error;
	runner->reset_pending = false;
	pthread_cond_broadcast(&runner->vcpus->changed);
}

/* Wait for the order to run. Return: false at the end. */
static bool wait_for_run(struct runner *runner)
{
	struct vcpus *vcpus = runner->vcpus;
	bool go_on, was_parked;

	pthread_mutex_lock(&vcpus->lock);
	was_parked = vcpus->order != ORDER_RUN;
	if (was_parked) {
		vcpus->parked++;
		pthread_cond_broadcast(&vcpus->changed);
		while (vcpus->order == ORDER_PARK || vcpus->order == ORDER_RESET) {
			if (runner->reset_pending)
				reset_one(runner);
			else
				pthread_cond_wait(&vcpus->changed, &vcpus->lock);
		}
		vcpus->parked--;
	}
	go_on = vcpus->order == ORDER_RUN;
	runner->vcpu.run->immediate_exit = 0;
	pthread_mutex_unlock(&vcpus->lock);
	if (go_on && was_parked)
		vcpu_was_parked(&runner->vcpu);
	return go_on;
}

static void run(void *argument)
{
	struct runner *runner = argument;
	struct vcpus *vcpus = runner->vcpus;

	while (wait_for_run(runner)) {
		enum vcpu_exit exit;

		do {
			exit = vcpu_run(&runner->vcpu);
		} while (exit == VCPU_AGAIN);
		if (exit == VCPU_INTERRUPTED)
			continue;
		vcpus_park(vcpus);
		if (exit == VCPU_STUCK)
			vcpus->handlers->stuck(vcpus->owner);
		else
			vcpus->handlers->ended(vcpus->owner, exit == VCPU_FAILED);
	}
}

int vcpus_start(struct vcpus *vcpus, bool sandboxed)
{
	struct sigaction action = {.sa_handler = kicked};

	sigaction(KICK_SIGNAL, &action, NULL);
	for (unsigned int i = 0; i < vcpus->count; i++) {
		struct runner *runner = &vcpus->runner[i];
		char name[16];
		int error;

		snprintf(name, sizeof(name), "vcpu %u", i);
		error = thread_start(&runner->thread, THREAD_VCPU, sandboxed, name, run, runner);
		if (error)
			return error;
	}
	return 0;
}

void vcpus_free(struct vcpus *vcpus)
{
	if (!vcpus)
		return;
	order(vcpus, ORDER_END);
	for (unsigned int i = 0; i < vcpus->count; i++) {
		thread_join(&vcpus->runner[i].thread);
		vcpu_destroy(&vcpus->runner[i].vcpu);
	}
	pthread_cond_destroy(&vcpus->changed);
	pthread_mutex_destroy(&vcpus->lock);
	free(vcpus);
}

int vcpus_enter(struct vcpus *vcpus, const struct boot_entry *entry)
{
	return vcpu_enter(&vcpus->runner[0].vcpu, entry);
}

static bool any_reset_pending(const struct vcpus *vcpus)
{
	for (unsigned int i = 0; i < vcpus->count; i++)
		if (vcpus->runner[i].reset_pending)
			return true;
	return false;
}

int vcpus_reset(struct vcpus *vcpus)
{
	int error;

	pthread_mutex_lock(&vcpus->lock);
	vcpus->error = 0;
	for (unsigned int i = 0; i < vcpus->count; i++)
		vcpus->runner[i].reset_pending = true;
	give_order(vcpus, ORDER_RESET);
	while (any_reset_pending(vcpus))
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	give_order(vcpus, ORDER_PARK);
	error = vcpus->error;
	pthread_mutex_unlock(&vcpus->lock);
	return error;
}

void vcpus_resume(struct vcpus *vcpus)
{
	order(vcpus, ORDER_RUN);
}

void vcpus_park(struct vcpus *vcpus)
{
	order(vcpus, ORDER_PARK);
}

void vcpus_pause(struct vcpus *vcpus)
{
	pthread_mutex_lock(&vcpus->lock);
	give_order(vcpus, ORDER_PARK);
	while (vcpus->parked < vcpus->count)
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	pthread_mutex_unlock(&vcpus->lock);
}
