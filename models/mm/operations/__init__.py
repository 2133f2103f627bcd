"""The operations of the mm world, one file for each part of generic mm; importing this package declares them all."""

from models.mm.operations import (  # noqa: F401 - imported for their declarations
    fault,
    file,
    fork,
    gup,
    hardware,
    huge,
    ksm,
    lazyfree,
    migration,
    protection,
    race,
    softdirty,
    swap,
    touch,
    userfaultfd,
)
