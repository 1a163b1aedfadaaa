"""Sum up by end users and by labels, too."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file, as they stand: they have no parameters, though colons."""
    statements = Path(__file__).with_suffix(".sql").read_text()
    op.execute(statements.replace(":", r"\:"))
