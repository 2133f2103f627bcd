"""Helpers with an assignment left out or added: what they still do, and what is known of a run's assignments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker import terms
from models.edits import ONE_STEP, Assignment, Calls, assignments, place, recorded, table_names, with_edits
from models.registry import architecture

ORIGINAL = architecture("loongarch/original")
VALID, DIRTY, HUGE, PRESENT, WRITE, MODIFIED, *_ = (bit.mask for bit in ORIGINAL.bits)
words = st.integers(0, (1 << 64) - 1)


def assignment(helper: str, bit: str, sets: bool, missing: bool = False) -> Assignment:
    """The assignment of a bit by its name."""
    (found,) = [b for b in ORIGINAL.bits if b.name == bit]
    (made,) = assignments(ORIGINAL, helper, found.mask if sets else 0, 0 if sets else found.mask, missing)
    return made


SETS_DIRTY = assignment("pte_mkdirty", "_PAGE_DIRTY", True)


class TestLeavingOut:
    @given(words)
    def test_the_bit_stays_as_it_was_and_all_else_is_as_before(self, entry):
        without = with_edits(ORIGINAL, [SETS_DIRTY]).pte_mkdirty(entry)
        assert without & DIRTY == entry & DIRTY
        assert without & ~DIRTY == ORIGINAL.pte_mkdirty(entry) & ~DIRTY

    @given(words)
    def test_clearing_is_left_out_likewise(self, entry):
        edit = assignment("pte_wrprotect", "_PAGE_WRITE", False)
        without = with_edits(ORIGINAL, [edit]).pte_wrprotect(entry)
        assert without & WRITE == entry & WRITE
        assert without & ~WRITE == ORIGINAL.pte_wrprotect(entry) & ~WRITE

    @given(words, words)
    def test_only_one_direction_is_left_out(self, entry, prot):
        edit = assignment("pte_modify", "_PAGE_WRITE", False)
        without, real = with_edits(ORIGINAL, [edit]).pte_modify(entry, prot), ORIGINAL.pte_modify(entry, prot)
        assert without & WRITE == (entry | real) & WRITE

    @given(words)
    def test_other_helpers_are_as_before(self, entry):
        edited = with_edits(ORIGINAL, [SETS_DIRTY])
        for name in ("pmd_mkdirty", "pte_mkwrite", "pte_wrprotect", "pte_dirty"):
            assert getattr(edited, name)(entry) == getattr(ORIGINAL, name)(entry)

    @given(words)
    def test_terms_say_the_same_as_integers(self, entry):
        edited = with_edits(ORIGINAL, [SETS_DIRTY, assignment("pte_mkdirty", "_PAGE_MODIFIED", True)])
        variable = terms.variable("entry", 64)
        assert terms.evaluate([edited.pte_mkdirty(variable)], {variable: entry})[0] == edited.pte_mkdirty(entry)

    def test_nothing_left_out_is_the_architecture_itself(self):
        assert with_edits(ORIGINAL, []) is ORIGINAL


class TestAdding:
    @given(words)
    def test_the_bit_is_assigned_whatever_it_was(self, entry):
        edited = with_edits(ORIGINAL, [assignment("pte_wrprotect", "_PAGE_VALID", False, missing=True)])
        assert edited.pte_wrprotect(entry) == ORIGINAL.pte_wrprotect(entry) & ~VALID


class TestTheTable:
    def test_a_bit_of_a_protection_is_taken_out_wherever_the_word_is(self):
        shared = table_names(ORIGINAL)[ORIGINAL.protections["SHARED"]]
        assert shared == "protection rw-s"
        edited = with_edits(ORIGINAL, [assignment(shared, "_PAGE_WRITE", True)])
        assert edited.protections["SHARED"] == ORIGINAL.protections["SHARED"] & ~WRITE
        assert edited.protections["PRIVATE"] == ORIGINAL.protections["PRIVATE"]

    def test_protections_with_one_word_have_one_name(self):
        assert table_names(ORIGINAL)[ORIGINAL.protections["PRIVATE"]] == "protection r--p, rw-p"


class TestARecord:
    def test_what_helpers_did_is_known_by_bit_and_direction(self):
        calls = Calls(ORIGINAL)
        arch = recorded(ORIGINAL, calls.record)
        arch.pte_wrprotect(arch.pte_mkdirty(PRESENT | WRITE))
        assert [edit.says for edit in calls.acting()] == [
            "pte_mkdirty sets _PAGE_DIRTY",
            "pte_mkdirty sets _PAGE_MODIFIED",
            "pte_wrprotect clears _PAGE_DIRTY",
            "pte_wrprotect clears _PAGE_WRITE",
        ]

    def test_tests_are_called_and_assign_nothing(self):
        calls = Calls(ORIGINAL)
        recorded(ORIGINAL, calls.record).pte_write(WRITE)
        assert calls.helpers == ("pte_write",)
        assert calls.acting() == ()

    def test_a_test_could_answer_otherwise(self):
        calls = Calls(ORIGINAL)
        arch = recorded(ORIGINAL, calls.record)
        assert (arch.pte_write(WRITE), arch.pte_dirty(DIRTY)) == (True, False)
        yes, no = calls.lacking()
        assert [yes.says, no.says] == [
            "pte_dirty does not say yes for _PAGE_DIRTY",
            "pte_write does not say no for _PAGE_WRITE",
        ]
        edited = with_edits(ORIGINAL, [yes, no])
        assert (edited.pte_write(WRITE), edited.pte_dirty(DIRTY), edited.pte_dirty(0)) == (False, True, False)

    def test_words_of_the_table_are_assignments_of_their_own(self):
        calls = Calls(ORIGINAL)
        recorded(ORIGINAL, calls.record).pte_modify(PRESENT, ORIGINAL.protections["SHARED"])
        assert "the protection of rw-s has _PAGE_WRITE" in [edit.says for edit in calls.acting()]

    def test_what_a_helper_leaves_alone_is_lacking(self):
        calls = Calls(ORIGINAL)
        recorded(ORIGINAL, calls.record).pte_mkold(VALID | WRITE)
        said = [edit.says for edit in calls.lacking()]
        assert "pte_mkold does not clear _PAGE_WRITE" in said
        assert "pte_mkold does not set _PAGE_VALID" in said
        assert "pte_mkold does not clear _PAGE_VALID" not in said

    @given(words)
    def test_recording_changes_no_result(self, entry):
        arch = recorded(ORIGINAL, lambda *_: None)
        for name in ("pte_mkdirty", "pte_dirty", "pmd_mkinvalid"):
            assert getattr(arch, name)(entry) == getattr(ORIGINAL, name)(entry)


class TestNames:
    def test_a_built_in_helper_cites_its_source(self):
        assert "arch/loongarch/include/asm/pgtable.h" in place(ORIGINAL, "pte_mkdirty")

    def test_bits_without_a_name_go_together(self):
        (made,) = assignments(ORIGINAL, "pte_mkold", 3 << 2, 0)
        assert (made.bit, made.mask) == ("bits 0xc", 0xC)

    @pytest.mark.parametrize(
        ("helper", "level"),
        [("pte_mkdirty", "pte"), ("mk_huge_pmd", "pmd"), ("set_pmd_at", "pmd"), ("pudp_invalidate", "pud")],
    )  # fmt: skip
    def test_the_level_is_read_from_the_name(self, helper, level):
        assert Assignment(helper, 0, 1, True, "x").level == level

    def test_a_helper_in_two_steps_is_said_to_be_one(self):
        edit = Assignment("ptep_set_wrprotect", -1, 0, True, ONE_STEP, missing=True)
        assert edit.says == "ptep_set_wrprotect reads the entry first and writes it later, in two steps"
