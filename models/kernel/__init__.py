"""Helpers lifted from the C of a real kernel tree into the form of a model."""

from __future__ import annotations

from models.kernel.build import architecture_from_tree, machine_from_tree
from models.kernel.errors import CannotLift, KernelError, NotLifted
from models.kernel.helper import InPlaceHelper, LiftedHelper
from models.kernel.lift import LiftedTree, lift_tree, liftable
from models.kernel.mail import Patch
from models.kernel.opening import open_tree
from models.kernel.patches import affects, touched
from models.kernel.source import Tree

__all__ = [
    "CannotLift",
    "InPlaceHelper",
    "KernelError",
    "LiftedHelper",
    "LiftedTree",
    "NotLifted",
    "Patch",
    "Tree",
    "affects",
    "architecture_from_tree",
    "lift_tree",
    "liftable",
    "machine_from_tree",
    "open_tree",
    "touched",
]
