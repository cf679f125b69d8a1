"""Money and records: tariffs, rating, accounts, the closing of visits, CDRs and their exports.

tariff -> rating        what it costs (pure)
authorisation, closing  one transaction each, run in the store's thread
accounting              the facade that the rest of the gateway sees
"""
