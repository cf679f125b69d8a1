"""Recordings as the gateway has them: keys, the archive of a node, and what people do with them afterwards.

keys        the facilities' keys, in a file of their own
archive     begins and ends recordings, and finds after a crash what it left
handling    list, export, verify and purge, each of them audited
command_line    `kinbridge recording ...`
"""
