"""Real kernel trees for the tests, from Debian packages: ``python -m tests.kernel_trees`` fetches them.

With ``--all``, it fetches the oldest release that is supported and Debian's newest as well. Those are packages of other
suites: apt looks them up with a list of sources of its own, in the cache folder, on the mirror that it is set up with.

Nothing of a kernel is ever committed: the trees live in an ignored cache folder. Also here: a made-up tree for
tests that need none of Debian's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("PTECHECK_KERNEL_CACHE") or Path(__file__).resolve().parent.parent / ".cache" / "kernel")
"""Where the trees are kept; the environment variable PTECHECK_KERNEL_CACHE moves it."""

FETCH = "python -m tests.kernel_trees"
FOLDERS = ("arch", "mm", "include", "Documentation/mm", "tools/testing/selftests", "Makefile")
VERSIONS = ("6.1", "6.12")
CURRENT = "current"
"""Whatever release Debian's suite sid has; its folder is linux-current, and the Makefile there says which one it is."""
OTHERS = {"5.10": "bullseye", CURRENT: "sid"}
"""More releases, with the suites that have them; only the folders that are read for helpers are unpacked."""
READ = ("arch", "mm", "include", "Makefile")
_HEADERS = re.compile(r"^(linux-headers-6\.12\.[0-9][0-9a-z.+~-]*-common)\b", re.M)


def tree(version: str) -> Path | None:
    """The source tree of a version, one of :data:`VERSIONS` or :data:`OTHERS`, if it was fetched."""
    found = _present(CACHE / f"linux-{version}")
    return found if found and all((found / folder).exists() for folder in _folders(version)) else None


def _folders(version: str) -> tuple[str, ...]:
    return READ if version in OTHERS else FOLDERS


def release(tree: Path) -> str:
    """The release of a tree as its Makefile has it, without the last number: ``5.10``."""
    text = (tree / "Makefile").read_text(errors="replace")
    found = [re.search(rf"^{name} = (\d+)$", text, re.M) for name in ("VERSION", "PATCHLEVEL")]
    return ".".join(number.group(1) if number else "?" for number in found)


def headers(version: str) -> Path | None:
    """Debian's common headers folder of a version, if it was fetched."""
    return _present(CACHE / f"headers-{version}")


def why_not(version: str) -> str:
    """Why a test that needs a tree is skipped."""
    return f"no Linux {version} tree in {CACHE}: fetch it with {FETCH}{' --all' if version in OTHERS else ''}"


def _present(folder: Path) -> Path | None:
    return folder if (folder / "include" / "linux" / "pgtable.h").is_file() else None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _apt(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def _known(package: str) -> bool:
    return subprocess.run(("apt-cache", "show", package), check=False, capture_output=True).returncode == 0


def _refresh() -> None:
    """Updates the package list if it does not know the packages yet."""
    if not _known("linux-source-6.12"):
        _say("updating the package list")
        subprocess.run(("apt-get", "update", "-qq"), check=False)


def _newest_headers() -> str:
    """The name of the newest package with Debian's common headers of 6.12."""
    found = _HEADERS.findall(_apt("apt-cache", "search", "--names-only", r"^linux-headers-6\.12\..*-common$"))
    plain = [name for name in found if not name.endswith("-rt-common")] or found
    if not plain:
        raise SystemExit("no package linux-headers-6.12*-common is known: run apt-get update")
    return max(plain, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])


def _download(package: str, folder: Path, *options: str) -> Path:
    """The package's file, in a folder."""
    _say(f"downloading {package}")
    subprocess.run(("apt-get", *options, "download", "-qq", package), check=True, cwd=folder)
    found = list(folder.glob(f"{package}_*.deb"))
    if not found:
        raise SystemExit(f"apt-get download {package} left no file")
    return found[0]


def _unpack(package: Path, pattern: str, target: Path) -> None:
    """Extracts the members of a package that match a pattern."""
    target.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(("dpkg-deb", "--fsys-tarfile", str(package)), stdout=subprocess.PIPE) as pipe:
        command = ("tar", "-x", "--no-same-owner", "--wildcards", "-C", str(target), pattern)
        subprocess.run(command, stdin=pipe.stdout, check=True)


def _fetch_source(version: str, work: Path) -> None:
    """Debian's linux-source package holds one compressed tarball of the whole kernel."""
    _unpack_source(_download(f"linux-source-{version}", work), version, work)


def _unpack_source(package: Path, version: str, work: Path) -> None:
    _unpack(package, "./usr/src/*.tar.xz", work)
    package.unlink()
    tarball = next((work / "usr" / "src").glob("*.tar.xz"))
    _say(f"unpacking {', '.join(_folders(version))} of {tarball.name}")
    top = tarball.name.removesuffix(".tar.xz")
    members = [f"{top}/{folder}" for folder in _folders(version)]
    subprocess.run(("tar", "-xJf", str(tarball), "--no-same-owner", "-C", str(work), *members), check=True)
    tarball.unlink()
    _install(work / top, CACHE / f"linux-{version}")


