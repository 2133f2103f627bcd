"""Patches for the tests: made from two texts, and wrapped as mail clients, git and lists wrap them."""

from __future__ import annotations

import difflib
from email.message import EmailMessage


def unified(path: str, old: str, new: str, context: int = 3, prefix: tuple[str, str] = ("a/", "b/")) -> str:
    """The diff between two texts of one file."""
    names = (prefix[0] + path if old else "/dev/null", prefix[1] + path if new else "/dev/null")
    return "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), *names, n=context))


def stat(diff: str) -> str:
    """The line that git's diffstat ends with."""
    lines = diff.splitlines()
    added = sum(line.startswith("+") and not line.startswith("+++ ") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("--- ") for line in lines)
    return f" 1 file changed, {added} insertions(+), {removed} deletions(-)\n"


def mail(diff: str, subject: str = "[PATCH] made up", mailbox: bool = False) -> str:
    """A mail as git format-patch writes it."""
    head = f"From: A <a@example.org>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: {subject}\n\n"
    start = "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n" if mailbox else ""
    return f"{start}{head}Why.\n\n--- not a file\n+++ neither\n---\n a | 2 +-\n{stat(diff)}\n{diff}-- \n2.47.0\n\n"


def encoded(diff: str, cte: str, charset: str = "utf-8") -> bytes:
    """A mail whose body is encoded."""
    message = EmailMessage()
    message["From"], message["Subject"] = "A <a@example.org>", "[PATCH] made up"
    message.set_content(f"Why.\n---\n{diff}-- \n2.47.0\n", cte=cte, charset=charset)
    return message.as_bytes()


def attached(diff: str, name: str = "fix.patch", kind: tuple[str, str] = ("text", "x-patch")) -> bytes:
    """A mail with the patch as an attachment, and a picture."""
    message = EmailMessage()
    message["From"], message["Subject"] = "A <a@example.org>", "a fix"
    message.set_content("See the attachment.\n")
    message.add_attachment(diff.encode(), maintype=kind[0], subtype=kind[1], filename=name)
    message.add_attachment(b"\0\x01", maintype="image", subtype="png", filename="x.png")
    return message.as_bytes()


def reply(text: str, mark: str = "> ", comment: str = "Looks good to me.\n") -> str:
    """A reply that quotes a mail, with a comment behind its last line."""
    quoted = "".join(f"{mark}{line}\n" if line else f"{mark.rstrip()}\n" for line in text.splitlines())
    return f"Re: [PATCH] made up\n\nOn some day, A wrote:\n{quoted}\n{comment}"
