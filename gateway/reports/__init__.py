"""Statements for people who pay and reports for people who run the place."""