def _fetch_other(version: str, work: Path) -> None:
    """The newest linux-source package of another suite; for a release, the newest of that release."""
    options = _other_suite(OTHERS[version], work)
    search = ("apt-cache", *options, "search", "--names-only", r"^linux-source-[0-9.]+$")
    names = [line.split()[0] for line in _apt(*search).splitlines() if line]
    names = [name for name in names if version in (CURRENT, name.removeprefix("linux-source-"))]
    if not names:
        raise SystemExit(f"no package linux-source-* for {version} is in the suite {OTHERS[version]}")
    newest = max(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])
    _unpack_source(_download(newest, work, *options), version, work)


def _other_suite(suite: str, work: Path) -> tuple[str, ...]:
    """Options that have apt use a suite that it is not set up for, with what it knows of it in a folder of the cache."""
    lines = _apt("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(SIGNED_BY)").splitlines()
    mirrors = sorted({line.split()[0] for line in lines if line and "security" not in line})
    if not mirrors:
        raise SystemExit("apt is set up with no mirror")
    state = work / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "parts"):
        (state / folder).mkdir(parents=True)
    (state / "sources.list").write_text(f"deb {mirrors[0]} {suite} main\n")
    (state / "status").touch()
    settings = {
        "Dir::Etc::SourceList": state / "sources.list", "Dir::Etc::SourceParts": state / "parts",
        "Dir::Etc::Preferences": "/dev/null", "Dir::Etc::PreferencesParts": state / "parts",
        "Dir::State::Lists": state / "lists", "Dir::State::Status": state / "status", "Dir::Cache": state / "cache",
        "Acquire::Languages": "none", "APT::Sandbox::User": "root",
        # a suite that is kept for good is not signed anew
        "Acquire::Check-Valid-Until": "false",
    }  # fmt: skip
    options = tuple(part for name, value in settings.items() for part in ("-o", f"{name}={value}"))
    _say(f"reading the package list of {suite}")
    subprocess.run(("apt-get", *options, "update", "-qq"), check=True)
    return options


def _fetch_headers(version: str, work: Path) -> None:
    name = _newest_headers()
    package = _download(name, work)
    _unpack(package, f"./usr/src/{name}/*", work)
    package.unlink()
    _install(work / "usr" / "src" / name, CACHE / f"headers-{version}")


def _install(found: Path, target: Path) -> None:
    """Moves a complete tree into place, so that an interrupted run leaves nothing half-written."""
    shutil.rmtree(target, ignore_errors=True)
    found.rename(target)
    _say(f"{target} is ready")


def main(arguments: list[str]) -> None:
    """Fetches what is not there yet; ``--all`` is the only argument."""
    if arguments not in ([], ["--all"]):
        raise SystemExit(f"usage: {FETCH} [--all]")
    CACHE.mkdir(parents=True, exist_ok=True)
    wanted = [(tree(version), _fetch_source, version) for version in VERSIONS]
    wanted += [(headers("6.12"), _fetch_headers, "6.12")]
    wanted += [(tree(version), _fetch_other, version) for version in (OTHERS if arguments else ())]
    missing = [(fetch, version) for present, fetch, version in wanted if present is None]
    if not missing:
        _say(f"every tree is in {CACHE} already")
        return
    _refresh()
    for fetch, version in missing:
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            try:
                fetch(version, Path(work))
            except (OSError, subprocess.CalledProcessError, SystemExit) as error:
                if version in VERSIONS:
                    raise SystemExit(f"the {version} tree could not be fetched: {error}") from None
                # A mirror drops old suites and moves new ones: no reason to test nothing.
                _say(f"the {version} tree could not be fetched, and its tests are skipped: {error}")


MADE_UP_TYPES = """
typedef struct { unsigned long pte; } pte_t;
typedef struct { unsigned long pmd; } pmd_t;
typedef struct { unsigned long pgprot; } pgprot_t;
#define pte_val(x) ((x).pte)
#define pmd_val(x) ((x).pmd)
#define pgprot_val(x) ((x).pgprot)
#define __pte(x) ((pte_t) { (x) })
#define __pmd(x) ((pmd_t) { (x) })
#define __pgprot(x) ((pgprot_t) { (x) })
"""


def made_up_tree(root: Path, header: str | bytes, **others: str) -> Path:
    """A small tree of the LoongArch shape whose asm/pgtable.h is the given text.

    Args:
        root: an empty folder.
        header: the text; line 1 is its first line.
        **others: more headers under arch/loongarch/include/asm/, ``bits`` for bits.h.
    """
    asm = root / "arch" / "loongarch" / "include" / "asm"
    asm.mkdir(parents=True)
    (root / "include" / "linux").mkdir(parents=True)
    (root / "include" / "linux" / "pgtable.h").write_text("#include <asm/pgtable.h>\n")
    (asm / "types.h").write_text("")
    (asm / "page.h").write_text(MADE_UP_TYPES)
    (asm / "pgtable.h").write_bytes(header if isinstance(header, bytes) else header.encode())
    for name, text in others.items():
        (asm / f"{name.replace('_', '-')}.h").write_text(text)
    return root


if __name__ == "__main__":
    main(sys.argv[1:])
