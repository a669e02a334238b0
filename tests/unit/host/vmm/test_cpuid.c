/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/cpuid.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/kvm_para.h>
#include <stdlib.h>

static struct kvm_cpuid2 *supported, *cpuid;

static void add(uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx, uint32_t ecx,
		uint32_t edx)
{
	supported->entries[supported->nent++] = (struct kvm_cpuid_entry2){
		.function = leaf, .index = subleaf, .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx};
}

/* What an AMD host's KVM reports, as far as it matters here. */
static void amd_host(void)
{
	supported = calloc(1, sizeof(*supported) + 32 * sizeof(supported->entries[0]));
	add(0, 0, 0x16, 0x68747541, 0x444d4163, 0x69746e65);
	add(1, 0, 0x60fb1, 0x05100800, 0, 0);
	add(4, 0, 0x1c000121, 0, 0, 0);
	add(7, 0, 0, 0, 0, 1U << 29 | 1);
	add(0xb, 0, 1, 2, 0x100, 5);
	add(0xb, 1, 4, 16, 0x201, 5);
	add(KVM_CPUID_SIGNATURE, 0, KVM_CPUID_FEATURES, 0, 0, 0);
	add(0x80000008, 0, 0x3030, 0, 0x400f, 0);
	add(0x8000001d, 0, 0x4121, 0, 0, 0);
	add(0x8000001d, 3, 0x3c163, 0, 0, 0);
	add(0x8000001e, 0, 9, 0x109, 3, 0);
}

static void release(void)
{
	free(cpuid);
	free(supported);
	cpuid = NULL;
}

static const struct kvm_cpuid_entry2 *leaf(uint32_t number, uint32_t subleaf)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == number && cpuid->entries[i].index == subleaf)
			return &cpuid->entries[i];
	ck_abort_msg("no leaf 0x%x", number);
}

static void make(unsigned int cpus, uint32_t tsc_khz, unsigned int index)
{
	struct cpuid_machine machine = {cpus, tsc_khz};

	cpuid = cpuid_for_vcpu(supported, &machine, index);
	ck_assert_ptr_nonnull(cpuid);
}

START_TEST(each_processor_has_its_number)
{
	make(4, 0, 3);
	ck_assert_uint_eq(leaf(1, 0)->ebx, 0x03040800);
	ck_assert_uint_eq(leaf(0xb, 0)->edx, 3);
	ck_assert_uint_eq(leaf(0xb, 1)->edx, 3);
	ck_assert_uint_eq(leaf(0x8000001e, 0)->eax, 3);
	ck_assert_uint_eq(leaf(0x8000001e, 0)->ecx, 0);
}
END_TEST

START_TEST(all_are_cores_of_one_socket)
{
	make(6, 0, 0);
	ck_assert_uint_eq(leaf(0xb, 0)->eax, 0);
	ck_assert_uint_eq(leaf(0xb, 0)->ebx, 1);
	ck_assert_uint_eq(leaf(0xb, 0)->ecx, 0x100);
	ck_assert_uint_eq(leaf(0xb, 1)->eax, 3); /* bits for 6 */
	ck_assert_uint_eq(leaf(0xb, 1)->ebx, 6);
	ck_assert_uint_eq(leaf(0xb, 1)->ecx, 0x201);
	ck_assert_uint_eq(leaf(0x80000008, 0)->ecx, 0x3005);
	ck_assert_uint_eq(leaf(1, 0)->edx & 1U << 28, 1U << 28);
}
END_TEST

START_TEST(only_the_last_cache_is_shared)
{
	make(4, 0, 0);
	ck_assert_uint_eq(leaf(4, 0)->eax, 0x0c000121);
	ck_assert_uint_eq(leaf(0x8000001d, 0)->eax, 0x121);
	ck_assert_uint_eq(leaf(0x8000001d, 3)->eax, 0xc163);
}
END_TEST

START_TEST(the_deadline_timer_and_the_hypervisor_are_there)
{
	make(1, 0, 0);
	ck_assert_uint_eq(leaf(1, 0)->ecx, 1U << 31 | 1U << 24);
	ck_assert_uint_eq(leaf(1, 0)->edx & 1U << 28, 0);
}
END_TEST

START_TEST(amd_has_no_arch_capabilities)
{
	make(1, 0, 0);
	ck_assert_uint_eq(leaf(7, 0)->edx, 1);
	free(cpuid);
	supported->entries[0].ebx = 0x756e6547; /* "GenuineIntel" */
	make(1, 0, 0);
	ck_assert_uint_eq(leaf(7, 0)->edx, 1U << 29 | 1);
}
END_TEST

START_TEST(frequencies_are_told_where_they_are_known)
{
	make(1, 2600000, 0);
	ck_assert_uint_eq(leaf(KVM_CPUID_SIGNATURE, 0)->eax, 0x40000010);
	ck_assert_uint_eq(leaf(0x40000010, 0)->eax, 2600000);
	ck_assert_uint_eq((uint64_t)leaf(0x15, 0)->ecx * leaf(0x15, 0)->ebx / leaf(0x15, 0)->eax,
			  2600000000);
	free(cpuid);
	make(1, 0, 0);
	ck_assert_uint_eq(leaf(KVM_CPUID_SIGNATURE, 0)->eax, KVM_CPUID_FEATURES);
	ck_assert_uint_eq(cpuid->nent, supported->nent);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpuid");
	TCase *tc = tcase_create("cpuid");

	tcase_add_checked_fixture(tc, amd_host, release);
	tcase_add_test(tc, each_processor_has_its_number);
	tcase_add_test(tc, all_are_cores_of_one_socket);
	tcase_add_test(tc, only_the_last_cache_is_shared);
	tcase_add_test(tc, the_deadline_timer_and_the_hypervisor_are_there);
	tcase_add_test(tc, amd_has_no_arch_capabilities);
	tcase_add_test(tc, frequencies_are_told_where_they_are_known);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
