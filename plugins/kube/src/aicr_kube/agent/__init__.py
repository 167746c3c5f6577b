"""The agent ``kubernetes``: measures nodes of a cluster from pods of its own (spec/snapshot.md 11, 14.1 to 14.6).

``run`` is the door. Who may import whom, from the bottom: ``api``, ``names``, ``profiles``, ``troubles``; ``answers``,
``ledger``, ``pods``, ``units``, ``watching``; ``sink``; ``access``, ``engine``, ``plan``; ``run``, ``sweep``; ``cli``.
A contract of import-linter holds it. Of the rest of the package only the client is used, and how ``store`` reads a URI.
"""
