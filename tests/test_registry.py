"""Architectures by name, variants of one's own, and entries that remember how they came about."""

from __future__ import annotations

import pytest

from checker.logic import ite
from models.narrate import calls_behind, describe, narrated
from models.pte import LEVELS, twins
from models.registry import FAMILIES, UnknownName, architecture, architectures, machine, split_config, suggest
from tests.builtin_systems import CONFIGS


def test_configurations_are_named_and_found_again() -> None:
    assert len(set(CONFIGS)) == len(CONFIGS)
    for config in CONFIGS:
        assert architecture(config).config == config


def test_the_registry_lists_what_the_modules_have() -> None:
    for name, family in FAMILIES.items():
        for features in [(), *((f,) for f in family.features)]:
            assert tuple(arch.variant for arch in machine(name, features)) == family.variants


def test_a_machine_alone_names_all_its_variants() -> None:
    assert [a.config for a in architectures("sparc64+sun4v")] == ["sparc64+sun4v/original", "sparc64+sun4v/linux-6.12"]


def test_the_base_machine_of_sparc64_has_a_name_of_its_own() -> None:
    assert [a.config for a in architectures("sparc64+sun4u")] == [a.config for a in architectures("sparc64")]
    assert architecture("sparc64+sun4u/original").config == "sparc64/original"
    assert architecture("sparc64+sun4u/original").bits == architecture("sparc64/original").bits


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("loongarhc/original", "no architecture 'loongarhc': did you mean 'loongarch'"),
        ("vax", "no architecture 'vax': known are loongarch, sparc64, x86-64"),
        ("loongarch+pwt", "no feature.*'pwt': did you mean 'ptw'"),
        ("x86-64+ptw", "no feature.*'ptw'"),
        ("sparc64+sun4", "no feature.*'sun4': did you mean 'sun4[uv]'"),
        ("loongarch/huacia", "no variant.*'huacia': did you mean 'huacai'"),
        ("loongarch/zzz", "no variant.*'zzz': known are original, huacai"),
        ("loongarch/", "no variant"),
        ("", "no architecture ''"),
        ("/original", "no architecture ''"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(config: str, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        architectures(config)


@pytest.mark.parametrize("config", ["loongarch+", "loongarch+/huacai", "x86-64++shstk", "sparc64+sun4u+sun4v"])
def test_a_feature_that_is_none_or_contradicts_another_is_refused(config: str) -> None:
    with pytest.raises(UnknownName):
        architectures(config)


def test_one_configuration_needs_its_variant() -> None:
    with pytest.raises(UnknownName, match="names 2 configurations: add /VARIANT, one of original, linux-6.12"):
        architecture("sparc64")


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        ("loongarch", ("loongarch", (), None)),
        ("loongarch/huacai", ("loongarch", (), "huacai")),
        ("loongarch+ptw+x/linux-6.1", ("loongarch", ("ptw", "x"), "linux-6.1")),
        ("a/b/c", ("a", (), "b/c")),
    ],
)
def test_the_parts_of_a_name(config: str, parts: tuple[str, tuple[str, ...], str | None]) -> None:
    assert split_config(config) == parts


def test_suggestions_name_the_nearest_or_all() -> None:
    assert "did you mean 'beta'" in str(suggest("betta", ["alpha", "beta"], "thing"))
    assert "known are alpha, beta" in str(suggest("qqq", ["alpha", "beta"], "thing"))


def test_a_variant_of_ones_own_is_a_few_lines() -> None:
    mine = architecture("loongarch/original").with_helpers(
        "mine", "mkdirty does nothing", "a test", **twins(mkdirty=lambda entry: entry)
    )
    assert mine.config == "loongarch/mine"
    original = architecture("loongarch/original")
    changed = {name for name in original.helpers if mine.helpers[name] is not original.helpers[name]}
    assert changed == {f"{level}_mkdirty" for level in LEVELS}
    assert mine.pte_mkdirty(0) == 0 != original.pte_mkdirty(0)


def test_a_helper_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="pte_mkfrobnicated"):
        architecture("x86-64/linux-6.1").pte_mkfrobnicated  # noqa: B018 - the look-up is what raises


def test_an_entry_remembers_the_calls_behind_it() -> None:
    arch = narrated(architecture("loongarch/original"))
    entry = arch.pte_mkdirty(arch.pte_wrprotect(arch.protections["SHARED"]))
    assert [describe(arch, call) for call in calls_behind(entry)] == ["pte_wrprotect -W", "pte_mkdirty +D +M"]
    assert [describe(arch, c) for c in calls_behind(arch.pte_mkold(arch.pte_mkold(1)))][1] == "pte_mkold (no change)"
    assert int(entry) == architecture("loongarch/original").pte_mkdirty(arch.protections["READONLY"])
    assert calls_behind(int(entry)) == ()
    assert calls_behind(entry & 1) == ()


@pytest.mark.parametrize(("config", "who"), [("loongarch/hev", "the TLB handler"), ("x86-64/linux-6.1", "the CPU")])
def test_an_entry_remembers_who_recorded_a_store(config: str, who: str) -> None:
    arch = narrated(architecture(config))
    after = arch.hardware.store(arch.mk_pte(arch.protections["SHARED"]))
    assert [call.name for call in calls_behind(after)][-1] == who
    assert ite(True, after, 0) is after


def test_narration_changes_no_result() -> None:
    for config in CONFIGS:
        plain, story = architecture(config), narrated(architecture(config))
        for name, helper in plain.helpers.items():
            if not name.endswith("_modify"):
                for word in (0, *plain.protections.values(), (1 << 64) - 1):
                    assert int(story.helpers[name](word)) & (1 << 64) - 1 == int(helper(word)) & (1 << 64) - 1


def test_helpers_that_only_answer_a_question_are_found_by_name_and_in_no_list():
    found = architecture("loongarch+ptw/linux-6.12-peter")
    assert found.config == "loongarch+ptw/linux-6.12-peter"
    assert found.variant not in FAMILIES["loongarch"].variants
    assert found.variant not in [arch.variant for arch in machine("loongarch", ("ptw",))]
    with pytest.raises(UnknownName):
        architecture("sparc64/linux-6.12-peter")
