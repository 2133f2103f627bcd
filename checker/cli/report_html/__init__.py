"""``check --report FILE.html``: one self-contained page that can be read from an e-mail, on paper, and without JavaScript."""
