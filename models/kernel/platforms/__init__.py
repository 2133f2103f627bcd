"""Every architecture that can be lifted, one module for each folder of the kernel's ``arch/``."""

from __future__ import annotations

import importlib
import pkgutil

from models.kernel.architectures import Platform


def _platforms() -> dict[str, Platform]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return {platform.name: platform for module in modules for platform in module.PLATFORMS}


PLATFORMS = _platforms()
"""By their names in ptecheck."""
