"""All reference data of the product, in the order in which the rooms depend on each other."""

from django.apps import apps

import accounts.reference
import compliance.reference
import transactions.reference


def load_all() -> None:
    """Load roles, policies, reason codes, limits, texts and the reasons of decisions where they are missing."""
    accounts.reference.load(apps)
    accounts.reference.load_policies(apps)
    transactions.reference.load(apps)
    transactions.reference.load_limits(apps)
    compliance.reference.load(apps)
