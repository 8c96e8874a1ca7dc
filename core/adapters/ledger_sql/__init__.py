"""The Ledger on SQL: schema and statements from SQLAlchemy Core, run on the DB-API cursor."""
