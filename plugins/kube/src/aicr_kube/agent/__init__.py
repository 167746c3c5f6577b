"""The agent ``kubernetes``: measures nodes of a cluster from pods of its own (spec/snapshot.md 11, 14.1 to 14.6).

``run`` is the door. Who may import whom, from the bottom: ``names``; ``profiles``, ``troubles``, ``answers``; ``pods``,
``sink``; ``access``, ``ledger``, ``watching``; ``engine``; ``plan``; ``run``, ``sweep``; ``cli``.
"""
