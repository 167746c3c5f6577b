"""Default limits: times in seconds, which a provider or option may override, and the size of a document.

Values are the reference's, so that results agree on slow systems (spec/snapshot.md, spec/bundle.md). No other
module of the core holds times. Sizes of one kind of input alone (snapshots, frames, output of programs) stand where it
is read.
"""

from __future__ import annotations

COLLECTOR = 10.0
SNAPSHOT = 300.0
"""All collectors of one snapshot together."""
AGENT_MARGIN = 60.0
"""What an agent gets beyond the user's ``--timeout``, to fetch results and to clean up."""
CHECK = 300.0
CHECK_MARGIN = 15.0
"""What a check gets beyond its time to say so itself, before it is given up."""
CHECK_JOB_MARGIN = 240.0
"""What a check in a container gets beyond its time: to be scheduled, to pull its image, to be read."""
CLEAN_UP = 60.0
"""What is made in a cluster by one check, or one run, is removed within this time, whatever came before."""
VANISH = 60.0
"""What an object that an earlier check or run has deleted gets to go."""
COMPONENT = 60.0
"""One component's bundler."""
DEPLOYER = 60.0
PUBLISH = 600.0
"""A bundle on its way to, or from, the place it is published in."""
CHART = 300.0
"""One chart: found, perhaps over the network, read and rendered."""
TASK = 60.0
"""A task whose kind has no limit of its own."""
HTTP = 30.0
"""A document read over http(s) or from a store, in all."""
EVENT = 2.0
"""A plugin's event hook; the command does not wait longer for it."""
GRACE = 2.0
"""What running tasks get to end after Ctrl-C, and a child process between SIGTERM and SIGKILL."""
SIGNING = 420.0
"""A signature, with five minutes for a person to sign in (spec/bundle.md 15) and the services' answers."""
HOOK = 10.0
"""One call of a hook in a thread or a worker, its start included; inline hooks are trusted to return."""
WORKER_MEMORY_MIB = 2048.0
"""Address space of a plugin's worker, unless its manifest says otherwise (``[limits] memory_mib``)."""
WORKER_MESSAGE = 64 * 1024 * 1024
"""Bytes of one message of a worker."""
WORKER_LOG = 1024 * 1024
"""Bytes that a plugin in a worker may print during one call; it is ended when it prints more."""
DOCTOR = 30.0
"""The import of one plugin in a child process."""
MAX_BYTES = 10 * 1024 * 1024
"""The largest document, and the largest file of a user's directory, that is read."""
