// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * write-protect-holds: after write-protection and without a later mkwrite the
 * entry is not hardware-writable.
 *
 * Required by: Hev in the seed: pte_wrprotect forces an exception;
 * mm/debug_vm_pgtable.c pte_basic_tests()
 * Otherwise: mprotect, userfaultfd write-protection or copy-on-write is
 * bypassed.
 *
 * Broken by loongarch/original: mkdirty sets the hardware-write bit on every
 * entry, write-protected or not.
 *   Read from: arch/loongarch/include/asm/pgtable.h in v6.0; the lines the
 *   patch in the seed removes
 *
 * The calls below break it, as a model checker found and replayed on integers.
 * In parentheses stand the bits that each of them changes with these helpers.
 * Made by:
 *   ptecheck check loongarch/original --world pte --save out
 *   ptecheck reproduce write-protect-holds.trace.json
 *
 * A failure says that the helpers at hand break the requirement. A pass says
 * that this order of calls does no harm with them; it proves nothing about
 * other orders.
 *
 * Put it next to other tests, for example as mm/ptecheck_kunit.c, with
 * obj-$(CONFIG_KUNIT) += ptecheck_kunit.o.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>

/*
 * A user store through the entry goes through without generic mm, by the CPU
 * alone or by a low-level handler.
 * Source: arch/loongarch/mm/tlbex.S: handle_tlb_store, handle_tlb_modify;
 * LoongArch manual vol. 1, 5.4, TLB entry V, D, PLV
 */
static bool hw_writable(u64 entry)
{
	if ((entry & (_PAGE_VALID | _PAGE_DIRTY | _PAGE_PLV)) ==
	    (_PAGE_VALID | _PAGE_DIRTY | _PAGE_PLV))
		return true;
	return ((entry & (_PAGE_WRITE | _PAGE_PLV)) ==
		(_PAGE_WRITE | _PAGE_PLV)) && ((entry & _PAGE_VALID) ||
					       (entry & _PAGE_PRESENT));
}

static void pte_write_protect_holds(struct kunit *test)
{
	const unsigned long pfn = 0;
	pte_t pte;

	/* Start: a new pte entry with the PRIVATE protection. */
	pte = pfn_pte(pfn, vm_get_page_prot(VM_READ | VM_WRITE));

	/* 1: generic mm calls pte_mkdirty() (+_PAGE_DIRTY +_PAGE_MODIFIED). */
	pte = pte_mkdirty(pte);

	/*
	 * Required now: after write-protection and without a later mkwrite the
	 * entry is not hardware-writable.
	 */
	KUNIT_EXPECT_FALSE(test, hw_writable(pte_val(pte)));
}

static struct kunit_case ptecheck_cases[] = {
	KUNIT_CASE(pte_write_protect_holds),
	{}
};

static struct kunit_suite ptecheck_suite = {
	.name = "ptecheck_pte_write_protect_holds",
	.test_cases = ptecheck_cases,
};
kunit_test_suite(ptecheck_suite);

MODULE_DESCRIPTION("ptecheck: write-protect-holds");
MODULE_LICENSE("Dual MIT/GPL");
