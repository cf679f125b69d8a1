"""What a key of another system may be for. Each endpoint names the one scope that reaches it; most name none."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    RECORDS_READ = "records:read"  # call-detail records; never between whom a private visit was
    REPORTS_READ = "reports:read"  # statements and reports
    ACCOUNTS_READ = "accounts:read"  # balances and ledger; and in records who paid
    ACCOUNTS_WRITE = "accounts:write"  # deposits and credits
    NODE_READ = "node:read"  # how a node bears its load
    RULES_READ = "rules:read"  # which rules are in force
