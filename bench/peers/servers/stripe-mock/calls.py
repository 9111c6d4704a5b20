"""Calls of Stripe's own SDK: python calls.py URL. The last one is wrong, and refused by nobody but the document."""

import sys

import stripe

client = stripe.StripeClient("sk_test_123", base_addresses={"api": sys.argv[1]})
v1 = client.v1
v1.customers.create({"email": "a@example.com", "metadata": {"a": "b", "c": "d"}, "address": {"city": "Rome", "country": "IT"}, "preferred_locales": ["en", "it"], "expand": ["default_source"]})
v1.customers.retrieve("cus_123", {"expand": ["subscriptions", "sources"]})
v1.customers.update("cus_123", {"metadata": {"a": ""}, "shipping": {"name": "n", "address": {"line1": "l"}}})
v1.customers.list({"limit": 3, "created": {"gte": 1, "lt": 9999999999}})
v1.payment_intents.create({"amount": 100, "currency": "usd", "automatic_payment_methods": {"enabled": True}, "metadata": {"x": "1"}})
v1.payment_intents.confirm("pi_123", {"payment_method": "pm_card_visa"})
v1.invoices.create({"customer": "cus_123", "auto_advance": False})
v1.subscriptions.create({"customer": "cus_123", "items": [{"price": "price_1", "quantity": 2}, {"price": "price_2"}], "expand": ["latest_invoice"]})
v1.prices.create({"currency": "usd", "unit_amount": 5, "recurring": {"interval": "month"}, "product_data": {"name": "p"}})
v1.charges.list({"limit": 2})
v1.refunds.create({"charge": "ch_123", "amount": 1})
v1.customers.delete("cus_123")
v1.customers.create({"name": "n" * 300})
