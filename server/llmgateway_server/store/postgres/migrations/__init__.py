"""The schema, a revision a step. SQLAlchemy and alembic are imported here alone, and write SQL that asyncpg runs."""
