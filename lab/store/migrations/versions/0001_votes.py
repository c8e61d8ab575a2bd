"""Blind votes: sessions, their pairs of answers, the people, and one vote per person and pair."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "vote_session",
        sa.Column("id", sa.Text, primary_key=True), sa.Column("code", sa.Text, nullable=False, unique=True),
        sa.Column("experiment", sa.Text, nullable=False, index=True), sa.Column("task", sa.Text, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False), sa.Column("dice", sa.Integer, nullable=False),
        sa.Column("systems", sa.JSON, nullable=False), sa.Column("alike", sa.JSON, nullable=False),
        sa.Column("per_voter", sa.Integer, nullable=False), sa.Column("question", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False), sa.Column("closed", sa.Float), sa.Column("revealed", sa.Float))
    op.create_table(
        "vote_pair",
        sa.Column("session", sa.Text, sa.ForeignKey("vote_session.id"), primary_key=True), sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("item", sa.Text, nullable=False), sa.Column("prompt", sa.Text, nullable=False), sa.Column("entity", sa.Text, nullable=False),
        sa.Column("one", sa.Text, nullable=False), sa.Column("other", sa.Text, nullable=False),
        sa.Column("answer_one", sa.Text, nullable=False), sa.Column("answer_other", sa.Text, nullable=False),
        sa.UniqueConstraint("session", "item", "one", "other"))
    op.create_table(
        "voter",
        sa.Column("session", sa.Text, sa.ForeignKey("vote_session.id"), primary_key=True), sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("code", sa.Text, nullable=False), sa.Column("joined", sa.Float, nullable=False), sa.UniqueConstraint("session", "code"))
    op.create_table(
        "vote",
        sa.Column("session", sa.Text, primary_key=True), sa.Column("voter", sa.Integer, primary_key=True),
        sa.Column("pair", sa.Integer, primary_key=True), sa.Column("left_system", sa.Text, nullable=False),
        sa.Column("choice", sa.Text, nullable=False), sa.Column("at", sa.Float, nullable=False),
        sa.ForeignKeyConstraint(["session", "voter"], ["voter.session", "voter.number"]),
        sa.ForeignKeyConstraint(["session", "pair"], ["vote_pair.session", "vote_pair.number"]),
        sa.CheckConstraint("choice IN ('left', 'right', 'tie')"))
