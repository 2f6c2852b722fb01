"""What calls cost: rate cards, a month's bill, offers beside each other, the edge's own costs.

All of it is pure: texts and records in, amounts out. Money is Decimal from the first to the last
step, and what is known exactly is added up exactly (billing/money.py says where it is rounded).
"""
