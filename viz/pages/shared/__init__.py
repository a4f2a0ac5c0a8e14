"""What all pages have in common: how one is assembled, and what its script and style start from.

``javascript`` (the table) ← ``page`` (assembly, and the object that a notebook shows), with
``frame.html``, ``base.css``, ``arithmetic.js``, ``text.js`` and ``wiring.js``.
"""
