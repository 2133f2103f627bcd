// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * cow-isolation: every process reads what it last wrote or inherited.
 *
 * Required by: fork(2); the reproducer of the mail thread: the child's sum must
 * stay 0
 * Otherwise: silent memory corruption between processes.
 *
 * Broken with the helpers of loongarch/original: mkdirty sets the
 * hardware-write bit on every entry, write-protected or not.
 *   Read from: arch/loongarch/include/asm/pgtable.h in v6.0; the lines the
 *   patch in the seed removes
 * and with the core of generic mm, the split linux-6.12 (mm/huge_memory.c
 * __split_huge_pmd_locked() in Linux 6.12.117).
 *
 * These steps break it, as a model checker found and replayed on integers:
 *   a huge page of its own
 *   fork_pmd(parent)
 *   split_huge_pmd(parent)
 *   store(parent)
 * Made by:
 *   ptecheck reproduce cow-isolation.trace.json
 *
 * Each process takes one step at a time; the tables of steps and of checks
 * stand above main(). Checked in the end is what user space can see of the
 * requirement: every process reads what it last wrote or inherited.
 *
 * "not ok" says that this kernel breaks the requirement. "ok" says that it kept
 * it in this order of steps: the kernel may have gone another way than the
 * model, and nothing is said about other orders. A step that cannot be done
 * here is a SKIP with the kernel's reason. Exit status: 0 ok, 1 not ok, 4 SKIP.
 *
 * To be run on loongarch; elsewhere it says nothing about the helpers above:
 *   cc -o test FILE && ./test
 */

static const struct step steps[] = {
	/*
	 * Start: a huge page of its own. (mm/huge_memory.c
	 * __do_huge_pmd_anonymous_page(): mkdirty, then mkwrite)
	 */
	{ PARENT, map_huge_page, 0x10, WRITES, "a huge page of its own" },
	/*
	 * 1: Fork of a huge page: both PMDs are write-protected, writable or
	 * not (mm/huge_memory.c copy_huge_pmd()).
	 */
	{ PARENT, fork_process, CHILD, FORKS, "fork_pmd(parent)" },
	/*
	 * 2: A huge PMD is replaced by PTEs (mm/huge_memory.c
	 * __split_huge_pmd_locked(), __split_huge_zero_page_pmd()). Here:
	 * MADV_DONTNEED of a part.
	 */
	{ PARENT, split_huge_page, 0, KEEPS, "split_huge_pmd(parent)" },
	/*
	 * 3: A user store goes through without generic mm (the architecture's
	 * hardware description).
	 */
	{ PARENT, store, 0x13, WRITES, "store(parent)" },
};

static const struct check checks[] = {
	{ { PARENT, load, 0, KEEPS, "parent reads its own data" }, DONE, 1 },
	{ { CHILD, load, 0, KEEPS, "child reads its own data" }, DONE, 1 },
};
