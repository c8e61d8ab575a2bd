"""How alembic reaches lab.db: on the connection, and in the transaction, that lab/store/database.py hands it.

A migration is one file in versions/: copy the newest, give it the next number, name the one before in `down_revision`, and set HEAD in
lab/store/database.py. Add tables and columns; what people wrote is never dropped.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True, render_as_batch=True)
context.run_migrations()
