"""The graph as a page, one file of HTML that works without a network, and as a film in SVG.

``stepper``, ``playground`` and ``drill`` are pages, made of what is in ``shared``; ``film`` is a
picture that moves. Each is called like its function, which `viz` offers.
"""
